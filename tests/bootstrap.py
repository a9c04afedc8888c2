"""How a test command that was called with any Python comes to run with the project's own.

`python tests/unified_test_runner.py` must work word for word in a fresh clone, where `python` is the system's and knows
neither pytest nor Netra. Standard library only, and nothing newer than Python 3.9: this runs before anything is installed.
"""

import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PYTHON = ROOT / ".venv" / "bin" / "python"
NEEDED = ("netra", "pytest", "pytest_asyncio", "psycopg")


def enter_environment() -> None:
    """Return if this Python has what the tests need; otherwise start the same command again with the one that has.

    Sets `.venv` up by way of the Makefile when it lacks the test tools, as it does after a mere `make serve`. Ends the
    process with status 2, saying what to do, when that fails.
    """
    if all(find_spec(name) for name in NEEDED):
        return
    sys.stderr.write("This Python lacks the test tools; going on with .venv/bin/python.\n")
    try:
        subprocess.run(["make", "--no-print-directory", ".venv/.dev"], cwd=ROOT, stdout=sys.stderr, check=True)
        subprocess.run([str(PYTHON), "-c", "import " + ", ".join(NEEDED)], cwd=ROOT, check=True)
    except (OSError, subprocess.CalledProcessError) as error:
        sys.stderr.write(f"The test environment could not be set up ({error}).\nRun `make test` once, then try again.\n")
        sys.exit(2)
    sys.stderr.flush()
    os.execv(str(PYTHON), [str(PYTHON), *sys.argv])
