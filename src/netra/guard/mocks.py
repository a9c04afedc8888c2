"""What a test has put a mock in the place of, by assignment or by `patch`, and which of its own calls end there."""

from typing import Final

from netra.guard.analysis import Analysis
from netra.guard.facts import ASYNC, PLAIN, CallSite, Expression, dotted, last_name
from netra.guard.symbols import FunctionSymbol

MOCKS: Final = frozenset({"Mock", "MagicMock", "AsyncMock", "NonCallableMock", "create_autospec"})
PATCHES: Final = frozenset({"patch", "mock.patch", "unittest.mock.patch"})
# What runs before each test of a class.
BEFORE: Final = ("setUp", "asyncSetUp", "setup_method")
PATCHES_OF_OBJECTS: Final = frozenset(f"{each}.object" for each in PATCHES)


class Mocked:
    """The mocks of one test."""

    def __init__(self, analysis: Analysis, scope: FunctionSymbol) -> None:
        self._analysis = analysis
        self._scope = scope
        self.made: dict[Expression, int] = {}
        """Names and attributes that hold a mock, with the line that puts it there."""
        self._patched: list[tuple[Expression | str, int, int, int]] = []
        self.calls_real = False
        """One of them hands its calls on to the code itself."""
        for each in scope.facts.assignments:
            if each.target[0] in ("name", "attribute") and each.value[0] == "call":
                call = scope.facts.calls[each.value[1]]
                patched = each.how.startswith("with") and dotted(call.callee) in PATCHES | PATCHES_OF_OBJECTS
                if patched or (each.how == "=" and self._is_mock(each.value)):
                    self.made[each.target] = each.line
            if last_name(each.target) in ("side_effect", "wraps") and each.value[0] in ("name", "attribute", "lambda"):
                self.calls_real = True
        for block in scope.facts.blocks:
            if block.what == "with" and block.expressions[0][0] == "call":
                self._patch(scope.facts.calls[block.expressions[0][1]], block.line, block.end_line)

    def _patch(self, call: CallSite, line: int, end_line: int) -> None:
        callee = dotted(call.callee)
        match callee, call.arguments:
            case _, (("string", str(target)), *new) if callee in PATCHES:
                place: Expression | str = target
            case _, (of, ("string", str(name)), *new) if callee in PATCHES_OF_OBJECTS:
                place = ("attribute", of, name)
            case _:
                return
        keywords = dict(call.keywords)
        new += [keywords[key] for key in ("new",) if key in keywords]
        if all(map(self._is_mock, new)) and not keywords.keys() & {"wraps", "side_effect"}:
            self._patched.append((place, call.line, line, end_line))

    def _is_mock(self, value: Expression) -> bool:
        if value[0] != "call":
            return False
        call = self._scope.facts.calls[value[1]]
        keywords = dict(call.keywords)
        self.calls_real |= "wraps" in keywords or keywords.get("side_effect", ("none",))[0] in ("name", "attribute", "lambda")
        return last_name(call.callee) in MOCKS

    def __bool__(self) -> bool:
        return bool(self.made or self._patched)

    def ends_in(self, call: CallSite) -> int:
        """The line that put a mock where this call ends; 0 when it ends in something else."""
        inner = call.callee
        while inner[0] in ("attribute", "subscript"):
            if inner in self.made:
                return self.made[inner]
            inner = inner[1]
        if inner in self.made:
            return self.made[inner]
        for place, line, first, last in self._patched:
            if first <= call.line <= last and self._is_at(call.callee, place):
                return line
        return 0

    def _is_at(self, callee: Expression, place: Expression | str) -> bool:
        if not isinstance(place, str):
            return callee == place
        if callee[0] != "attribute" or callee[2] != place.rpartition(".")[2]:
            return False  # a name that was imported before is what it was
        found = self._analysis.program.evaluate(callee, self._scope)
        return isinstance(found, FunctionSymbol) and found.full_name == place


def is_patched(name: str, scope: FunctionSymbol) -> bool:
    """The function, one around it, or what runs before each test of its class puts a mock in the place of what is called so:
    `@patch("shop.Basket.add")`.
    """
    at: FunctionSymbol | None = scope
    while at is not None:
        if _patches(at, name):
            return True
        at = at.parent
    kind = scope.owner
    return kind is not None and any(_patches(each, name) for before in BEFORE for each in kind.methods.get(before, ()))


def _patches(scope: FunctionSymbol, name: str) -> bool:
    given = [(last_name(each.callee), each.arguments) for each in scope.facts.decorators]
    if scope.facts.sort in (PLAIN, ASYNC):
        given += [(last_name(call.callee), call.arguments) for call in scope.facts.calls]
    for called, arguments in given:
        texts = [each[1] for each in arguments[:2] if each[0] == "string"]
        patches = called in ("patch", "object") or "mock" in (called or "").lower()
        if patches and any(text.rpartition(".")[2] == name for text in texts):
            return True
    return False
