"""`netra.guard.database.lasting_proxies`: sessions of a thread that a server works with and nobody ends."""

import pytest

from netra.guard.database.lasting_proxies import lasting_proxies
from tests.guard.programs import analysed

TEXT = """
from fastapi import FastAPI
from sqlalchemy.orm import scoped_session, sessionmaker

app = FastAPI()
Session = scoped_session(sessionmaker())

{decorator}
async def work():
    Session.commit()

{more}
"""


@pytest.mark.parametrize(
    ("decorator", "more", "expected"),
    [
        ('@app.get("/")', "", ["Session"]),
        ("", "", []),
        ('@app.get("/")', "def end():\n    Session.remove()", []),
        ('@app.get("/")', "app.on_teardown(Session.remove)", []),
        ('@app.get("/")', "def end(other):\n    other.remove()", ["Session"]),
    ],
)
def test_only_a_server_that_never_ends_it_is_told(decorator: str, more: str, expected: list[str]) -> None:
    assert [each.name for each in lasting_proxies(analysed(TEXT.format(decorator=decorator, more=more)))] == expected
