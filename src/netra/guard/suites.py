"""Tests as the rules of the family T see them: which functions are tests, and what in them can make them fail."""

from collections.abc import Iterator
from typing import Final

from netra.guard.analysis import Analysis
from netra.guard.facts import ASYNC, PLAIN, Block, Expression, Where, last_name
from netra.guard.meaning.expressions import within as within_expression
from netra.guard.symbols import FunctionSymbol, ModuleSymbol

# What a call is named that fails a test by itself.
ASSERTING: Final = (
    "assert",
    "expect",
    "verify",
    "check",
    "should",
    "raises",
    "warns",
    "fail",
    "validate",
    "ensure",
    "must",
    "match",
)

# What a handler calls to end the test, or to keep what it caught.
ENDING: Final = frozenset("skip xfail exit _exit append abort".split())
# What only shows an error.
TELLING: Final = frozenset("print str repr type format debug info warning error exception log".split())

BROAD: Final = frozenset({"Exception", "BaseException", "AssertionError"})
# They run a coroutine, or a coroutine function, to its end.
RUNNING: Final = frozenset({"run", "run_until_complete"})

TIMEOUTS: Final = frozenset({"TimeoutError", "CancelledError", "ReadTimeout", "TimeoutException", "ConnectTimeout"})


def collected(analysis: Analysis) -> Iterator[FunctionSymbol]:
    """Every function that a runner of tests collects: by its name, at the top of a module or in a class that stands there.

    Where files are not named as pytest asks for by default, that are the methods of test cases, which `unittest` finds
    anywhere, and what is called like a test in a file of a folder of tests that asserts something in such functions, and that
    no other imports: somebody says to pytest that such files are tests, in its settings or on its command line.
    """
    imported = analysis.once(imported_names)
    for module in analysis.modules:
        if not module.in_tests:
            continue
        whole = is_suite(module) or (module.name not in imported and _asserts_in_tests(module))
        for scope in module.functions:
            owner = scope.owner
            outermost = scope.facts.parent == 0 if owner is None else owner.facts.scope == 0
            named = scope.name.startswith("test" if is_suite(module) else "test_") and "fixture" not in scope.decorator_names
            # `class __class__(TestCase)` waits for the name that a generator of code puts there.
            waits = owner is not None and owner.name.startswith("__") and owner.name.endswith("__")
            if (
                named
                and outermost
                and not waits
                and scope.facts.sort in (PLAIN, ASYNC)
                and (whole or is_of_case(analysis, scope))
            ):
                yield scope


def _asserts_in_tests(module: ModuleSymbol) -> bool:
    return not module.path.endswith("conftest.py") and any(
        scope.name.startswith("test_") and scope.facts.asserts and scope.facts.parent == 0 for scope in module.functions
    )


def is_of_case(analysis: Analysis, scope: FunctionSymbol) -> bool:
    """It is a method of a class of `unittest`, through however many classes of the program."""
    return scope.owner is not None and any(each.is_test_case for each in analysis.program.order(scope.owner)[0])


def imported_names(analysis: Analysis) -> frozenset[str]:
    """The full names of all that modules import from one another."""
    found: set[str] = set()
    for module in analysis.modules:
        for function in module.functions:
            for each in function.facts.imports:
                if (source := analysis.program.absolute(each, module)) is not None:
                    found |= {source, f"{source}.{each.name}"}
    return frozenset(found)


def is_suite(module: ModuleSymbol) -> bool:
    """Whether a file is named so that pytest looks into it."""
    name = module.path.rpartition("/")[2]
    return name.startswith("test_") or name.endswith(("_test.py", "tests.py"))


def bodies(analysis: Analysis) -> Iterator[FunctionSymbol]:
    """Every test that is collected; of one that does nothing for itself but run a coroutine function of its own, that one."""
    for scope in collected(analysis):
        yield _run_inside(scope) or scope


def _run_inside(scope: FunctionSymbol) -> FunctionSymbol | None:
    """`scenario` of a test that asserts nothing and ends with `asyncio.run(scenario())`."""
    facts = scope.facts
    if facts.asserts or facts.returned or facts.raises or facts.blocks or not facts.calls:
        return None
    runs = [call for call in facts.calls if last_name(call.callee) in RUNNING and call.where == ("statement",)]
    if len(runs) != 1 or len(runs[0].arguments) != 1 or any(asserts_by_call(last_name(call.callee)) for call in facts.calls):
        return None
    given = runs[0].arguments[0]
    callee = facts.calls[given[1]].callee if given[0] == "call" else given
    found = [each for each in scope.children if ("name", each.name) == callee and each.facts.sort == ASYNC]
    return found[0] if len(found) == 1 else None


def inside(scope: FunctionSymbol) -> Iterator[FunctionSymbol]:
    """Every function, lambda and class body in it, at any depth."""
    for child in scope.children:
        yield child
        yield from inside(child)


def asserts_by_call(name: str | None) -> bool:
    """A call of this name may fail the test."""
    return name is not None and any(word in name.lower() for word in ASSERTING)


def gives_up(scope: FunctionSymbol, handler: Block) -> bool:
    """A handler lets the test fail, or decides by what it caught: it raises, fails, skips, asserts, keeps the error for later
    or hands it to somebody who may do so.
    """

    def within(line: int) -> bool:
        return handler.line <= line <= handler.end_line

    above = [each for each in scope.facts.assignments if each.how == "except" and each.line < handler.line]
    bound = {each.target for each in above[-1:]}
    calls = [call for call in scope.facts.calls if within(call.line)]
    named = [last_name(call.callee) or "" for call in calls]
    uses = [use for use in scope.facts.uses if ("name", use.name) in bound and within(use.line)]
    kept = (each.value for each in scope.facts.assignments if within(each.line) and each.how == "=")
    return (
        any(map(within, scope.facts.raises))
        or any(within(line) for _, line in scope.facts.asserts)
        or any(asserts_by_call(name) or name in ENDING for name in named)
        or any(_is_handed_on(scope, use.where) for use in uses)
        or any(value in bound for value in kept)
        or _is_asked_below(scope, handler)
    )


def _is_asked_below(scope: FunctionSymbol, handler: Block) -> bool:
    """`failed = True` in the handler, and `assert not failed` or `if failed:` behind it."""
    facts = scope.facts
    flags = [
        each.target
        for each in facts.assignments
        if each.how == "=" and each.target[0] == "name" and handler.line <= each.line <= handler.end_line
    ]
    tests = [test for test, line in facts.asserts if line > handler.end_line]
    tests += [
        test for block in facts.blocks if block.what == "if" and block.line > handler.end_line for test in block.expressions
    ]
    return any(flag in within_expression(test, scope) for flag in flags for test in tests)


def _is_handed_on(scope: FunctionSymbol, where: Where) -> bool:
    """It is an argument of something that does more than show it."""
    while where[0] == "argument":
        call = scope.facts.calls[where[1]]
        if last_name(call.callee) not in TELLING:
            return True
        where = call.where
    return False


def caught(handler: Block) -> frozenset[str]:
    """The last names of what a handler catches; nothing for a bare `except`."""
    names: set[str] = set()
    for each in handler.expressions:
        parts: tuple[Expression, ...] = each[1] if each[0] == "tuple" else (each,)
        names |= {last_name(part) or "" for part in parts}
    return frozenset(names)
