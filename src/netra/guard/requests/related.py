"""What the tables of a program say of one another: an account has a `customer_id`, so that no account is a customer.

Tables are the classes of a program, and those into which its statements insert. Where the key of one table is the key of
another (a profile that is found by the id of its user), the ids of both are the same, and nothing is said of them.
"""

import re
from collections.abc import Iterator
from typing import Final

from netra.guard.analysis import Analysis
from netra.guard.facts import Expression, last_name
from netra.guard.lazily import lazily
from netra.guard.requests.identifiers import identifier
from netra.guard.symbols import ClassSymbol, FunctionSymbol

INSERTING: Final = re.compile(r"\s*insert\s+into\s+(?:\w+\.)?[\"`]?(\w+)[\"`]?\s*\(([^()]*)\)", re.IGNORECASE)
WORDS: Final = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z0-9]+")

EXECUTING: Final = frozenset(
    """execute executemany exec fetch fetchrow fetchval fetchone fetchall fetch_one fetch_all fetch_val fetch_row query text
    """.split()
)

# Fields of Django that hold the id of another row under a longer name.
REFERRING: Final = frozenset({"ForeignKey", "OneToOneField"})

# What says of several columns together that they are the key of a table.
KEYS_OF_TABLES: Final = frozenset({"PrimaryKeyConstraint", "CompositeKey"})

# What an object calls its own id.
OWN: Final = frozenset("id pk uuid uid _id".split())

# Bases that give an object no id; others are those of rows, which have one even where nobody declares it.
WITHOUT_ID: Final = frozenset(
    """object BaseModel Struct NamedTuple TypedDict Protocol Generic ABC Enum StrEnum Exception BaseSettings Thread Serializer
    Schema""".split()
)

# What a program calls the classes of rows, beside what the row is.
ENDS: Final = ("_model", "_table", "_row", "_record", "_entity", "_document", "_orm", "_db")


class Relations:
    """Answers which ids are never one another's; use `analysis.once(Relations)`."""

    def __init__(self, analysis: Analysis) -> None:
        self._analysis = analysis

    def is_known(self, thing: str) -> bool:
        return thing in self._held

    def classes(self, thing: str) -> list[ClassSymbol]:
        """The classes of the program that are called so: `LineItem` for `line_item`."""
        return self._classes.get(thing, [])

    def apart(self, one: str, other: str) -> str | None:
        """Why the id of one thing is never that of the other: whichever has the other's id beside its own."""
        if one == other or one not in self._held or other not in self._held:
            return None
        if (one, other) in self._same or (other, one) in self._same or self._are_akin(one, other):
            return None
        for holder, held in ((one, other), (other, one)):
            if f"{held}_id" in self._held[holder] and self.has_its_own(holder) and not self._is_known_by(holder, held):
                return f"`{holder}` has a `{held}_id`, and so is no `{held}`"
        return None

    def _are_akin(self, one: str, other: str) -> bool:
        """One is called after the other, or derived from it."""
        if {*one.split("_")} & {*other.split("_")}:
            return True
        order = self._analysis.program.order
        return any(
            a in order(b)[0] or b in order(a)[0] for a in self._classes.get(one, ()) for b in self._classes.get(other, ())
        )

    def has_its_own(self, thing: str) -> bool:
        """It has an id that is no other's: a row that is made in statements, or an object with an `id`."""
        kinds = self._classes.get(thing, ())
        return not kinds or any(self._has_id(kind, thing) for kind in kinds)

    def _is_known_by(self, holder: str, held: str) -> bool:
        """A run that is made of a job may have the job's id for its own: `Run(id=job.job_id, job_id=job.job_id)`."""
        own = {*OWN, f"{holder}_id"}
        return any(
            name in own and not scope.module.in_tests and identifier(given, scope) == f"{held}_id"
            for scope, _, call in self._analysis.calls_of(*(kind.name for kind in self._classes.get(holder, ())))
            for name, given in call.keywords
        )

    def _has_id(self, kind: ClassSymbol, thing: str) -> bool:
        order = self._analysis.program.order(kind)[0]
        if any(name in each.body.assigned or name in each.set_on_self for each in order for name in (*OWN, f"{thing}_id")):
            return True
        known = {each.name for each in order}
        return any((last_name(base) or "") not in WITHOUT_ID | known for each in order for base in each.facts.bases)

    @lazily
    def _classes(self) -> dict[str, list[ClassSymbol]]:
        found: dict[str, list[ClassSymbol]] = {}
        for module in self._analysis.modules:
            for kind in () if module.in_tests else module.classes:
                found.setdefault(called(kind), []).append(kind)
        return found

    @lazily
    def _held(self) -> dict[str, frozenset[str]]:
        """The ids of others that each thing has."""
        found: dict[str, set[str]] = {}
        for thing, kinds in self._classes.items():
            for kind in kinds:
                found.setdefault(thing, set()).update(_ids(kind))
        for table, columns in self._inserted():
            found.setdefault(table, set()).update(each for each in columns if each.endswith("_id"))
        return {thing: frozenset(ids) for thing, ids in found.items()}

    @lazily
    def _same(self) -> frozenset[tuple[str, str]]:
        """Things whose own key is the id of another: `user_id = Column(ForeignKey("user.id"), primary_key=True)`."""
        found: set[tuple[str, str]] = set()
        for thing, kinds in self._classes.items():
            for kind in kinds:
                for name, given in kind.body.assigned.items():
                    made = [kind.body.facts.calls[each.value[1]] for each in given if each.value[0] == "call"]
                    if any("primary_key" in dict(each.keywords) for each in made):
                        found.add((thing, name.removesuffix("_id")))
                for call in kind.body.facts.calls:
                    if call.callee[-1] in KEYS_OF_TABLES:
                        found.update((thing, each[1].removesuffix("_id")) for each in call.arguments if each[0] == "string")
        return frozenset(found)

    def _inserted(self) -> Iterator[tuple[str, list[str]]]:
        """The tables into which statements insert, with the columns: `insert into expense (person_id, cents)`."""
        for scope, _, call in self._analysis.calls_of(*EXECUTING):
            for each in call.arguments[:1] if not scope.module.in_tests else ():
                if (inserted := INSERTING.match(_text(each, scope))) is not None:
                    columns = [column.strip().strip('"`').lower() for column in inserted[2].split(",")]
                    yield singular(inserted[1].lower()), columns


def called(kind: ClassSymbol) -> str:
    """How ids call what a class is of: `line_item` of `LineItem`, `user` of `UserModel`."""
    name = "_".join(WORDS.findall(kind.name)).lower()
    return next((name.removesuffix(end) for end in ENDS if name.endswith(end) and name != end), name)


def singular(table: str) -> str:
    """`person` of `people` is not known; `entry` of `entries`, `order` of `orders`."""
    if table.endswith("ies"):
        return f"{table[:-3]}y"
    return table[:-1] if table.endswith("s") and not table.endswith("ss") else table


def _ids(kind: ClassSymbol) -> Iterator[str]:
    """The ids that its rows or objects have: `user_id`, and `user = ForeignKey(User)` of Django."""
    for name, given in kind.body.assigned.items():
        made = [last_name(kind.body.facts.calls[each.value[1]].callee) for each in given if each.value[0] == "call"]
        if name.endswith("_id"):
            yield name
        elif REFERRING & {*made}:
            yield f"{name}_id"
    yield from (name for name in kind.set_on_self if name.endswith("_id"))


def _text(expression: Expression, scope: FunctionSymbol) -> str:
    """A statement, as far as it is written down here."""
    match expression:
        case ("string", str(text)):
            return text
        case ("operator", "+", ("string", str(text)), _):
            return text
        case ("formatted", (("string", str(text)), *_)):
            return text
        case ("call", int(index)):
            call = scope.facts.calls[index]
            return _text(call.arguments[0], scope) if call.callee[-1] == "text" and call.arguments else ""
    return ""
