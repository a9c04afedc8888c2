"""M108."""

from collections.abc import Iterator

from netra.guard.analysis import Analysis
from netra.guard.entries.unused import NamesUsed
from netra.guard.faults import CERTAIN, Mend, Sighting
from netra.guard.meaning.expressions import written
from netra.guard.meaning.narrowing import is_caught
from netra.guard.members.frameworks import strange_members
from netra.guard.reading import is_waived
from netra.guard.rule import rule
from netra.guard.source.waivers import MEMBER


@rule("M108", "strange-request", hesitant=True)
def strange_request(analysis: Analysis) -> Iterator[Sighting]:
    """A request is asked for something that another framework's request has, and this one's has not.

    It raises `AttributeError` as soon as somebody asks the route: what is left of a framework that was replaced, or that who
    wrote the line knows better.

    ```python
    from flask import request


    @app.post("/upload")
    def upload():
        log.info("from %s", request.remote)  # M108: aiohttp's; Flask has `remote_addr`
    ```

    Looked at are Flask's `request`, and parameters that are annotated with the request of FastAPI, Starlette or aiohttp. Left
    alone are names that no framework has, which a plug-in may have put there, and what the program itself puts on a request or
    asks it for by `hasattr` or `getattr`.
    """
    used = analysis.program.once(NamesUsed)
    for each in strange_members(analysis):
        scope = each.scope
        if is_caught(each.line, scope, "AttributeError") or is_waived(scope, MEMBER, each.line) or used.is_unused(scope):
            continue
        name = each.expression[2]
        others = " and ".join(each.others)
        message = f"`{written(each.expression, scope)}`: a request of {each.framework} has no `{name}`, which is of {others}"
        yield Sighting(scope, each.line, each.column, each.line, message, (), Mend("ask for what it has"), CERTAIN)
