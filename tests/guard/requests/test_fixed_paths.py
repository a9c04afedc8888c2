"""Paths that are the same for every call."""

import pytest

from netra.guard.requests.fixed_paths import is_fixed
from tests.guard.programs import analysed, function

TEXT = """
import os, tempfile
from pathlib import Path
ROOT = Path(tempfile.gettempdir()) / "app"
NAMES = {{}}
HERE = os.path.dirname(os.path.abspath(__file__))
CHANGING = "a"
CHANGING = "b"
def made(name, folder):
    own = "x.wav"
    return {path}
"""


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ('"upload.wav"', True),
        ('""', False),
        ("ROOT", True),
        ("own", True),
        ('ROOT / "upload.wav"', True),
        ('"uploads/" + "x.wav"', True),
        ('os.path.join(HERE, "x.wav")', True),
        ('Path(__file__).parent / "x.wav"', True),
        ("ROOT / name", False),
        ("os.path.join(folder, 'x')", False),
        ('f"{name}.wav"', False),
        ("CHANGING", False),
        ('NAMES["a"]', False),
        ("tempfile.mktemp()", False),
    ],
)
def test_a_path_of_which_nothing_depends_on_who_calls(path: str, expected: bool) -> None:
    analysis = analysed(TEXT.format(path=path))
    scope = function(analysis.program, "example.made")
    assert is_fixed(scope.facts.returned[0].value, scope, analysis.program) is expected
