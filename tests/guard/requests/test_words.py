import pytest

from netra.guard.requests.words import gives_user, is_connection
from tests.guard.programs import analysed, function


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("current_user", True),
        ("user_for_token", True),
        ("verify_principal", True),
        ("user_service", False),
        ("load_session", False),
        ("get", False),
    ],
)
def test_a_function_that_gives_a_user_says_so_and_nothing_else(name: str, expected: bool) -> None:
    assert gives_user(name) is expected


def test_a_socket_is_one_under_any_name() -> None:
    f = function(
        analysed("def f(a: WebSocket, b: fastapi.WebSocket[User, str], c: Request, websocket): ...").program, "example.f"
    )
    assert [each.name for each in f.facts.parameters if is_connection(each)] == ["a", "b"]
