from netra.guard.entries.commands import dropped_commands
from tests.guard.programs import analysed


def dropped(text: str) -> list[tuple[str, str]]:
    return [(scope.name, library) for scope, _, library in dropped_commands(analysed(text).program)]


def test_a_command_that_is_a_coroutine_is_dropped() -> None:
    text = """
        import click, typer
        app = typer.Typer()

        @app.command()
        async def one(): ...

        @app.command()
        def other(): ...

        @click.group()
        def cli(): ...

        @cli.command("two")
        @click.option("--name")
        async def two(name): ...
    """
    assert dropped(text) == [("one", "typer"), ("two", "click")]


def test_what_runs_it_may_stand_between() -> None:
    text = """
        import click
        from shell import run

        @click.command()
        @run
        async def one(): ...
    """
    assert dropped(text) == []


def test_whoever_takes_what_a_command_gives_may_run_it() -> None:
    text = """
        import asyncio, click

        @click.command()
        async def one(): ...

        asyncio.run(one(standalone_mode=False))
    """
    assert dropped(text) == []
