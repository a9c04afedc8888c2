"""E112."""

from collections.abc import Iterator
from typing import Final

from netra.guard.analysis import Analysis
from netra.guard.asked import call_of
from netra.guard.environment import Access, Touch, accesses
from netra.guard.facts import TOP, CallSite, Expression, last_name
from netra.guard.faults import Mend, Sighting
from netra.guard.meaning.expressions import within
from netra.guard.rule import rule
from netra.guard.spellings import of_os
from netra.guard.symbols import External, FunctionSymbol, VariableSymbol
from netra.guard.values import Step

READING: Final = frozenset({"os.getenv", "os.environ.get"})
ORDER: Final = frozenset({"Lt", "LtE", "Gt", "GtE"})
EQUALITY: Final = frozenset({"Eq", "NotEq"})

# What makes a number of a text, or asks what something is.
CONVERTING: Final = frozenset("int float Decimal bool isinstance str type literal_eval loads".split())
# What takes numbers and refuses texts.
TAKING: Final = frozenset(
    """range round abs divmod pow chr sleep Semaphore BoundedSemaphore ThreadPoolExecutor ProcessPoolExecutor timedelta
    islice randint uniform wait_for deque Queue""".split()
)
# Of these, what is given first is no number.
SECOND: Final = frozenset({"wait_for", "islice", "deque"})
PORTS: Final = frozenset({"uvicorn.run", "uvicorn.Config"})


@rule("E112", "number-default")
def number_default(analysis: Analysis) -> Iterator[Sighting]:
    """A variable of the environment has a number for a default and is used as one, and is a text as soon as it is set.

    ```python
    WORKERS = os.getenv("WORKERS", 4)


    def start(work):
        return [work(number) for number in range(WORKERS)]  # a TypeError where WORKERS is set
    ```

    It works for whoever sets nothing, and fails for the first who does: `range("8")` and `30 < "60"` are a TypeError,
    `"8" * 2` is "88" and `"1" == 1` never true. Convert it where it is read: `int(os.getenv("WORKERS", "4"))`.
    """
    kept: dict[str, list[tuple[Access, VariableSymbol]]] = {}
    for access in analysis.once(accesses):
        call = call_of(access.scope, access.mention) if access.touch is Touch.READ and not access.module.in_tests else None
        if call is None or not _is_number(access.default) or of_os(analysis, call.callee, access.scope) not in READING:
            continue
        scope = access.scope
        own = ("call", scope.facts.calls.index(call))
        if line := _used_as_number(analysis, own, scope):
            yield _sighting(access, line, scope)
        elif call.where[0] == "assign" and call.where[1][0] == "name" and len(scope.assigned.get(call.where[1][1], ())) == 1:
            name = call.where[1][1]
            if scope.facts.sort == TOP and name not in scope.module.rebinding:
                kept.setdefault(name, []).append((access, VariableSymbol(scope, name)))
            elif name not in scope.facts.globals and (line := _used_as_number(analysis, call.where[1], scope)):
                yield _sighting(access, line, scope)
    if kept:
        yield from _of_modules(analysis, kept)


def _of_modules(analysis: Analysis, kept: dict[str, list[tuple[Access, VariableSymbol]]]) -> Iterator[Sighting]:
    """What a module keeps under a name, and it or another uses."""
    used: dict[VariableSymbol, tuple[int, FunctionSymbol]] = {}
    converted: set[VariableSymbol] = set()
    names = kept.keys()
    for scope in analysis.scopes:
        if names.isdisjoint(scope.facts.loads) or scope.module.in_tests:
            continue
        for name in sorted(names & set(scope.facts.loads)):
            variable = analysis.program.lookup(name, scope)
            if not isinstance(variable, VariableSymbol):
                continue
            if _is_converted(("name", name), scope):
                converted.add(variable)
            elif variable not in used and (line := _used_as_number(analysis, ("name", name), scope)):
                used[variable] = (line, scope)
    for found in kept.values():
        for access, variable in found:
            if variable in used and variable not in converted:
                yield _sighting(access, *used[variable])


def _sighting(access: Access, line: int, scope: FunctionSymbol) -> Sighting:
    named = f"`{access.variable}`" if access.variable else "the variable"
    message = f"{named} is a text where it is set, and used as the number that its default is"
    step = Step(scope.module.path, line, "used as a number here")
    mend = Mend("convert it where it is read")
    return Sighting(access.scope, access.line, access.column, access.end_line, message, (step,), mend)


def _is_number(default: Expression | None) -> bool:
    return default is not None and default[0] == "constant" and default[1] in ("int", "float")


def _is_converted(value: Expression, scope: FunctionSymbol) -> bool:
    return any(last_name(each.callee) in CONVERTING and value in each.given for each in scope.facts.calls)


def _used_as_number(analysis: Analysis, value: Expression, scope: FunctionSymbol) -> int:
    """The line on which what is no number where the variable is set is used as one; 0 if none is."""
    if _is_converted(value, scope):
        return 0
    for call in scope.facts.calls:
        if value in call.given and _takes_number(analysis, value, call, scope):
            return call.line
    for root, line in _roots(scope):
        for part in within(root, scope):
            match part:
                case ("operator", _, left, right) if value in (left, right):
                    other = right if left == value else left
                    if other[0] not in ("string", "formatted"):
                        return line
                case ("compare", parts, operators) if value in parts:
                    others = [each for each in parts if each != value]
                    if ORDER.issuperset(operators) and not any(each[0] in ("string", "formatted") for each in others):
                        return line
                    if EQUALITY.issuperset(operators) and any(map(_is_number, others)):
                        return line
    return 0


def _takes_number(analysis: Analysis, value: Expression, call: CallSite, scope: FunctionSymbol) -> bool:
    name = last_name(call.callee)
    if name in TAKING:
        return not (name in SECOND and call.arguments[:1] == (value,))
    if ("port", value) in call.keywords:
        match analysis.program.evaluate(call.callee, scope):
            case External(dotted=dotted):
                return dotted in PORTS
    return False


def _roots(scope: FunctionSymbol) -> Iterator[tuple[Expression, int]]:
    facts = scope.facts
    yield from ((each.value, each.line) for each in facts.assignments)
    yield from ((each.value, each.line) for each in facts.returned)
    yield from ((test, block.head) for block in facts.blocks for test in block.expressions)
    yield from ((given, call.line) for call in facts.calls for given in call.given)
