"""`netra.guard.requests.defaults_under_keys`: one default that is the value of all keys."""

import pytest

from netra.guard.requests.defaults_under_keys import defaults_under_keys
from tests.guard.programs import analysed

TEXT = """
KEPT = {{}}

def create(name, data={default}):
    {body}
    return {given}
"""


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("KEPT[name] = data", True),
        ("KEPT[name] = (1, data)", True),
        ("KEPT[name] = {'data': data}", True),
        ("KEPT['one'] = data", False),
        ("KEPT[name] = [*data]", False),
        ("own = {}; own[name] = data", False),
    ],
)
def test_what_is_put_under_a_key_and_handed_back_is_shared(body: str, expected: bool) -> None:
    found = [each.parameter.name for each in defaults_under_keys(analysed(TEXT.format(default="[]", body=body, given="data")))]
    assert found == (["data"] if expected else [])


@pytest.mark.parametrize(("default", "given"), [("None", "data"), ("()", "data"), ("[]", "name")])
def test_what_nobody_can_change_is_not(default: str, given: str) -> None:
    assert list(defaults_under_keys(analysed(TEXT.format(default=default, body="KEPT[name] = data", given=given)))) == []
