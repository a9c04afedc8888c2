"""E103."""

from collections.abc import Iterator

from netra.guard.analysis import Analysis
from netra.guard.environment import Touch, outside
from netra.guard.faults import Sighting
from netra.guard.reporting import of_access
from netra.guard.rule import rule


@rule("E103", "environment-handed-on", default=False)
def environment_handed_on(analysis: Analysis) -> Iterator[Sighting]:
    """The whole environment is copied or handed on, with every secret that is in it.

    `env={**os.environ}` gives a child process the database's password and every key of the server; whoever can make the child
    print its environment has them.

    ```python
    subprocess.run(command, env=os.environ.copy())  # E103
    ```

    A supervisor that starts its own workers has to hand it on, and guard cannot tell one from the other: off by default.

    Give a child the few variables that it needs: `PATH`, `HOME`, and what it was started for.
    """
    for access, owners in outside(analysis, Touch.WHOLE):
        yield of_access(analysis, access, owners, "the whole environment is handed on, secrets included")
