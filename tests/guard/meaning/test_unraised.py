import pytest

from netra.guard.meaning.unraised import is_never_entered
from tests.guard.programs import analysed, function

TEXT = """
PRICES = {"a": 1}
def asked(name):
    try:
        price = PRICES.get(name)
    except KeyError:
        price = 0
def taken(name):
    try:
        price = PRICES[name]
    except KeyError:
        price = 0
def of_another(name, prices):
    try:
        price = prices.get(name)
    except KeyError:
        price = 0
def for_more(name):
    try:
        price = PRICES.get(name)
    except (KeyError, TypeError):
        price = 0
"""


@pytest.mark.parametrize(("name", "never"), [("asked", True), ("taken", False), ("of_another", False), ("for_more", False)])
def test_a_handler_is_never_entered_whose_try_only_asks_a_dictionary(name: str, never: bool) -> None:
    analysis = analysed(TEXT)
    scope = function(analysis.program, f"example.{name}")
    handler = scope.facts.line + 3
    assert is_never_entered(handler, scope, analysis.receivers) is never
