"""What a client says, and is left with the request as who is asking."""

import pytest

from netra.guard.requests.left_by_client import left_by_client
from tests.guard.programs import analysed

TEXT = """
from flask import g, request


def prepare():
    {before}
    {line}
"""


@pytest.mark.parametrize(
    ("before", "line", "expected"),
    [
        ("pass", 'g.user = request.args["user"]', ["user"]),
        ("pass", 'g.user_id = request.get_json()["user_id"]', ["user_id"]),
        ('name = request.form["user"]', "g.user = name", ["user"]),
        ("pass", 'g.user = request.headers["X-User"]', []),
        ("pass", 'g.user = request.args["token"]', []),
        ("pass", 'g.page = request.args["page"]', []),
        ("pass", 'g.user = people[request.args["user"]]', []),
        ('verify(request.args["user"])', 'g.user = request.args["user"]', []),
    ],
)
def test_whom_the_client_names(before: str, line: str, expected: list[str]) -> None:
    analysis = analysed(TEXT.format(before=before, line=line))
    calls = [each.claim for each in left_by_client(analysis)]
    assert calls == expected
