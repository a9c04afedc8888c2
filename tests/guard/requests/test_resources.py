"""What has to be closed when it is made twice is told from what is only fetched twice."""

import pytest

from netra.guard.requests.resources import is_resource, words_of
from netra.guard.requests.sharing import Sharing
from tests.guard.programs import analysed

TEXT = """
from fastapi import FastAPI
from elsewhere import *

app = FastAPI()
kept = None


@app.get("/")
async def show():
    global kept
    kept = {made}
"""


@pytest.mark.parametrize(
    ("made", "expected"),
    [
        ("await create_pool()", True),
        ("await connect_client()", True),
        ("AsyncClient()", True),
        ("await load_page()", False),
        ("make_session_key()", False),
        ("3", False),
    ],
)
def test_what_is_made(made: str, expected: bool) -> None:
    analysis = analysed(TEXT.format(made=made))
    (write,) = analysis.once(Sharing).writes
    assert is_resource(analysis, write, write.scope) is expected


@pytest.mark.parametrize(("name", "expected"), [("create_pool", {"create", "pool"}), ("AsyncClient", {"async", "client"})])
def test_the_words_of_a_name(name: str, expected: set[str]) -> None:
    assert words_of(name) == expected
