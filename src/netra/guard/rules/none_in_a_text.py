"""E113."""

from collections import defaultdict
from collections.abc import Iterator

from netra.guard.analysis import Analysis
from netra.guard.asked import call_of
from netra.guard.environment import Access, Touch, accesses, is_edge
from netra.guard.facts import NOTHING, CallSite, last_name
from netra.guard.faults import Mend, Sighting
from netra.guard.meaning.expressions import within
from netra.guard.meaning.places import LOGGING
from netra.guard.rule import rule
from netra.guard.symbols import FunctionSymbol
from netra.guard.unset import SECRET
from netra.guard.values import Step

FORMATTED = ("format",)


@rule("E113", "none-in-a-text")
def none_in_a_text(analysis: Analysis) -> Iterator[Sighting]:
    """A secret is written into a text where it is read, and is the word `None` there when nobody has set it.

    Nothing fails where it is missing: a request is sent with `Bearer None`, a database is asked to let in `app:None`, and what
    comes back speaks of something else.

    ```python
    headers = {"Authorization": f"Bearer {os.getenv('API_TOKEN')}"}  # E113
    ```

    Read it as `os.environ["API_TOKEN"]`, which says what is missing, or ask the module that keeps the settings. Left alone is a
    variable that the program reads in another way as well, which may be checked there, and a text for a log.
    """
    read: dict[str, list[tuple[Access, CallSite | None]]] = defaultdict(list)
    for access in accesses(analysis):
        if access.variable and SECRET.search(access.variable) and not access.module.in_tests:
            read[access.variable].append((access, call_of(access.scope, access.mention)))
    for variable, ways in read.items():
        if not all(_is_written_out(access, call) for access, call in ways):
            continue
        for access, call in ways:
            if call is None or is_edge(access.module) or _is_noted(call, access.scope):
                continue
            message = f"where `{variable}` is not set, the text has the word `None` in its place"
            step = Step(access.module.path, access.line, f"without `{variable}` this gives None")
            mend = Mend(f'read `os.environ["{variable}"]`, or ask the module that keeps the settings')
            yield Sighting(access.scope, call.line, call.column, call.end_line, message, (step,), mend)


def _is_noted(call: CallSite, scope: FunctionSymbol) -> bool:
    """It is written to a log, where `None` says that there is none."""
    read = ("call", scope.facts.calls.index(call))
    logs = (each for each in scope.facts.calls if last_name(each.callee) in LOGGING | {"print", "echo"})
    return any(read in within(given, scope) for each in logs for given in each.given)


def _is_written_out(access: Access, call: CallSite | None) -> bool:
    """`f"Bearer {os.getenv('API_TOKEN')}"`, with nothing in the place of a missing one."""
    return (
        access.touch == Touch.READ
        and call is not None
        and call.callee[-1] in ("getenv", "get")
        and call.where == FORMATTED
        and access.default in (None, NOTHING)
    )
