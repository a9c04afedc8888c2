"""E105."""

from collections.abc import Iterator

from netra.guard.analysis import Analysis
from netra.guard.environment import Touch, outside
from netra.guard.faults import Sighting
from netra.guard.reporting import of_access
from netra.guard.rule import rule


@rule("E105", "variables-expanded", default=False, owned=True)
def variables_expanded(analysis: Analysis) -> Iterator[Sighting]:
    """Variables in a text are replaced by what the environment holds.

    Whoever writes the text reads the environment: `os.path.expandvars("$DATABASE_PASSWORD")` in a path, a template or a setting
    of a user gives out the secret.

    ```python
    path = os.path.expandvars(request.path)  # E105
    ```
    """
    for access, owners in outside(analysis, Touch.EXPAND):
        yield of_access(analysis, access, owners, "variables of the environment are expanded in a text")
