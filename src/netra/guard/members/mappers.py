"""Models of Django and of Tortoise: by which classes they are known, and what they have beside what their bodies say.

A model has a name for each of its fields, some more that are made of those (`room_id`, `get_state_display`), the far side of
every relation that leads to it, and what a query has computed for it (`annotate(total=…)`). Where one of those is worked out,
or a field is none of the mapper's own, nobody knows all of it.
"""

from collections.abc import Iterator
from typing import Final

from netra.guard.analysis import Analysis
from netra.guard.facts import Assignment, Expression, last_name
from netra.guard.program import Program
from netra.guard.symbols import ClassSymbol, External, FunctionSymbol

DJANGO: Final = "django"
TORTOISE: Final = "tortoise"

# Full names of the classes from which models derive, as guard's models of these libraries have them.
OF_MAPPERS: Final[dict[str, frozenset[str]]] = {
    "django.db.models.Model": frozenset(
        """objects _default_manager _base_manager _meta _state pk id DoesNotExist MultipleObjectsReturned NotUpdated save
        save_base delete full_clean clean clean_fields validate_unique validate_constraints unique_error_message
        date_error_message prepare_database_save refresh_from_db get_deferred_fields from_db serializable_value
        get_constraints check add_to_class asave adelete arefresh_from_db afrom_db _get_pk_val _set_pk_val _do_update
        _do_insert _save_table _save_parents _perform_unique_checks _perform_date_checks _get_unique_checks
        _prefetched_objects_cache _get_FIELD_display _get_next_or_previous_by_FIELD _get_next_or_previous_in_order
        _prepare_related_fields_for_save _get_field_value_map _get_field_expression_map _check _prepare mro _fields_cache
        unique_error_message Meta""".split()
    ),
    "tortoise.models.Model": frozenset(
        """pk id _meta Meta save delete update_from_dict refresh_from_db fetch_related clone filter exclude all get
        get_or_none create bulk_create bulk_update get_or_create update_or_create first last latest earliest in_bulk
        annotate select_for_update raw exists fetch_for_list describe check select_related prefetch_related _saved_in_db
        _partial _custom_generated_pk _await_when_save _set_kwargs _init_from_db _listeners _db_queryset
        _choose_db register_listener construct""".split()
    ),
}

LIBRARIES: Final = (DJANGO, TORTOISE)
# What a library beside gives a model without adding a name to its objects.
PLAIN: Final = ("builtins.", "uuid.", "datetime.", "decimal.", "re.", "secrets.", "functools.", "typing.")
HOLDERS: Final = frozenset("annotate alias extra aggregate".split())
FAR_SIDES: Final = frozenset({"related_name", "related_query_name", "to_attr", "backref"})


def mapper_of(kind: ClassSymbol, program: Program) -> str:
    """Whose model a class is; empty for one that is none."""
    for each in program.order(kind)[0]:
        if each.module.library and each.full_name in OF_MAPPERS:
            return each.full_name.partition(".")[0]
    return ""


def of_fields(kind: ClassSymbol, program: Program) -> frozenset[str] | None:
    """What a model has by its own fields, beside their names; None where one of them may give it anything."""
    found: set[str] = set()
    for name, assigned in kind.body.assigned.items():
        if not all(_is_plain(each, kind, program) for each in assigned):
            return None
        found |= {f"{name}_id", f"get_{name}_display", f"get_next_by_{name}", f"get_previous_by_{name}"}
    return frozenset(found)


def _is_plain(each: Assignment, kind: ClassSymbol, program: Program) -> bool:
    """It is a field or a manager as the mapper has them, or no object that could add a name."""
    if each.value[0] != "call":
        return True
    callee = kind.body.facts.calls[each.value[1]].callee
    while callee[0] == "call":
        callee = kind.body.facts.calls[callee[1]].callee
    if callee[0] == "attribute" and callee[2] in ("as_manager", "from_queryset"):
        return True
    match program.evaluate(callee, kind.body):
        case External(dotted=dotted):
            return dotted.partition(".")[0] in LIBRARIES or dotted.startswith(PLAIN)
        case ClassSymbol() as made:
            above = program.order(made)[0]
            return any(one.module.library and one.full_name.endswith(("Manager", "QuerySet")) for one in above)
    return False


def given_by_others(analysis: Analysis) -> frozenset[str] | None:
    """Every name that relations, queries and the order of rows give to some model; None where one is worked out."""
    found: set[str] = set()
    for module in analysis.modules:
        for kind in module.classes:
            if not mapper_of(kind, analysis.program):
                continue
            lower = kind.name.lower()
            found |= {lower, f"{lower}s", f"{lower}_set", f"{lower}_ptr", f"{lower}_ptr_id", f"get_{lower}_order"}
            found.add(f"set_{lower}_order")
    for scope in analysis.scopes:
        for call in scope.facts.calls:
            for key, value in call.keywords:
                if key in FAR_SIDES and value[0] != "none":
                    if value[0] != "string" or "%" in value[1]:
                        return None
                    found.add(value[1])
    for scope, _, call in analysis.calls_of(*sorted(HOLDERS)):
        found |= {name for each in call.arguments for name in _called_by_default(each, scope)}
        for name in _computed(call.keywords):
            if name is None:
                return None
            found.add(name)
    if any(_asks_for_raw_rows(call.callee) for _, _, call in analysis.calls_of("raw", "add_to_class", "contribute_to_class")):
        return None
    return frozenset(found)


def _called_by_default(given: Expression, scope: FunctionSymbol) -> Iterator[str]:
    """`book__count` of `annotate(Count("book"))`."""
    if given[0] == "call":
        call = scope.facts.calls[given[1]]
        for each in call.arguments[:1]:
            if each[0] == "string":
                yield f"{each[1]}__{(last_name(call.callee) or '').lower()}"


def _computed(keywords: tuple[tuple[str, Expression], ...]) -> Iterator[str | None]:
    for key, value in keywords:
        if key == "**":
            yield None
        elif value[0] == "dict":
            yield from (each[1] if each[0] == "string" else None for each, _ in value[1])
        else:
            yield key


def _asks_for_raw_rows(callee: Expression) -> bool:
    """`Room.objects.raw(…)` gives its rows whatever the statement computes; the others give a model more names."""
    return callee[0] == "attribute" and (callee[2] != "raw" or last_name(callee[1]) == "objects")
