"""S105."""

from collections.abc import Iterator

from netra.guard.analysis import Analysis
from netra.guard.facts import last_name
from netra.guard.faults import Mend, Sighting
from netra.guard.rule import rule
from netra.guard.sharing import is_container
from netra.guard.values import Step


@rule("S105", "shared-context-default")
def shared_context_default(analysis: Analysis) -> Iterator[Sighting]:
    """A `ContextVar` has a default that can be changed, and that one object is in every context.

    A context variable keeps the values of requests apart, except for its default: whoever adds to it without setting a value
    first adds to what all others see.

    ```python
    tags = ContextVar("tags", default=[])     # S105
    ```

    Leave the default out, or take None, and set a new list where the request begins.
    """
    for scope in analysis.scopes:
        if scope.facts.sort != "top":
            continue
        for call in scope.facts.calls:
            if last_name(call.callee) == "ContextVar":
                default = dict(call.keywords).get("default")
                if default is not None and is_container(default, scope):
                    step = Step(scope.module.path, call.line, "the default is made once, here")
                    message = "the default of this context variable is one object in every context"
                    mend = Mend("leave the default out, and set a value where the request begins")
                    yield Sighting(scope, call.line, call.column, call.end_line, message, (step,), mend)
