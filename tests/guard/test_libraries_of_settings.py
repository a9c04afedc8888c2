"""A library for settings reads the variable that it is given the name of; what others are given is none."""

import pytest

from netra.guard.environment import Access, Touch
from netra.guard.libraries_of_settings import library_reads
from tests.guard.programs import analysed

LIBRARIES = """
from decouple import config
from environs import Env
from starlette.config import Config
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from elsewhere import ask
env = Env()
starry = Config(".env")
request = Request({})
"""


def found(line: str) -> list[Access]:
    return library_reads(analysed(f"{LIBRARIES}{line}\n"))


@pytest.mark.parametrize(
    "call", ["config('APP_KEY')", "env('APP_KEY')", "env.str('APP_KEY')", "env.int('APP_KEY')", "starry('APP_KEY', cast=str)"]
)
def test_a_library_reads_the_variable_that_it_is_told(call: str) -> None:
    assert [(each.touch, each.variable, each.default) for each in found(f"x = {call}")] == [(Touch.READ, "APP_KEY", None)]


@pytest.mark.parametrize(
    "call",
    [
        "config('app_key')",
        "config(name)",
        "config()",
        "ask('APP_KEY')",
        "env.read_env('APP_KEY')",
        "starry.get('APP_KEY')",
        "PlainTextResponse('APP_KEY')",
        "request.get('APP_KEY')",
    ],
)
def test_what_names_no_variable_or_asks_somebody_else_is_no_read(call: str) -> None:
    assert found(f"x = {call}") == []


def test_what_replaces_a_missing_variable_is_told_by_place_or_by_name() -> None:
    reads = found("x = config('A', 'one')\ny = config('B', default='two')\nz = config('C', cast=str)")
    assert {each.variable: each.default for each in reads} == {"A": ("string", "one"), "B": ("string", "two"), "C": None}


def test_what_tests_read_is_not_the_programs() -> None:
    text = "from decouple import config\nx = config('APP_KEY')\n"
    reads = library_reads(analysed({"app.py": text, "tests/test_app.py": text}))
    assert [each.module.path for each in reads] == ["app.py"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("with env.prefixed('APP_'):\n    x = env('KEY')\ny = env('PORT')", ["APP_KEY", "PORT"]),
        ("with env.prefixed('APP_'):\n    with env.prefixed('DB_'):\n        x = env.str('KEY')", ["APP_DB_KEY"]),
        ("with env.prefixed('APP_'):\n    x = starry.config('KEY')", ["KEY"]),
        ("from sanic import Sanic\napp = Sanic('shop', env_prefix='SHOP_')", ["SHOP"]),
        ("from sanic import Sanic\napp = Sanic('SHOP')\nb = Sanic('x', env_prefix='')", []),
        ("class Sanic: ...\napp = Sanic('shop', env_prefix='SHOP_')", []),
    ],
)
def test_a_prefix_stands_before_the_name(text: str, expected: list[str]) -> None:
    assert [each.variable for each in found(text)] == expected
