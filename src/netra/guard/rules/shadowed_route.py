"""M109."""

import re
from collections.abc import Iterator
from typing import Final, NamedTuple

from netra.guard.analysis import Analysis
from netra.guard.entries.sorts import VERBS
from netra.guard.facts import Decorator, Expression
from netra.guard.faults import Mend, Sighting
from netra.guard.rule import rule
from netra.guard.symbols import FunctionSymbol, VariableSymbol, name_in_library
from netra.guard.values import Step

# Routers that ask their routes in the order in which they were put there.
ROUTERS: Final = frozenset({"FastAPI", "APIRouter"})
# What a segment takes: all but a slash, unless it is told a sort.
TAKEN: Final = {"": re.compile(r"[^/{}]+"), "str": re.compile(r"[^/{}]+"), "int": re.compile(r"[0-9]+")}
PARAMETER: Final = re.compile(r"\{\w+(?::(\w+))?\}")


class _Route(NamedTuple):
    handler: FunctionSymbol
    decorator: Decorator
    verb: str
    path: str
    segments: tuple[str, ...]


@rule("M109", "shadowed-route")
def shadowed_route(analysis: Analysis) -> Iterator[Sighting]:
    """A route is never reached, because one above it takes every request to its path.

    FastAPI and Starlette ask their routes from the first to the last. `/users/{user_id}` takes `/users/me` as well, and answers
    422 where the id has to be a number.

    ```python
    @router.get("/users/{user_id}")
    async def user(user_id: int): ...


    @router.get("/users/me")  # M109: nobody gets here
    async def me(): ...
    ```

    Put the route with the fixed path above the other. Compared are routes of one router and one verb in one file; of two with
    the same path the second is never reached. What stands under a test, and frameworks that look for the best match (Flask,
    Django reads its own order from one list), are left alone.
    """
    for module in analysis.modules:
        if module.in_tests:
            continue
        by_router: dict[tuple[FunctionSymbol, Expression, str], list[_Route]] = {}
        for scope in module.functions:
            if scope.facts.decorators and scope.parent is not None:
                for route in _routes(scope):
                    if _is_under_a_test(route):
                        continue
                    by_router.setdefault((scope.parent, route.decorator.callee[1], route.verb), []).append(route)
        for (around, router, _), routes in by_router.items():
            if len(routes) > 1 and _asks_in_order(analysis, router, around):
                yield from _shadowed(routes)


def _shadowed(routes: list[_Route]) -> Iterator[Sighting]:
    # One handler may have a path twice, which harms nobody.
    ordered = sorted(routes, key=lambda each: each.handler.facts.line)
    for number, below in enumerate(ordered):
        for above in ordered[:number]:
            if above.handler is not below.handler and _takes(above.segments, below.segments):
                line = below.decorator.line
                said = f"{below.verb.upper()} {below.path}"
                message = f"`{said}` is never reached: `{above.handler.name}` above answers it, as `{above.path}`"
                step = Step(below.handler.module.path, above.decorator.line, f"`{above.path}` takes `{below.path}` as well")
                mend = Mend("put it above the other, or give the two paths that differ")
                yield Sighting(below.handler, line, 0, line, message, (step,), mend)
                break


def _routes(scope: FunctionSymbol) -> Iterator[_Route]:
    for each in scope.facts.decorators:
        match each.callee, each.arguments[:1]:
            case ("attribute", ("name", _), str(verb)), (("string", str(path)),) if verb in VERBS and each.called:
                yield _Route(scope, each, verb, path, tuple(path.split("/")))


def _is_under_a_test(route: _Route) -> bool:
    around = route.handler.parent
    blocks = around.facts.blocks if around is not None else ()
    return any(each.what in ("if", "else", "try") and each.line <= route.decorator.line <= each.end_line for each in blocks)


def _asks_in_order(analysis: Analysis, router: Expression, scope: FunctionSymbol) -> bool:
    match analysis.program.evaluate(router, scope):
        case VariableSymbol(scope=home, name=name) if len(given := home.assigned.get(name) or []) == 1:
            made = given[0].value
            callee = home.facts.calls[made[1]].callee if made[0] == "call" else None
            named = "" if callee is None else name_in_library(analysis.program.evaluate(callee, home))
            return named.startswith("fastapi.") and named.rpartition(".")[2] in ROUTERS
    return False


def _takes(above: tuple[str, ...], below: tuple[str, ...]) -> bool:
    """Every path that the lower one answers is answered by the upper one."""
    if len(above) != len(below):
        return False
    return all(_takes_segment(one, other) for one, other in zip(above, below, strict=True))


def _takes_segment(above: str, below: str) -> bool:
    told = PARAMETER.fullmatch(above)
    other = PARAMETER.fullmatch(below)
    if told is None:
        return above == below
    sort = told[1] or ""
    if other is not None:
        return (other[1] or "") == sort
    return sort in TAKEN and TAKEN[sort].fullmatch(below) is not None
