"""`netra.guard.requests.read_of`: what is read of an object that a function is given."""

import pytest

from netra.guard.requests.read_of import read_of, signed_in_for_one
from netra.guard.requests.sharing import Sharing
from tests.guard.programs import analysed

TEXT = """
from fastapi import FastAPI, Request

app = FastAPI()
kept = {{}}

class Who:
    def __init__(self, user_id, workspace, token):
        self.user_id = user_id
        self.workspace = workspace
        self.token = token

def make(who):
    {body}

def agent_for(who: Who):
    found = kept.get({key})
    if found is None:
        found = make(who)
        kept[{key}] = found
    return found

@app.get("/")
async def ask(request: Request):
    return agent_for(Who(request.headers["x-user"], request.headers["x-space"], request.headers["authorization"]))
"""


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("return open(who.token)", {"token"}),
        ("return lambda: open(who.token)", {"token"}),
        ("token = who.token; return open(token)", {"token"}),
        ("log.info(who.token); return open(who.workspace)", {"workspace"}),
        ("who = None; return open(who.token)", set()),
        ("return 1", set()),
    ],
)
def test_what_a_function_reads_of_what_it_is_given(body: str, expected: set[str]) -> None:
    analysis = analysed(TEXT.format(body=body, key="who.workspace"))
    scope = next(each for each in analysis.scopes if each.name == "agent_for")
    call = next(each for each in scope.facts.calls if each.callee == ("name", "make"))
    assert {*read_of(analysis, call, ("name", "who"), scope)} == expected


@pytest.mark.parametrize(
    ("body", "key", "expected"),
    [
        ("return open(who.token)", "who.workspace", "who.token"),
        ("return open(who.token)", "f'space:{who.workspace}'", "who.token"),
        ("return open(who.token)", "(who.workspace, who.user_id)", None),
        ("return open(who.workspace)", "who.workspace", None),
    ],
)
def test_what_acts_with_the_token_of_one_is_not_of_all_who_work_with_that_one(
    body: str, key: str, expected: str | None
) -> None:
    analysis = analysed(TEXT.format(body=body, key=key))
    write = next(each for each in analysis.once(Sharing).writes if each.how == "item")
    found = signed_in_for_one(analysis, write)
    assert (None if found is None else found[0]) == expected
