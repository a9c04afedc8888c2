"""What holds who is asking is known by how it is written."""

import pytest

from netra.guard.requests.holders import is_claims, is_of_run, left_with_request
from tests.guard.programs import function, program


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("request.state.rider = 1", "rider"),
        ("request['rider'] = 1", "rider"),
        ("g.rider = 1", "rider"),
        ("request.session['rider'] = 1", None),
        ("self.rider = 1", None),
    ],
)
def test_what_is_left_with_a_request(line: str, expected: str | None) -> None:
    scope = function(program({"example.py": f"def show(request, g, self):\n    {line}\n"}), "example.show")
    assert left_with_request(scope.facts.assignments[0].target) == expected


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("config['configurable']", True),
        ("config.get('configurable', {})", True),
        ("config['metadata']", False),
        ("config.get('rows')", False),
    ],
)
def test_what_a_run_is_told(written: str, expected: bool) -> None:
    scope = function(program({"example.py": f"def show(config):\n    return {written}\n"}), "example.show")
    assert is_of_run(scope.facts.returned[0].value, scope) is expected


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("jwt.decode(token)", True),
        ("get_session(request)", True),
        ("sio.get_session(sid)", True),
        ("cloud.get_session(session_id)", False),
        ("get_jwt()", True),
        ("text.decode()", False),
        ("json.loads(token)", False),
    ],
)
def test_what_is_read_out_of_a_token(written: str, expected: bool) -> None:
    scope = function(program({"example.py": f"def show(token, text):\n    return {written}\n"}), "example.show")
    assert is_claims(scope.facts.calls[0]) is expected
