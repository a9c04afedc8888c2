"""The ground that every test stands on.

Tests see none of the caller's settings, every database is a real PostgreSQL, a blocking call in an event loop is an error,
and so are a task that outlives its test, a coroutine that nobody awaits, and any other warning.
"""

import os

# Before anything of Netra is imported. What a test needs from the environment it sets itself, with `netra.env.override`.
for _name in [name for name in os.environ if name.startswith("NETRA_")]:
    del os.environ[_name]

pytest_plugins = ["tests.fixtures.event_loop", "tests.fixtures.postgres"]
