from dataclasses import replace

from netra.guard.faults import LIKELY
from netra.guard.output.report import Findings
from netra.guard.output.text import text
from tests.guard.output.examples import findings


def test_a_finding_shows_its_line_its_proof_its_routes_and_its_mend() -> None:
    said = text(findings())
    assert said.startswith(
        "app.py:8:5: A101 `save(…)` gives a coroutine: nothing awaits it, so it never runs\n"
        "    8 | save()\n"
        "        ^\n"
        "    why    app.py:4: `save` is declared `async def`\n"
        "    reach  GET /a: b, c%\n"
        "    mend   await it (--fix)\n"
    )


def test_what_is_likely_is_marked() -> None:
    said = text(replace(findings(), faults=tuple(each._replace(confidence=LIKELY) for each in findings().faults)))
    assert said.splitlines()[0] == "app.py:8:5: A101 `save(…)` gives a coroutine: nothing awaits it, so it never runs (likely)"


def test_the_caret_stands_under_the_call_after_wide_letters() -> None:
    line, caret = text(findings()).splitlines()[8:10]
    assert line[caret.index("^") :].startswith("save(")


def test_nothing_is_said_in_one_line() -> None:
    assert text(Findings((), {}, {}, 2, 1000, 0.25)) == "Nothing found in 2 files, 1,000 lines, 0.2 s.\n"
    assert text(Findings((), {}, {}, 1, 1, 0.25)) == "Nothing found in 1 file, 1 line, 0.2 s.\n"
