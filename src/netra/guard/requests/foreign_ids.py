"""Ids of rows of one table that are looked for among those of another, as the foreign keys of the tables say.

class Note(Base):
    owner_id = mapped_column(ForeignKey("users.id"))

def notes_of(session, owner_id):
    return session.scalars(select(Note).where(Note.owner_id == owner_id))

notes_of(session, thread.id)  # with `thread` a row of `threads`
"""

from collections.abc import Callable, Iterator
from typing import Final

from netra.guard.analysis import Analysis
from netra.guard.facts import CallSite, Expression, last_name
from netra.guard.meaning.expressions import within, written
from netra.guard.program import imported_packages
from netra.guard.requests.id_uses import IdUses, of
from netra.guard.requests.identifiers import OF_ITSELF, PERSON, SAME
from netra.guard.requests.mixed_ids import ROLE, MixedId
from netra.guard.requests.passing import pairs
from netra.guard.requests.related import called, singular
from netra.guard.symbols import ClassSymbol, FunctionSymbol
from netra.guard.values import Instance, Routine, Step, TypeOf

# What takes comparisons, and what takes columns by their names.
COMPARING: Final = frozenset("where filter and_ or_ filter_by exclude get_object_or_404".split())
TABLE: Final = "__tablename__"
# How a column is said to hold an id of another table; Django is told the class.
REFERRING: Final = frozenset({"ForeignKey", "OneToOneField"})

ONE_TO_ONE: Final = "OneToOneField"

# What finds or makes a row by what stands in its columns, and what is told the class for that.
FINDING: Final = frozenset("get create aget acreate get_or_create update_or_create get_list_or_404".split())
OF_CLASS: Final = frozenset({"get_object_or_404", "get_list_or_404"})
KEYS: Final = frozenset({"id", "pk"})
OF_REQUESTS: Final = "user"
# What may be one with the user, and have the same key.
PEOPLE: Final = ("user", "account", "profile", "person", "member", "customer", "owner", "author", "employee", "student")

# What makes a column of a class.
OF_COLUMNS: Final = frozenset({"mapped_column", "Column", "Field"})

# The library whose events have both, and how it calls the one; what wants the other, and how many say so.
OF_BOTS: Final = "telegram"
CHAT: Final = "effective_chat"
WHOSE: Final = frozenset("user_id userid uid member_id owner_id".split())
ENOUGH: Final = 2


def foreign_ids(analysis: Analysis) -> Iterator[MixedId]:
    """Every such call: of another table, or of another kind where what has it has the right one beside it."""
    yield from _of_other_tables(analysis)
    yield from _compared_at_once(analysis)
    yield from _with_the_right_one_beside(analysis)
    yield from _chats_for_users(analysis)


def _chats_for_users(analysis: Analysis) -> Iterator[MixedId]:
    """`purse.clear(update.effective_chat.id)`, where all others give `update.effective_user.id`: in a group it is another."""
    if OF_BOTS not in analysis.program.once(imported_packages):
        return
    for function in analysis.scopes:
        for name in WHOSE.intersection(function.parameters):
            for scope, call, given in _given(analysis, function, name):
                if given[0] != "attribute" or given[2] != "id" or last_name(given[1]) != CHAT or given[1][0] != "attribute":
                    continue
                others = [kind for _, kind in analysis.once(IdUses).given(function, name, given, scope)]
                if len(others) >= ENOUGH and {*others} == {PERSON}:
                    step = Step(function.module.path, function.facts.line, f"`{function.name}` expects `{name}`")
                    why = "all others give the user, and in a group the chat is another"
                    yield MixedId(scope, call, given, name, why, (step,))


def _of_other_tables(analysis: Analysis) -> Iterator[MixedId]:
    looked: dict[tuple[FunctionSymbol, str], dict[str, Step]] = {}
    for scope, _, call in analysis.calls_of(*COMPARING):
        if scope.module.in_tests or not scope.parameters:
            continue
        told = frozenset(("name", each) for each in scope.parameters if not scope.assigned.get(each))
        for column, kind, (_, name) in _held_against(analysis, call, scope, told.__contains__):
            if (table := _refers_to(kind, column)) is not None:
                note = f"`{scope.name}` looks for `{kind.name}.{column}`, which is an id of `{table}`"
                looked.setdefault((scope, name), {}).setdefault(table, Step(scope.module.path, call.line, note))
            else:
                looked.setdefault((scope, name), {}).setdefault("", Step("", 0, ""))  # it may be an id of anything
    for (function, name), tables in looked.items():
        for scope, call, given in _given(analysis, function, name) if len(tables) == 1 and "" not in tables else ():
            table, step = next(iter(tables.items()))
            if given[0] != "attribute" or given[2] not in ("id", "pk"):
                continue
            match analysis.receivers.value(given[1], scope):
                case Instance(kind=kind) if not kind.module.library and _is_apart(analysis, kind, table):
                    of_one = f"`{written(given, scope)}` is an id of `{_table(kind)}`"
                    why = f"{of_one}, and `{function.name}` looks for one of `{table}`"
                    yield MixedId(scope, call, given, name, why, (step,))


def _compared_at_once(analysis: Analysis) -> Iterator[MixedId]:
    """`Grade.objects.filter(enrolment_id=request.user.pk)`, `where(Grade.enrolment_id == user.id)`."""
    for scope, _, call in analysis.calls_of(*COMPARING, *FINDING):
        if scope.module.in_tests:
            continue
        for column, kind, given in _held_against(analysis, call, scope, _is_key):
            table = _refers_to(kind, column)
            if table is None:
                continue
            step = Step(kind.module.path, kind.facts.line, f"`{kind.name}.{column}` is an id of `{table}`")
            match analysis.receivers.value(given[1], scope):
                case Instance(kind=other) if not other.module.library and _is_apart(analysis, other, table):
                    why = f"`{written(given, scope)}` is an id of `{_table(other)}`, and here one of `{table}` is looked for"
                    yield MixedId(scope, call, given, column, why, (step,))
                case None if given[1][0] == "attribute" and given[1][2] == OF_REQUESTS and _is_no_person(analysis, table):
                    why = f"`{written(given, scope)}` is who is signed in, and here one of `{table}` is looked for"
                    yield MixedId(scope, call, given, column, why, (step,))


def _is_key(value: Expression) -> bool:
    """`user.id`, `request.user.pk`."""
    return value[0] == "attribute" and value[2] in KEYS


def _is_no_person(analysis: Analysis, table: str) -> bool:
    """A class of the program with a key of its own, that nobody signs in as, and that does not go with a user one to one."""
    kinds = [each for each in analysis.program.classes_named.get(table, ()) if not each.module.library]
    if len(kinds) != 1 or any(word in table.lower() for word in PEOPLE):
        return False
    order = analysis.program.order(kinds[0])[0]
    bases = [last_name(base) or "" for each in order for base in each.facts.bases]
    made = [last_name(call.callee) for each in order for call in each.body.facts.calls]
    return "Model" in bases and not any("User" in each for each in bases) and ONE_TO_ONE not in made


def _with_the_right_one_beside(analysis: Analysis) -> Iterator[MixedId]:
    """`lock_of(caller.user_id)`, where `lock_of` wants an `account_id`, and the caller has one."""
    for function in analysis.scopes:
        wanted = {each.name for each in function.facts.parameters if _is_id(each.name)}
        for caller, index in (
            analysis.program.calls_named.get(function.name, ()) if wanted and not function.module.library else ()
        ):
            call = caller.facts.calls[index]
            if caller.module.in_tests or not any(each[0] == "attribute" and _is_id(each[2]) for each in call.arguments):
                continue
            for name, given in _given_by_place(analysis, call, caller, function):
                if name not in wanted or given[0] != "attribute" or not _is_id(given[2]) or _are_akin(name, given[2]):
                    continue
                if given[1][0] != "name" or not _has(analysis, given[1], name, caller):
                    continue
                if analysis.once(IdUses).takes_only(function, name, given[2].removesuffix("_id"), given, caller, known=True):
                    why = f"`{written(given[1], caller)}` has a `{name}` as well"
                    step = Step(function.module.path, function.facts.line, f"`{function.name}` expects `{name}`")
                    yield MixedId(caller, call, given, name, why, (step,))


def _given_by_place(
    analysis: Analysis, call: CallSite, caller: FunctionSymbol, function: FunctionSymbol
) -> Iterator[tuple[str, Expression]]:
    """What a call passes by its place to a function that it is known to call."""
    match analysis.receivers.value(call.callee, caller):
        case Routine(function=found, bound=bound) if found is function:
            named = {name for name, _ in call.keywords}
            told = pairs(call, function, 1 if bound and function.owner is not None else 0)
            yield from ((name, given) for name, given in told if name not in named)


def _given(analysis: Analysis, function: FunctionSymbol, name: str) -> Iterator[tuple[FunctionSymbol, CallSite, Expression]]:
    """What the calls that are known to come here pass for a parameter."""
    for caller, index in analysis.program.calls_named.get(function.name, ()):
        call = caller.facts.calls[index]
        match analysis.receivers.value(call.callee, caller) if not caller.module.in_tests else None:
            case Routine(function=found, bound=bound) if found is function:
                told = dict(pairs(call, function, 1 if bound and function.owner is not None else 0))
                if name in told:
                    yield caller, call, told[name]


def _is_id(name: str) -> bool:
    return name.endswith("_id") and not ROLE.fullmatch(name)


def _are_akin(one: str, other: str) -> bool:
    """One is a longer name for the other, or both are names of persons, or of what may be one thing."""
    one_thing = any({of(one), of(other)} <= {*each} for each in (*SAME, {"thread", "channel"}))
    return one_thing or of(one) == of(other) or bool({*one.split("_")} & {*other.split("_")} - {"id"})


def _has(analysis: Analysis, thing: Expression, name: str, scope: FunctionSymbol) -> bool:
    """The class of the thing is known, and has such a field."""
    match analysis.receivers.value(thing, scope):
        case Instance(kind=kind) if not kind.module.library:
            order = analysis.program.order(kind)[0]
            return any(name in each.body.assigned or name in each.set_on_self for each in order) or any(
                each.target == ("name", name) for one in order for each in one.body.facts.assignments
            )
    return False


# --- what the tables say --------------------------------------------------------------------------------------------------


def _held_against(
    analysis: Analysis, call: CallSite, scope: FunctionSymbol, fits: Callable[[Expression], bool]
) -> Iterator[tuple[str, ClassSymbol, Expression]]:
    """The columns of a class with what a call compares them with: `where(Note.owner_id == owner_id)`, `filter(owner=…)`."""
    for given in call.arguments:
        for part in within(given, scope) if given[0] not in ("name", "string", "call") else ():
            match part:
                case ("compare", (("attribute", ("name", _) as asked, str(column)), value), ("Eq",)) if fits(value):
                    match analysis.receivers.value(asked, scope):
                        case TypeOf(kind=kind) if not kind.module.library:
                            yield column, kind, value
    named = [(column, value) for column, value in call.keywords if fits(value)]
    asked = call.arguments[0] if call.arguments and last_name(call.callee) in OF_CLASS else None
    match call.callee:
        case ("attribute", ("attribute", inner, "objects"), _):
            asked = inner
    match analysis.receivers.value(asked, scope) if named and asked is not None else None:
        case TypeOf(kind=kind) if not kind.module.library:
            yield from ((column.removesuffix("__id").removesuffix("__pk"), kind, value) for column, value in named)


def _refers_to(kind: ClassSymbol, column: str) -> str | None:
    """The table whose id a column holds: `users` of `ForeignKey("users.id")`, the class of Django's."""
    body = kind.body
    for name in (column, column.removesuffix("_id")):
        for each in body.assigned.get(name, ()):
            for part in within(each.value, body):
                if part[0] != "call" or last_name(body.facts.calls[part[1]].callee) not in REFERRING:
                    continue
                call = body.facts.calls[part[1]]
                if not call.arguments:
                    return None
                match call.arguments[0]:
                    case ("string", str(said)):
                        table, _, key = said.rpartition(".")
                        if key in OF_ITSELF:
                            return table.rpartition(".")[2]
                        return key if name != column or key[:1].isupper() else None
                    case ("name", str(said)):
                        return said
    return None


def _table(kind: ClassSymbol) -> str:
    """The name of its table, where it has one, and else that of the class."""
    for each in kind.body.assigned.get(TABLE, ()):
        if each.value[0] == "string":
            return str(each.value[1])
    return kind.name


def _is_apart(analysis: Analysis, kind: ClassSymbol, table: str) -> bool:
    """Its rows have a key of their own in a table of their own, and neither is the other, or below it."""
    order = [each for each in analysis.program.order(kind)[0] if not each.module.library]
    order += analysis.program.subclasses.get(kind, ())  # an abstract class of rows speaks for those below it
    # Where it is not said, libraries call a table after the class, in one way or another.
    names = {singular(name.lower().replace("_", "")) for each in order for name in (_table(each), each.name, called(each))}
    if singular(table.lower().replace("_", "")) in names or table == "self":
        return False
    made = [
        one.body.facts.calls[part[1]]
        for one in order
        for each in one.body.assigned.get("id", ())
        for part in within(each.value, one.body)
        if part[0] == "call"
    ]
    if any(last_name(call.callee) in REFERRING for call in made):
        return False  # its own key is that of the other
    # What only goes round with a row, as an item of a queue, has the id of that.
    mapped = any(TABLE in each.body.assigned for each in order) and any(last_name(call.callee) in OF_COLUMNS for call in made)
    return mapped or any(last_name(base) == "Model" for each in order for base in each.facts.bases)
