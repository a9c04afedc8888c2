"""Somebody is sent away where an answer or an exception says that this may not be, and not where something is missing."""

import pytest

from netra.guard.requests.refusals import is_forbidden_by
from tests.guard.programs import function, program


@pytest.mark.parametrize(
    ("test", "answer", "expected"),
    [
        ("user_id != own", "raise HTTPException(403)", True),
        ("user_id != own", "raise HTTPException(status_code=status.HTTP_403_FORBIDDEN)", True),
        ("user_id != own", "raise PermissionError('no')", True),
        ("not may(user_id)", "return err(403, 'no')", True),
        ("not allowed and user_id != own", "abort(403)", True),
        ("user_id != own", "raise HTTPException(404)", False),
        ("not user_id", "raise HTTPException(403)", False),
        ("user_id is None", "raise HTTPException(403)", False),
        ("other != own", "raise HTTPException(403)", False),
    ],
)
def test_a_comparison_stands_before_a_refusal(test: str, answer: str, expected: bool) -> None:
    text = f"def show(user_id, own, other, allowed):\n    if {test}:\n        {answer}\n    return user_id\n"
    scope = function(program({"example.py": text}), "example.show")
    assert is_forbidden_by({("name", "user_id")}, scope, where_missing=False) is expected


def test_what_a_check_gives_is_asked_whether_it_is_there() -> None:
    text = "def show(found):\n    if found is None:\n        raise Forbidden()\n    return found\n"
    scope = function(program({"example.py": text}), "example.show")
    assert is_forbidden_by({("name", "found")}, scope, where_missing=True)
    assert not is_forbidden_by({("name", "found")}, scope, where_missing=False)


def test_so_it_is_where_the_refusal_stands_behind_else() -> None:
    text = "def show(one, other):\n    if one == other:\n        return 1\n    else:\n        raise HTTPException(403)\n"
    scope = function(program({"example.py": text}), "example.show")
    assert is_forbidden_by({("name", "one")}, scope, where_missing=False)
