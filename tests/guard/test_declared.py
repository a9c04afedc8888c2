"""Defaults of settings that are said to what has the settings."""

import pytest

from netra.guard.declared import declared_defaults
from tests.guard.programs import analysed


@pytest.mark.parametrize(
    "call",
    [
        "getattr(settings, 'KEY', 'x')",
        "app.config.get('KEY', 'x')",
        "get_settings().setdefault('KEY', 'x')",
        "Validator('KEY', default='x')",
        "Env(KEY=(str, 'x'))",
        "click.option('--key', envvar='KEY', default='x')",
        "typer.Option('x', envvar='KEY')",
    ],
)
def test_a_default_is_declared(call: str) -> None:
    assert [(name, each.value) for name, each in declared_defaults(analysed(f"value = {call}\n"))] == [("KEY", ("string", "x"))]


@pytest.mark.parametrize("call", ["getattr(person, 'KEY', 'x')", "words.get('KEY', 'x')", "app.config.get('KEY')", "Env()"])
def test_what_is_asked_of_something_else_or_has_no_default_is_none(call: str) -> None:
    assert not list(declared_defaults(analysed(f"value = {call}\n")))
