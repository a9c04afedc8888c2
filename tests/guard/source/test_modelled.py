import pytest

from tests.guard.programs import program


def libraries(text: str) -> set[str]:
    return {name.partition(".")[0] for name, module in program({"app.py": text}).modules.items() if module.library}


def test_models_of_what_is_imported_are_read_and_of_what_these_import() -> None:
    assert libraries("import arq.connections\n") == {"arq", "redis"}
    assert libraries("import json\n") == set()


def test_a_class_that_nobody_has_is_looked_for_by_its_name() -> None:
    assert libraries("from .lost import AsyncSession\n") >= {"sqlalchemy"}
    assert libraries("from .lost import Session\n") == set()


def test_a_model_of_coroutines_does_not_hold_for_older_code() -> None:
    assert "telegram" not in libraries("from telegram import Update\n\n\ndef start(update): ...\n")
    assert "telegram" in libraries("from telegram import Update\n\n\nasync def start(update): ...\n")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("from discord.ext import commands\n\nbot = commands.Bot()\n", True),
        ("from discord import slash_command\n", False),
        ("from discord.commands import Option\n", False),
        ("import discord\n\n\nasync def hello(context: discord.ApplicationContext): ...\n", False),
        ("import discord\n\ngroup = discord.SlashCommandGroup('staff')\n", False),
    ],
)
def test_what_loads_extensions_of_a_bot_waits_in_one_of_two_libraries_of_a_name(text: str, told: bool) -> None:
    modules = program({"app.py": text}).modules
    assert "discord.ext.commands" in modules
    assert ("discord.ext.commands.bot" in modules) is told
