from netra.guard.output.github import github
from tests.guard.output.examples import findings


def test_each_finding_is_one_command_and_nothing_in_it_ends_it_early() -> None:
    first, second = github(findings()).splitlines()
    assert first == (
        "::error file=app.py,line=8,endLine=8,col=5,title=A101 unawaited-coroutine::"
        "`save(…)` gives a coroutine: nothing awaits it, so it never runs%0Aapp.py:4: `save` is declared `async def`"
    )
    assert second.startswith("::error file=app.py,line=9,")
