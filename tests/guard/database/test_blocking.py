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


def test_django_refuses_unless_the_program_allows_it() -> None:
    text = """
import os

from channels.generic.websocket import AsyncJsonWebsocketConsumer
from django.db import models


class Tour(models.Model):
    title = models.TextField()


class Tours(AsyncJsonWebsocketConsumer):
    async def connect(self):
        await self.send_json(Tour.objects.get(pk=1).title)
"""
    allowed = text + '\n\nos.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"\n'
    for program, refuses in ((text, True), (allowed, False)):
        ((*_, steps),) = BlockingStatements(analysed(program)).calls()
        assert ("Django refuses" in steps[-1].note) is refuses
