"""E105."""

from collections.abc import Iterator

from netra.guard.analysis import Analysis
from netra.guard.environment import Access, Touch, outside
from netra.guard.faults import CERTAIN, Sighting
from netra.guard.ownership import ClearOwners
from netra.guard.program import ModuleSymbol
from netra.guard.reporting import of_access, past_owner
from netra.guard.rule import rule
from netra.guard.settings import HeldSettings


@rule("E105", "variables-expanded", owned=True, hesitant=True)
def variables_expanded(analysis: Analysis) -> Iterator[Sighting]:
    """Variables in a text are replaced by what the environment holds.

    Whoever writes the text reads the environment: `os.path.expandvars("$DATABASE_PASSWORD")` in a path, a template or a setting
    of a user gives out the secret.

    ```python
    path = os.path.expandvars(request.path)  # E105
    ```

    Guard is certain where one module clearly owns the environment (E102 says when), and the text is written down and names a
    variable: `os.path.expandvars("$UPLOADS/new")` is a read like any other. Facts about the machine (`$HOME`) are left alone.
    """
    for access, owners in outside(analysis, Touch.EXPAND):
        clear = None if owners.configured else _passed(analysis, access)
        if clear is not None:
            message = f"`{access.variable}` is read from the environment by the text that it stands in"
            yield past_owner(access, clear, message, CERTAIN)
        else:
            yield of_access(analysis, access, owners, "variables of the environment are expanded in a text")


def _passed(analysis: Analysis, access: Access) -> ModuleSymbol | None:
    """The clear owner, where the text names a setting of the program."""
    clear = analysis.once(ClearOwners)
    if not access.variable or not analysis.once(HeldSettings).is_own(access.variable) or clear.is_of_a_script(access):
        return None
    return clear.over(access)
