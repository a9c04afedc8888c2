"""How places are written that frameworks have for all is known, also under a local name."""

import pytest

from netra.guard.requests.places_of_all import is_of_lifespan, is_state_of_litestar, only_value, state_of_application
from netra.guard.symbols import FunctionSymbol
from tests.guard.programs import function, program


def _scope(text: str) -> FunctionSymbol:
    return function(program({"example.py": text}), "example.show")


def test_the_only_value_of_a_name() -> None:
    scope = _scope("def show(a):\n    b = a\n    c = 1\n    c = 2\n")
    assert only_value("b", scope) == ("name", "a")
    assert only_value("c", scope) is None


@pytest.mark.parametrize(("made", "expected"), [("request.app.state", True), ("self.state", False)])
def test_the_state_of_an_application(made: str, expected: bool) -> None:
    assert (state_of_application("kept", _scope(f"def show(self, request):\n    kept = {made}\n")) is not None) is expected


def test_what_a_server_was_started_with() -> None:
    scope = _scope("def show(ctx):\n    kept = ctx.request_context.lifespan_context\n    other = ctx.request_context\n")
    assert is_of_lifespan(("name", "kept"), scope)
    assert not is_of_lifespan(("name", "other"), scope)


@pytest.mark.parametrize(("library", "expected"), [("litestar.datastructures", True), ("elsewhere", False)])
def test_the_state_of_litestar(library: str, expected: bool) -> None:
    text = f"from {library} import State\ndef show(state: State, other: int): ...\n"
    assert is_state_of_litestar("state", _scope(text)) is expected
    assert not is_state_of_litestar("other", _scope(text))
