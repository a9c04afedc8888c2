"""M114."""

from collections.abc import Iterator

from netra.guard.analysis import Analysis
from netra.guard.faults import CERTAIN, LIKELY, Mend, Sighting
from netra.guard.requests.path_names import FLASK, untaken_names
from netra.guard.rule import rule
from netra.guard.values import Step


@rule("M114", "untaken-path-name", hesitant=True)
def untaken_path_name(analysis: Analysis) -> Iterator[Sighting]:
    """The path of a route names a value that its handler does not take.

    Flask calls the handler with a keyword that it does not have: a `TypeError` for everybody. FastAPI leaves the value away,
    and asks for the parameter that was meant in the query of the URL, so that it answers 422 to whoever uses the route as it
    is written.

    ```python
    @app.get("/users/{user_id}")
    async def user(id: int): ...  # M114: `id` is asked for in the query, and `user_id` is used by nobody
    ```

    Give both one name. What dependencies take counts, those of routers and those behind `Annotated`; where one of them is not
    understood, where the handler has another decorator or `**`, and where the program reads `request.path_params` in the
    handler's place, guard is silent. A name that is left away, with no parameter in its place, is told of when the rule is
    asked for: it may be what callers have to send and nobody needs.
    """
    for each in untaken_names(analysis):
        function, line = each.handler, each.decorator.line
        step = Step(function.module.path, function.facts.line, f"`{function.name}` takes no `{each.name}`")
        mend = Mend(f"take `{each.name}`, or leave it out of the path")
        if each.library == FLASK:
            message = f"`{function.name}` is called with `{each.name}` of the path, which it does not take: a TypeError"
        elif each.asked:
            message = f"`{each.name}` of the path is taken by nobody, and `{each.asked}` is asked for in the query"
        else:
            message = f"`{each.name}` of the path is taken by nobody"
        sure = CERTAIN if each.library == FLASK or each.asked else LIKELY
        yield Sighting(function, line, 0, line, message, (step,), mend, sure)
