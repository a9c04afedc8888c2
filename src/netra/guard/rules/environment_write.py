"""E102."""

from collections.abc import Iterator

from netra.guard.analysis import Analysis
from netra.guard.entries.sorts import COMMAND, TEST
from netra.guard.environment import Access, Replaced, Touch, accesses, outside
from netra.guard.facts import BODY, TOP
from netra.guard.faults import Sighting
from netra.guard.reporting import of_access, past_owner
from netra.guard.rule import rule
from netra.guard.settings import HeldSettings


@rule("E102", "environment-write", default=False, owned=True)
def environment_write(analysis: Analysis) -> Iterator[Sighting]:
    """A module writes to the process environment, which every user, thread and child process of the server shares.

    What one request writes, the next one reads: a key that was set for one user is used for another. The order in which two
    modules are imported decides who wins.

    ```python
    async def run(user: User) -> None:
        os.environ["OPENAI_API_KEY"] = user.key  # E102
    ```

    It is reported wherever a route, socket or task leads and, when the configuration names an owner, everywhere outside it:
    what a server writes at its start, before anybody is served, is a matter of order rather than of users. Where a program
    serves somebody and holds nearly all its settings in one place, it is reported in every function outside that place; left
    alone are then variables by which a library is told something, names that the caller gives, and what the import of a
    module writes, and what only commands lead to.

    A program that puts an object of its own in the place of `os.environ` has seen to that itself, and is left alone. What is
    put back or taken away again in a `finally` is the repair of a write and no second one. A name that is made up for the
    occasion, and taken away again, is nobody else's.

    Hand the value to whoever needs it: as an argument, or in the `env=` of the child process.
    """
    for access, owners in outside(analysis, Touch.WRITE, without_owner=True):
        if _is_repair(access) or (not access.variable and any(map(_is_repair, _beside(analysis, access)))):
            continue
        if analysis.once(Replaced).holds(access.module):
            continue
        what = f"`{access.variable}`" if access.variable else "a variable"
        message = f"{what} is written to the environment of the whole process"
        if owners.configured or analysis.reach.path_to(access.scope):
            yield of_access(analysis, access, owners, message)
        elif _is_of_commands(analysis, access) or not _is_told_to_the_program(analysis, access):
            continue
        elif (owner := analysis.once(HeldSettings).owner_of(access.module)) is not None:
            yield past_owner(access, owner, message)


def _is_of_commands(analysis: Analysis, access: Access) -> bool:
    """Only commands lead there: each is a process of its own, whose children are meant to be told."""
    found = {each.sort for each in analysis.reach.routes_to(access.scope)} - {TEST}
    return found == {COMMAND}


def _is_told_to_the_program(analysis: Analysis, access: Access) -> bool:
    """A function, not the import of a module, writes a name that stands there and by which no library is told something.

    What applies names that somebody else has given prepares a process, often one of its own, for what runs in it.
    """
    named = access.variable and not analysis.once(HeldSettings).is_of_library(access.variable)
    return bool(named) and access.scope.facts.sort not in (BODY, TOP)


def _is_repair(access: Access) -> bool:
    """It stands in a `finally`."""
    blocks = access.scope.facts.blocks
    return any(each.what == "finally" and each.line <= access.line <= each.end_line for each in blocks)


def _beside(analysis: Analysis, access: Access) -> list[Access]:
    """What else the same function writes."""
    return [each for each in analysis.once(accesses) if each.scope is access.scope and each.touch is Touch.WRITE]
