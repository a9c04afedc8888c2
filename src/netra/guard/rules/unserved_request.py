"""M301."""

from collections.abc import Iterator

from netra.guard.analysis import Analysis
from netra.guard.entries.sorts import ROUTE, SOCKET
from netra.guard.faults import CERTAIN, LIKELY, Mend, Sighting
from netra.guard.requests.clients import Answered, Correspondence
from netra.guard.requests.handwritten import HandwrittenServers
from netra.guard.requests.hosts import ForeignHosts
from netra.guard.requests.routing import ServedRoute
from netra.guard.rule import rule
from netra.guard.symbols import FunctionSymbol
from netra.guard.values import Step

MOST_SHOWN = 3


@rule("M301", "unserved-request", hesitant=True)
def unserved_request(analysis: Analysis) -> Iterator[Sighting]:
    """A client of this program asks for a route that the program does not serve.

    The path was renamed, or another verb is meant. Each side is right by itself, so no type checker sees it; the client gets
    404 or 405.

    ```python
    @router.patch("/users/{user_id}")
    async def rename(user_id: str): ...


    class UsersClient:
        async def rename(self, user_id):
            await self.http.post(f"/users/{user_id}")  # M301: only PATCH is served
    ```

    A file counts as a client of the program when most of the requests that it writes down fit the program's routes, and so does
    a class whose requests all go through one method of its own, `self._call("POST", f"/users/{user_id}")`, wherever its callers
    stand. What it asks of other servers, and what tests ask for on purpose, is left alone, and so is a proxy, which asks for
    the paths that it serves, and a path of which a handler of `http.server` names a part. Prefixes are followed through
    `APIRouter(prefix=…)` and `include_router(…, prefix=…)`. Routes are those of FastAPI, Starlette, Flask, aiohttp, Litestar,
    Django and what looks like them; what is mounted, or answered in a way that guard does not understand, may serve anything.
    Guard is not certain where the file names somebody else's server, where such a file asks for the same, where nothing that
    the client asks for is served here, or where a route of the program leads to the request: it is another server's.
    """
    by_hand, foreign = analysis.once(HandwrittenServers), analysis.once(ForeignHosts)
    correspondence = analysis.once(Correspondence)
    # What is also asked of somebody else's server may be a way of that one, of which this program serves a few as well.
    abroad = {
        str(each.request)
        for each in correspondence.answered
        if not each.served and foreign.may_be_asked_by(each.request.scope.module)
    }
    at_home = {each.request.through or each.request.scope.module for each in correspondence.answered if each.served}
    for each in correspondence.answered:
        request = each.request
        if (
            each.served
            or each.is_own
            or not each.alike
            or correspondence.may_be_served(request)
            or by_hand.may_serve(request.path)
        ):
            continue
        call = request.call
        asks_here = (request.through or request.scope.module) in at_home and not _is_passed_on(analysis, request.scope)
        confidence = CERTAIN if asks_here and str(request) not in abroad else LIKELY
        yield Sighting(
            request.scope, call.line, call.column, call.end_line, _message(each), _why(each), Mend(_mend(each)), confidence
        )


def _is_passed_on(analysis: Analysis, scope: FunctionSymbol) -> bool:
    """A route of the program leads to the request: the server asks another one for what it does not do itself."""
    return any(each.sort in (ROUTE, SOCKET) for each in analysis.reach.routes_to(scope))


def _message(each: Answered) -> str:
    if each.other_verb:
        return f"`{each.request}` is asked for, and its path is served for {_verbs(each.alike)} only"
    return f"`{each.request}` is asked for, and no router serves it"


def _mend(each: Answered) -> str:
    return f"ask for {'one of them' if len(each.alike) > 1 else 'it'}, or serve `{each.request}`"


def _why(each: Answered) -> tuple[Step, ...]:
    return tuple(
        Step(route.handler.module.path, route.handler.facts.line, f"`{route}` is served by `{route.handler.facts.qualified}`")
        for route in each.alike[:MOST_SHOWN]
    )


def _verbs(routes: tuple[ServedRoute, ...]) -> str:
    return " and ".join(sorted({verb for route in routes for verb in route.verbs or ()}))
