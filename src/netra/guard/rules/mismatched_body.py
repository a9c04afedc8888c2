"""M302."""

from collections.abc import Iterator
from difflib import get_close_matches

from netra.guard.analysis import Analysis
from netra.guard.faults import LIKELY, Mend, Sighting
from netra.guard.meaning.models import FORBID
from netra.guard.requests.bodies import Bodies, differences
from netra.guard.requests.clients import Correspondence
from netra.guard.requests.routing import ServedRoute
from netra.guard.requests.senders import SentRequest
from netra.guard.requests.taking import TakenBody
from netra.guard.rule import rule
from netra.guard.values import Step


@rule("M302", "mismatched-body")
def mismatched_body(analysis: Analysis) -> Iterator[Sighting]:
    """A client of this program sends a body that the route does not take: a field is missing, refused or dropped.

    Each side is right by itself, so no type checker sees it. Where a field is missing that the route needs, or is one that its
    model forbids, the answer is 422. Any other field that the model does not have is dropped, and nobody is told.

    ```python
    class NewUser(BaseModel):
        email: str


    @router.post("/users")
    async def create(user: NewUser): ...


    class UsersClient:
        async def create(self, address):
            await self.http.post("/users", json={"mail": address})  # M302: `email` is missing, and `mail` unknown
    ```

    A file counts as a client of the program as for M301, unless it serves the route itself: that is a proxy, which hands the
    request on. Compared are the names at the top of what is sent as `json`, when all of them are written down, with the model
    of the handler, or with its parameters where it takes several. A handler that reads the request itself is understood where
    it makes one class of all that it has read, or only asks it for names; where it hands it on, it is left alone, and so are
    models that look at their input first, forms and files.
    """
    correspondence = analysis.once(Correspondence)
    bodies = analysis.once(Bodies)
    for each in correspondence.answered:
        # A file that asks for a path which it serves is a proxy: it asks another server, which takes what it takes.
        if each.is_own:
            continue
        sent = bodies.sent(each.request) if each.served else None
        if sent is None:
            continue
        taken = [(route, bodies.taken(route.handler)) for route in each.served]
        against = [(route, body, *differences(body, sent)) for route, body in taken if body is not None]
        if len(against) == len(taken) and all(missing or unknown for _, _, missing, unknown in against):
            yield _sighting(each.request, *against[0])
        elif len(against) == 1 == len(taken):
            route, body, _, _ = against[0]
            for inner in bodies.within(each.request, body):
                missing, unknown = differences(inner.taken, inner.sent)
                if missing or unknown:
                    yield _sighting(each.request, route, inner.taken, missing, unknown, inner.name)
                    break


def _sighting(
    request: SentRequest,
    route: ServedRoute,
    taken: TakenBody,
    missing: list[str],
    unknown: list[str],
    inside: str = "",
) -> Sighting:
    name = route.handler.name if taken.model is None else taken.model.name
    answer = ": the answer is 422" if taken.validated else ""
    if missing:
        beside = f" and with {_listed(unknown)}" if unknown else ""
        where = f" in `{inside}`" if inside else ""
        message = f"`{request}` is sent without {_listed(missing)}{beside}{where}, and `{name}` needs it{answer}"
    elif taken.extra == FORBID:
        message = f"`{request}` is sent with {_listed(unknown)}, which `{name}` refuses{answer}"
    else:
        message = f"`{request}` is sent with {_listed(unknown)}, which `{name}` does not have and drops without a word"
    close = get_close_matches(unknown[0], sorted(taken.names), 1) if unknown else []
    why = [
        Step(route.handler.module.path, route.handler.facts.line, f"`{route}` is served by `{route.handler.facts.qualified}`")
    ]
    if taken.model is not None:
        why.append(Step(taken.model.module.path, taken.model.facts.line, f"`{name}` is what it takes"))
    if request.body is not None and request.body[0] == "name":
        given = [each.line for each in request.scope.assigned.get(request.body[1], ()) if each.line <= request.call.line]
        why += [Step(request.scope.module.path, line, "the body is written down here") for line in given[:1]]
    mend = Mend(f"`{close[0]}` is meant, or the route has to take it" if close else "send what the route takes")
    call = request.call
    return Sighting(request.scope, call.line, call.column, call.end_line, message, tuple(why), mend, LIKELY)


def _listed(names: list[str]) -> str:
    return " and ".join(f"`{each}`" for each in names[:3]) + (" and more" if len(names) > 3 else "")
