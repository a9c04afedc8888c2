from netra.guard import rules
from netra.guard.faults import Fault
from netra.guard.output.github import github
from netra.guard.output.report import Findings
from tests.guard.output.examples import findings


def test_each_finding_is_one_command_and_nothing_in_it_ends_it_early() -> None:
    first, second = github(findings()).splitlines()
    assert first == (
        "::error file=app.py,line=8,endLine=8,col=5,title=A101 unawaited-coroutine::"
        "`save(…)` gives a coroutine: nothing awaits it, so it never runs%0Aapp.py:4: `save` is declared `async def`"
    )
    assert second.startswith("::error file=app.py,line=9,")


def test_a_name_with_the_letters_of_a_command_stays_a_name() -> None:
    odd = Fault("A101", "rule", "a:b,c%\n.py", 1, 0, 1, "50%\r\n::error::x", (), (), None, "high", "", "")
    assert github(Findings((odd,), {}, rules.load(), 1, 1, 0.1)) == (
        "::error file=a%3Ab%2Cc%25%0A.py,line=1,endLine=1,col=1,title=A101 rule::50%25%0D%0A::error::x\n"
    )
