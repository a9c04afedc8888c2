"""However the environment is spelt, it is the one of `os`."""

import pytest

from netra.guard.spellings import MAPPINGS, of_os
from tests.guard.programs import analysed


@pytest.mark.parametrize(
    ("head", "spelling"),
    [
        ("import os", "os.environ"),
        ("import posix", "posix.environ"),
        ("import importlib", "importlib.import_module('os').environ"),
        ("import sys", "sys.modules['os'].environ"),
        ("env = __import__('os').environ", "env"),
        ("from starlette.config import environ", "environ"),
    ],
)
def test_it_is_the_environment(head: str, spelling: str) -> None:
    analysis = analysed(f"{head}\nenviron_of_it = {spelling}\n")
    top = analysis.modules[0].top
    assert of_os(analysis, top.facts.assignments[-1].value, top) in MAPPINGS


@pytest.mark.parametrize("spelling", ["request.environ", "importlib.import_module('app').environ", "os.path"])
def test_something_else_is_not(spelling: str) -> None:
    analysis = analysed(f"import importlib, os\nit = {spelling}\n")
    top = analysis.modules[0].top
    assert of_os(analysis, top.facts.assignments[-1].value, top) not in MAPPINGS
