"""The ground that every test stands on.

Tests see none of the caller's settings, every database is a real PostgreSQL, a blocking call in an event loop is an error,
and so are a task that outlives its test, a coroutine that nobody awaits, and any other warning.
"""

import os

from hypothesis import settings

# Before anything of Netra is imported. What a test needs from the environment it sets itself, with `netra.env.override`.
for _name in [name for name in os.environ if name.startswith("NETRA_")]:
    del os.environ[_name]

# Hypothesis otherwise fails an example that takes 200 ms, and a busy machine is not a bug.
settings.register_profile("netra", deadline=None, print_blob=True)
settings.load_profile("netra")

pytest_plugins = ["tests.fixtures.event_loop", "tests.fixtures.postgres", "tests.fixtures.sign_in"]
