"""Rows of which there shall be one: looked for, and put in where none was found, with nothing in the database against two.

if await parcels.count_documents({"ref": ref}):
    raise Known(ref)
await parcels.insert_one({"ref": ref})  # two who find none both get here
"""

from collections.abc import Iterator
from typing import Final, NamedTuple

from netra.guard.analysis import Analysis
from netra.guard.facts import BODY, NOTHING, OTHER, Block, CallSite, Expression, last_name
from netra.guard.lazily import lazily
from netra.guard.meaning.expressions import within, written
from netra.guard.requests.rows import is_guarded
from netra.guard.symbols import ClassSymbol, FunctionSymbol
from netra.guard.values import TypeOf

# How a collection, a query and a session are asked for one like it, and told of a new one.
FINDING: Final = frozenset("find_one count_documents".split())
FILTERING: Final = frozenset("filter filter_by where get_or_none aget_or_none exists".split())
SELECTING: Final = frozenset(
    "exists count first scalar scalar_one_or_none one_or_none get_or_none afirst aexists acount".split()
)
CREATING: Final = frozenset("create acreate".split())
INSERTING: Final = frozenset("insert_one".split())
ADDING: Final = frozenset("add".split())

# What makes the database see to it that there is one.
INDEXING: Final = frozenset("create_index create_indexes ensure_index IndexModel Index create_unique_constraint".split())
CONSTRAINING: Final = frozenset("UniqueConstraint unique_together UniqueIndex create_unique_constraint".split())
# What says that there is one, and is not it.
SAYING: Final = frozenset("dict string constant call tuple".split())
KEYS: Final = frozenset("OneToOneField AutoField BigAutoField PrimaryKeyField Indexed".split())
ALONE: Final = frozenset("unique primary_key pk".split())


class TwiceTheSame(NamedTuple):
    """A row is put in by a call, after one like it was looked for."""

    call: CallSite
    what: str
    looked: int


class UniqueRows:
    """Answers where two of one kind may get in; use `analysis.once(UniqueRows)`."""

    def __init__(self, analysis: Analysis) -> None:
        self._analysis = analysis

    def twice(self, scope: FunctionSymbol) -> Iterator[TwiceTheSame]:
        """Every such line of a function."""
        if scope not in self._asking or not scope.facts.blocks or is_guarded(scope):
            return
        for index, call in enumerate(scope.facts.calls):
            block = None
            for place, field, value in self._asked(call, scope):
                block = block or _refused(index, call, scope)
                if block is None:
                    break
                for added in scope.facts.calls:
                    if added.line > block.end_line and self._adds(added, place, field, value, scope):
                        yield TwiceTheSame(added, place if isinstance(place, str) else place.name, block.head)
                        return

    @lazily
    def _asking(self) -> frozenset[FunctionSymbol]:
        """The functions that call something of a name that looks for one, and something of a name that puts one in."""
        named = self._analysis.program.calls_named
        looking = {scope for name in FINDING | SELECTING for scope, _ in named.get(name, ())}
        return frozenset(looking & {scope for name in CREATING | INSERTING | ADDING for scope, _ in named.get(name, ())})

    # --- what is asked for -----------------------------------------------------------------------------------------------

    def _asked(self, call: CallSite, scope: FunctionSymbol) -> Iterator[tuple[str | ClassSymbol, str, Expression]]:
        """Of what a call asks whether there is one, with a field and the value that it shall have."""
        name = last_name(call.callee)
        if name in FINDING and call.callee[0] == "attribute" and call.arguments[:1] and call.arguments[0][0] == "dict":
            if not self._indexes:
                for key, value in call.arguments[0][1]:
                    if key[0] == "string" and key[1] != "_id" and value[0] in ("name", "attribute", "subscript"):
                        yield written(call.callee[1], scope), key[1], value
        elif name in SELECTING and call.callee[0] == "attribute":
            yield from self._selected(call, scope)

    def _selected(self, call: CallSite, scope: FunctionSymbol) -> Iterator[tuple[ClassSymbol, str, Expression]]:
        parts = [part for each in (call.callee[1], *call.given) for part in within(each, scope)]
        kinds = {
            found.kind
            for part in parts
            if part[0] == "name" and part[1][:1].isupper()
            and isinstance(found := self._analysis.receivers.value(part, scope), TypeOf)
            and not found.kind.module.library
        }  # fmt: skip
        if len(kinds) != 1:
            return
        kind = next(iter(kinds))
        for part in (*parts, ("call", scope.facts.calls.index(call))):
            asked: list[tuple[str, Expression]] = []
            if part[0] == "call" and last_name(scope.facts.calls[part[1]].callee) in FILTERING:
                asked += scope.facts.calls[part[1]].keywords
            elif part[0] == "compare" and part[2] == ("Eq",) and part[1][0][0] == "attribute":
                asked += [(part[1][0][2], part[1][1])] if last_name(part[1][0][1]) == kind.name else []
            yield from ((kind, field, value) for field, value in asked if self._is_free(kind, field))

    # --- what holds others off -------------------------------------------------------------------------------------------

    def _is_free(self, kind: ClassSymbol, field: str) -> bool:
        """Nothing in the class says that there shall be one of a value, nor of several together."""
        order, _ = self._analysis.program.order(kind)
        fields = [(each, above) for above in order for each in above.body.assigned.get(field, ())]
        if not fields or any(_is_alone(each.value, above.body) for each, above in fields):
            return False
        for above in order:
            inner = [above.body, *(each for each in above.module.functions if each.facts.parent == above.body.facts.number)]
            for body in inner:
                said = (last_name(call.callee) in CONSTRAINING or _is_index(call) for call in body.facts.calls)
                if any(said) or not CONSTRAINING.isdisjoint(body.assigned):
                    return False
        return field not in self._constrained

    @lazily
    def _constrained(self) -> frozenset[str]:
        """The columns that a migration makes unique."""
        found: set[str] = set()
        for scope, _, call in self._analysis.calls_of(*INDEXING, *CONSTRAINING):
            # What stands in the body of a class is said of that class.
            if scope.facts.sort != BODY and (last_name(call.callee) in CONSTRAINING or _is_index(call)):
                found |= {part[1] for each in call.given for part in within(each, scope) if part[0] == "string"}
        return frozenset(found)

    @lazily
    def _indexes(self) -> bool:
        """Somewhere an index of a collection is made that holds others off."""
        return any(_is_index(call) for _, _, call in self._analysis.calls_of(*INDEXING))

    # --- what is put in --------------------------------------------------------------------------------------------------

    def _adds(self, call: CallSite, place: str | ClassSymbol, field: str, value: Expression, scope: FunctionSymbol) -> bool:
        """A call puts in one that has the same value there."""
        name = last_name(call.callee)
        if isinstance(place, str):
            same = name in INSERTING and call.callee[0] == "attribute" and written(call.callee[1], scope) == place
            return same and any(_has(_meant(each, scope), field, value) for each in call.arguments)
        if name in CREATING and call.callee[0] == "attribute":
            made = {part[1] for part in within(call.callee[1], scope) if part[0] == "name"}
            return place.name in made and dict(call.keywords).get(field) == value
        if name not in ADDING or not call.arguments:
            return False
        made_by = _meant(call.arguments[0], scope)
        if made_by[0] != "call":
            return False
        making = scope.facts.calls[made_by[1]]
        return last_name(making.callee) == place.name and dict(making.keywords).get(field) == value


def _says_unique(call: CallSite) -> bool:
    return any(name in ALONE and value != ("constant", "bool", False) for name, value in call.keywords)


def _is_index(call: CallSite) -> bool:
    return last_name(call.callee) in INDEXING and _says_unique(call)


def _is_alone(value: Expression, body: FunctionSymbol) -> bool:
    """A field of which no two rows have the same: `Column(String, unique=True)`, `SlugField()` of something unique."""
    calls = (body.facts.calls[part[1]] for part in within(value, body) if part[0] == "call")
    return any(_says_unique(call) or last_name(call.callee) in KEYS for call in calls)


def _meant(expression: Expression, scope: FunctionSymbol) -> Expression:
    given = scope.assigned.get(expression[1], ()) if expression[0] == "name" and expression[1] not in scope.parameters else ()
    return given[0].value if len(given) == 1 and given[0].how == "=" else expression


def _has(document: Expression, field: str, value: Expression) -> bool:
    """`{"ref": ref}`, or `{**data}` where the value was `data["ref"]`."""
    if document[0] != "dict":
        return bool(value[0] == "subscript" and value[1] == document)
    return any(
        (key == ("string", field) and one == value) or (key == OTHER and value[0] == "subscript" and value[1] == one)
        for key, one in document[1]
    )


def _refused(index: int, call: CallSite, scope: FunctionSymbol) -> Block | None:
    """Who finds one is refused: `if found: raise`, `if await …exists(): raise`."""
    found: set[Expression] = {("call", index), ("await", ("call", index))}
    found |= {each.target for each in scope.facts.assignments if each.how == "=" and each.value in found}
    for block in scope.facts.blocks:
        if block.what != "if" or block.line < call.line or len(block.expressions) != 1:
            continue
        test = block.expressions[0]
        is_there = test in found or (
            test[0] == "compare"
            and test[1][0] in found
            and (test[2] == ("Gt",) or (test[2] == ("IsNot",) and test[1][1] == NOTHING))
        )
        if is_there and (_raises(block, scope) or _gives_something_else(block, found, scope)):
            return block
    return None


def _raises(block: Block, scope: FunctionSymbol) -> bool:
    return any(block.line <= line <= block.end_line for line in scope.facts.raises)


def _gives_something_else(block: Block, found: set[Expression], scope: FunctionSymbol) -> bool:
    """Who finds one is told so, and does not get it, as who looks for what may be there already."""
    given = [each.value for each in scope.facts.returned if each.how == "return" and block.line <= each.line <= block.end_line]
    return bool(given) and all(each[0] in SAYING and found.isdisjoint(within(each, scope)) for each in given)
