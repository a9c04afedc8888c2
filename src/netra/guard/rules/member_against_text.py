"""M117."""

from collections.abc import Iterable, Iterator
from typing import Final

from netra.guard.analysis import Analysis
from netra.guard.entries.unused import NamesUsed
from netra.guard.facts import AttributeRead, Expression, Use
from netra.guard.faults import CERTAIN, LIKELY, Mend, Sighting
from netra.guard.meaning.expressions import comparisons, written
from netra.guard.meaning.narrowing import is_told_apart
from netra.guard.members.members import MemberNames
from netra.guard.members.parents import MODELS, SETTINGS, Parents
from netra.guard.rule import rule
from netra.guard.symbols import ClassSymbol, FunctionSymbol
from netra.guard.values import Instance, Step

# Enumerations whose members are equal to nothing but themselves.
PLAIN: Final = frozenset({"enum.Enum", "enum.Flag"})
EQUALS: Final = frozenset({"Eq", "NotEq"})
CONTAINING: Final = frozenset({"In", "NotIn"})
# A model with this keeps the values of members in their place.
VALUES: Final = "use_enum_values"


@rule("M117", "member-against-text", hesitant=True)
def member_against_text(analysis: Analysis) -> Iterator[Sighting]:
    """A member of an enumeration is compared with a text, which it never equals.

    A member of a plain `Enum` is equal to itself alone, whatever its value: the test is never true, and its opposite always.

    ```python
    class Status(Enum):
        OPEN = "open"


    class Task(BaseModel):
        status: Status


    def is_open(task: Task) -> bool:
        return task.status == "open"  # M117: never
    ```

    Compare it with the member (`Status.OPEN`) or compare its `value`, or derive the enumeration from `StrEnum`. Guard is
    certain where Pydantic has checked the field, and where the code itself puts the member there; of what an annotation says
    alone it is told to those who ask. Enumerations with an `__eq__`, those of texts and numbers, models with
    `use_enum_values`, and comparisons with texts and members side by side are left alone.
    """
    keeps_values = _keeps_values(analysis)
    used = analysis.program.once(NamesUsed)
    plain = {kind for module in analysis.modules for kind in module.classes if kind.facts.bases and _is_plain(analysis, kind)}
    values = {each.value for kind in plain for given in kind.body.assigned.values() for each in given}
    for scope in analysis.scopes if plain else ():
        if not _compares(scope.facts.reads) and not _compares(scope.facts.uses):
            continue
        told: set[Expression] = set()
        for test, line in _tests(scope):
            for parts, operators in comparisons(test):
                found = _against_text(parts, operators[0]) if len(parts) == 2 else None
                if found is None or found[0] in told or ("string", found[1]) not in values:
                    continue
                member, text = found
                match analysis.receivers.value(member, scope):
                    case Instance(kind=kind) if kind in plain and not keeps_values:
                        pass
                    case _:
                        continue
                if used.is_unused(scope) or is_told_apart(member, "", scope) or _is_beside_members(member, scope, analysis):
                    continue
                told.add(member)
                message = f"`{written(member, scope)}` is a member of `{kind.name}`, and never equals the text {text!r}"
                step = Step(kind.module.path, kind.facts.line, f"`{kind.name}` is no enumeration of texts")
                mend = Mend("compare it with the member, or compare its `value`")
                sure = CERTAIN if _is_sure(analysis, member, scope) else LIKELY
                yield Sighting(scope, line, 0, line, message, (step,), mend, sure)


def _compares(places: Iterable[AttributeRead | Use]) -> bool:
    for each in places:  # noqa: SIM110 - all names of the program go through it, and a generator takes thrice as long
        if each.where[0] == "compare":
            return True
    return False


def _keeps_values(analysis: Analysis) -> bool:
    """Some model of the program keeps values in the place of members."""
    for _, _, call in analysis.calls_of("ConfigDict", "SettingsConfigDict", "dict"):
        if any(name == VALUES for name, _ in call.keywords):
            return True
    for module in analysis.modules:
        for kind in module.classes:
            if VALUES in kind.body.assigned or any(
                each.value[0] == "dict" and any(key == ("string", VALUES) for key, _ in each.value[1])
                for each in kind.body.assigned.get("model_config", ())
            ):
                return True
        if any(name == VALUES for kind in module.classes for name, _ in kind.facts.keywords):
            return True
    return False


def _is_plain(analysis: Analysis, kind: ClassSymbol) -> bool:
    """Every base is known, one is `Enum`, and no other has a say in what a member equals."""
    if not analysis.program.is_enumeration(kind) or analysis.once(MemberNames).of(kind) is None:
        return False
    parents = analysis.once(Parents)
    order = analysis.program.order(kind)[0]
    outside = [name for each in order for name in parents.outside(each)]
    if not outside or not PLAIN.issuperset(outside):
        return False
    return not any({"__eq__", "__new__"} & (each.methods.keys() | each.body.assigned.keys()) for each in order)


def _tests(scope: FunctionSymbol) -> Iterator[tuple[Expression, int]]:
    """Everything of a scope in which a comparison may stand, with its line."""
    facts = scope.facts
    for block in facts.blocks:
        for each in block.expressions:
            yield each, block.head
    yield from facts.asserts
    yield from ((each.value, each.line) for each in facts.returned)
    yield from ((each.value, each.line) for each in facts.assignments)


def _against_text(parts: tuple[Expression, ...], operator: str) -> tuple[Expression, str] | None:
    """What is compared with a text, or asked whether it is among several that are all texts."""
    left, right = parts
    if operator in EQUALS:
        for one, other in ((left, right), (right, left)):
            if other[0] == "string" and one[0] in ("name", "attribute"):
                return one, other[1]
    among = right[1] if operator in CONTAINING and right[0] in ("list", "tuple", "set") else ()
    if among and left[0] in ("name", "attribute") and all(each[0] == "string" for each in among):
        return left, among[0][1]
    return None


def _is_beside_members(member: Expression, scope: FunctionSymbol, analysis: Analysis) -> bool:
    """The scope compares it with members as well, so that it may be either, or puts something else there."""
    for test, _ in _tests(scope):
        for parts, _ in comparisons(test):
            others = [each for each in parts if each != member and each[0] == "attribute"]
            if member in parts and any(isinstance(analysis.receivers.value(each, scope), Instance) for each in others):
                return True
    return False


def _is_sure(analysis: Analysis, member: Expression, scope: FunctionSymbol) -> bool:
    if member[0] == "attribute":
        match analysis.receivers.value(member[1], scope):
            case Instance(kind=owner):
                return analysis.once(Parents).above(owner, MODELS | SETTINGS)
        return False
    given = scope.assigned.get(member[1], ())
    return member[1] not in scope.parameters and bool(given) and all(each.how == "=" for each in given)
