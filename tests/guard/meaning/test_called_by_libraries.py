from netra.guard.meaning.called_by_libraries import handed_to
from tests.guard.programs import function, program

BOT = """
import asyncio
from discord import app_commands
from discord.ext import commands
from telegram.ext import CommandHandler

bot = commands.Bot("!")
tree = app_commands.CommandTree(bot)

@bot.command()
async def warn(ctx, who): ...

@tree.command()
async def slash(interaction): ...

@bot.event
async def on_message(message): ...

class Greeting(commands.Cog):
    @commands.Cog.listener()
    async def on_member_join(self, member): ...

async def start(update, context): ...
async def connected(reader, writer): ...
async def plain(ctx): ...

async def main():
    CommandHandler("start", start)
    await asyncio.start_server(connected)
"""


def handed(name: str) -> list[str]:
    found = program({"example.py": BOT})
    scope = function(found, f"example.{name}")
    values = [handed_to(scope, number, found) for number in range(len(scope.facts.parameters))]
    return [value.kind.name if value else "" for value in values]


def test_handlers_are_handed_what_their_library_hands_them() -> None:
    assert handed("warn") == ["Context", ""]
    assert handed("slash") == ["Interaction"]
    assert handed("on_message") == ["Message"]
    assert handed("Greeting.on_member_join") == ["", "Member"]
    assert handed("start") == ["Update", "CallbackContext"]
    assert handed("connected") == ["StreamReader", "StreamWriter"]


def test_what_no_library_calls_is_handed_nothing() -> None:
    assert handed("plain") == [""]
