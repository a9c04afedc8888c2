"""E104."""

from collections.abc import Iterator

from netra.guard.analysis import Analysis
from netra.guard.environment import Touch, outside
from netra.guard.faults import Sighting
from netra.guard.reporting import of_access
from netra.guard.rule import rule


@rule("E104", "dotenv-loaded", default=False)
def dotenv_loaded(analysis: Analysis) -> Iterator[Sighting]:
    """A `.env` file is loaded outside the module that owns the environment.

    `load_dotenv` writes to the process environment. Called wherever a module happens to be imported, it decides by the order of
    imports which value holds, in production as well.

    ```python
    from dotenv import load_dotenv

    load_dotenv()  # E104
    ```
    """
    for access, owners in outside(analysis, Touch.LOAD):
        yield of_access(analysis, access, owners, f"a `.env` file is loaded outside `{owners.named}`")
