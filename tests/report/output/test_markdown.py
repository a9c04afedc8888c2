import msgspec

from netra.report.output.markdown import LEGEND, write
from tests.report.examples import breach, failure, finding, guard, made, prove, saved, suite

ODD = "a|b `x|y` <script>alert(1)</script> **not bold** [no](link)\n# no title"


def test_a_new_defect_stands_with_its_impact_its_proof_and_its_command() -> None:
    page = write(made(guard(finding()), baseline=saved(guard())))
    assert page.startswith("# Regression report\n\n**1 regression.**\n")
    assert (
        """\
## New (1)

### S101 user-in-shared-slot · `src/app.py:7`

`current` holds the user of one request, and every other request reads it

- **Users:** What belongs to one user may be shown to another, or be changed by them.
- **Risk:** isolation, seen by guard
- **New:** it was not there on 2024-03-01 12:00 UTC
- **Proof:** src/app.py:3: `current` is made once for all requests
- **Verify:** `netra guard . --select S101`
"""
        in page
    )
    assert "- new: S101 user-in-shared-slot `src/app.py:7`" in page


def test_what_was_not_run_is_unknown_and_old_evidence_is_old() -> None:
    old = msgspec.structs.replace(guard(), stale="`src/app.py` has changed since")
    page = write(made(old, prove(doubts=("nobody came",)), baseline=saved(suite(failure()))))
    assert "| guard | 12 files, 900 lines | less than a minute before | **old**: `src/app.py` has changed since |" in page
    assert "| yes; **in doubt**: nobody came |" in page
    assert "| tests | nothing | not run; last seen 0 days before" not in page
    assert "| tests | nothing | not run; last seen less than a minute before, in the baseline | **unknown** | |" in page
    assert "| health | nothing | not run | **unknown** | |" in page


def test_a_box_is_ticked_where_the_point_holds_and_nowhere_else() -> None:
    page = write(made(guard(finding())))
    ticked = [line for line in page.splitlines() if line.startswith("- [x]")]
    assert len(ticked) == 6
    assert all(". Seen: nothing found by " in line for line in ticked)
    assert "- [ ] Nothing of one user is kept where another one's request finds it. **Broken**: 1 finding of family S." in page
    assert "- [ ] Every test that ran passed. **Unknown**: no tests were run. `python -m pytest --junitxml=junit.xml`" in page
    assert page.endswith(LEGEND)


def test_each_trend_has_its_part() -> None:
    page = write(
        made(guard(finding("known")), prove(), baseline=saved(guard(finding("known")), prove(breach()), suite(failure())))
    )
    for title in (
        "## New (0)",
        "## Still open (1)",
        "## Unknown: open in the baseline",
        "## Fixed: looked for again, and gone (1)",
    ):
        assert title in page
    assert "- **order** `1 witness`: it was looked for again, and is not there. `netra prove --self`" in page


def test_tests_that_ran_no_more_are_named_and_the_many_counted() -> None:
    before = saved(suite(passed=tuple(f"tests.test_app::test_{number:02}" for number in range(25))))
    page = write(made(suite(passed=("tests.test_app::test_00",)), baseline=before))
    assert "## Tests that passed in the baseline and did not run (24)\n\n- `tests.test_app::test_01`" in page
    assert "- and 4 more" in page


def test_what_a_tool_has_said_is_no_markup() -> None:
    page = write(made(guard(msgspec.structs.replace(finding(), what=ODD, impact=ODD, name=ODD))))
    assert "a\\|b `x|y` \\<script\\>alert(1)\\</script\\> \\*\\*not bold\\*\\* \\[no\\](link) \\# no title" in page
    assert "<script>" not in page


def test_code_with_a_backtick_stays_code() -> None:
    page = write(made(guard(msgspec.structs.replace(finding(), verify="echo `date` | cat"))))
    assert "`` echo `date` | cat ``" in page
