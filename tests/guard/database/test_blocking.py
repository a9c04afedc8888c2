from netra.guard.database.blocking import BlockingStatements
from tests.guard.programs import analysed

WAITING = """
import sqlite3

from fastapi import FastAPI

app = FastAPI()


def rows():
    return sqlite3.connect("people.db").execute("SELECT 1").fetchall()


@app.get("/")
async def served():
    return rows()


@app.get("/plain")
def threaded():
    return rows()


async def unserved():
    return rows()


@commands.command()
def run():
    asyncio.run(unserved())
"""


def test_only_what_stops_the_loop_of_those_who_are_served_counts() -> None:
    found = list(BlockingStatements(analysed(WAITING)).calls())
    assert [scope.name for scope, *_ in found] == ["served"]
    (_, _, library, steps) = found[0]
    assert library == "sqlite3.Connection"
    assert [step.line for step in steps] == [15, 10]
