"""What somebody writes in a chat is known by the library that hands it over, and by where it stands in the message."""

import pytest

from netra.guard.facts import Expression
from netra.guard.requests.chats import is_of_chat, is_said, key_said
from tests.guard.programs import analysed, function

BOT = """
from discord.ext import commands
from fastapi import FastAPI
bot = commands.Bot("!")
app = FastAPI()
@bot.command()
async def count(ctx, pattern: str, number: int, *, rest, flag: str = "x"): ...
@app.get("/")
async def page(name: str): ...
"""


def test_a_command_of_a_bot_is_of_a_chat_and_a_route_is_not() -> None:
    analysis = analysed(BOT)
    of_bot, of_route = (function(analysis.program, f"example.{each}") for each in ("count", "page"))
    assert is_of_chat(analysis.reach.entries.get(of_bot))
    assert not is_of_chat(analysis.reach.entries.get(of_route))
    assert not is_of_chat(None)


@pytest.mark.parametrize(
    ("name", "expected"), [("ctx", False), ("pattern", True), ("number", False), ("rest", True), ("flag", True)]
)
def test_a_parameter_behind_the_message_that_may_be_a_text_is_written_there(name: str, expected: bool) -> None:
    assert is_said(function(analysed(BOT).program, "example.count"), name) is expected


@pytest.mark.parametrize(
    ("key", "expected"), [("text", True), (("string", "text"), True), ("author", False), (("name", "text"), False)]
)
def test_the_text_of_a_message_is_asked_for_by_few_names(key: str | Expression, expected: bool) -> None:
    assert key_said(key) is expected
