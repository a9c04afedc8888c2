"""What a client says, and is left with the request as who is asking."""

import pytest

from netra.guard.requests.left_by_client import kept_by_connection, left_by_client
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
        ('name = request.form["user"]; other = clean(name); name = clean(other)', "g.user = name", []),
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


SOCKETS = """
from urllib.parse import parse_qs

from channels.generic.websocket import AsyncWebsocketConsumer


class One(AsyncWebsocketConsumer):
    async def connect(self):
        query = parse_qs(self.scope["query_string"].decode())
        self.user = {one}


class Other(AsyncWebsocketConsumer):
    async def connect(self):
        query = parse_qs(self.scope["query_string"].decode())
        self.user = {other}
"""


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        ('query["user"][0]', 'read(query["token"][0])', ["user"]),
        ('query["user"][0]', 'read(query.get("ticket", [""])[0])', ["user"]),
        ('query["user"][0]', 'query["user"][0]', []),
        ('read(query["token"][0])', 'read(query["token"][0])', []),
        ('query["room"][0]', 'read(query["token"][0])', []),
    ],
)
def test_a_connection_that_asks_for_nothing_beside_one_that_does(one: str, other: str, expected: list[str]) -> None:
    analysis = analysed(SOCKETS.format(one=one, other=other))
    assert [each.claim for each in kept_by_connection(analysis)] == expected
