"""What is kept beyond the request is told where something ends it, and is not where nothing does or it is taken out again."""

import pytest

from netra.guard.database.ending import ending, only_finds_out
from netra.guard.requests.sharing import Sharing
from netra.guard.requests.storing import Storing
from tests.guard.programs import analysed

PROGRAM = """
from fastapi import Depends, FastAPI
from sqlalchemy.orm import sessionmaker

app = FastAPI()
SessionLocal = sessionmaker()
services = {{}}


def db():
    session = SessionLocal()
    try:
        yield session
    finally:
        session.close()


def opened():
    return SessionLocal()


class Glossary:
    def __init__(self, session, name="glossary"):
        self.session = session
        self.name = name


class Size:
    def __init__(self, session):
        self.size = session.count()


@app.get("/glossary")
def glossary(session=Depends({given})):
    {body}
"""


def _ended(body: str, given: str = "db") -> list[tuple[str, str]]:
    text = PROGRAM.format(given=given, body=body.replace("\n", "\n    "))
    analysis = analysed(text)
    writes = [each for each in Sharing(analysis).writes if each.scope.name == "glossary"]
    assert writes
    found = [ending(each, analysis) for each in writes]
    return [(each[0], each[1].note) for each in found if each is not None]


@pytest.mark.parametrize(
    "body",
    [
        "services['glossary'] = session",
        "services['glossary'] = Glossary(session)",
        "services['glossary'] = Glossary(name='all', session=session)",
        "made = Glossary(session)\nservices['glossary'] = made",
    ],
)
def test_what_a_dependency_ends_is_found_by_itself_and_in_an_object_that_keeps_it(body: str) -> None:
    assert _ended(body) == [("session", "`db` ends it when the request is answered")]


@pytest.mark.parametrize("body", ["services['glossary'] = Size(session)", "services['glossary'] = len(session.words)"])
def test_what_is_only_made_with_it_outlives_it(body: str) -> None:
    assert _ended(body) == []


def test_a_dependency_without_a_yield_ends_nothing() -> None:
    assert _ended("services['glossary'] = session", given="opened") == []


@pytest.mark.parametrize("after", ["services.pop('glossary')", "del services['glossary']", "services.clear()"])
def test_what_the_function_takes_out_again_is_not_kept(after: str) -> None:
    assert _ended(f"services['glossary'] = session\n{after}") == []


def test_a_connection_ends_with_the_with_in_which_it_is_kept() -> None:
    ((name, note),) = _ended("with SessionLocal() as own:\n    services['glossary'] = own")
    assert (name, note) == ("own", "`own` is closed at the end of this `with`")
    assert _ended("own = SessionLocal()\nservices['glossary'] = own") == []


@pytest.mark.parametrize(
    ("kept", "expected"),
    [
        ("(count(session), now())", True),
        ("size", True),
        ("session", False),
        ("(Glossary(session), now())", False),
        ("given_back(session)", False),
        ("unknown(session)", False),
    ],
)
def test_a_function_may_keep_what_it_has_found_out_alone(kept: str, expected: bool) -> None:
    text = PROGRAM.format(given="db", body="return keep(session, 'a')")
    text += f"""

def count(session): return session.execute("a").scalar()
def given_back(session): return Glossary(session)
def keep(session, name):
    size = count(session)
    services[name] = {kept}
"""
    analysis = analysed(text)
    keeping = next(each for _, each in analysis.once(Storing).told if each.function.name == "keep")
    assert only_finds_out(keeping, analysis) is expected
