"""`python -m netra` is `netra`."""

import subprocess
import sys

import netra


def test_the_module_is_the_command() -> None:
    said = subprocess.run([sys.executable, "-m", "netra", "--version"], capture_output=True, text=True, check=True, timeout=60)
    assert netra.__version__ in said.stdout
