"""E101."""

from collections.abc import Iterator

from netra.guard.analysis import Analysis
from netra.guard.environment import Touch, outside
from netra.guard.faults import Sighting
from netra.guard.reporting import of_access
from netra.guard.rule import rule


@rule("E101", "environment-read", default=False)
def environment_read(analysis: Analysis) -> Iterator[Sighting]:
    """A module reads a variable of the process environment that another module owns.

    Settings that are read in one place are checked once, at the start, and can be listed, documented and replaced in a test. A
    `os.getenv` somewhere below is found when the request gets there, with a default that nobody knows of.

    ```python
    # app/billing.py, beside app/config.py
    key = os.environ["STRIPE_KEY"]  # E101
    ```

    Every spelling counts: `os.environ[…]`, `.get`, `in`, `os.getenv`, `from os import environ as e`, and `os.environ.get` that
    is handed on as a function. Owners are what `owner = ["app.config"]` names; without it, modules called `config`, `settings`
    or `env` that read the environment, and those with a `BaseSettings` class, when together they hold at least half of all
    settings. Without an owner nothing is reported. Tests, scripts and facts about the machine (`HOME`, `PATH`, `NO_COLOR`, …)
    are left alone.
    """
    for access, owners in outside(analysis, Touch.READ):
        what = f"`{access.variable}`" if access.variable else "a variable"
        yield of_access(analysis, access, owners, f"{what} is read from the environment outside `{owners.named}`")
