from netra.guard.configuration import GuardConfiguration
from netra.guard.inspection import counted
from tests.guard.programs import faults

BAD = "async def f(): ...\ndef g():\n    f(){0}\n"


def test_a_comment_with_a_reason_excuses_its_line_and_its_code() -> None:
    assert faults(BAD.format("  # guard: ignore[A101] the loop is not running yet"), "A101") == []
    assert len(faults(BAD.format("  # guard: ignore[A101]"), "A101")) == 1
    assert len(faults(BAD.format("  # guard: ignore[A111] another"), "A101")) == 1


def test_a_comment_alone_on_its_line_speaks_of_the_next() -> None:
    text = "async def f(): ...\ndef g():\n    # guard: ignore[A101] on purpose\n    f()\n    f()\n"
    assert [each.line for each in faults(text, "A101")] == [5]


def test_a_call_of_several_lines_is_excused_on_any_of_them() -> None:
    text = "async def f(a): ...\ndef g():\n    f(\n        1,  # guard: ignore[A101] on purpose\n    )\n"
    assert faults(text, "A101") == []


def test_an_excluded_family_is_silent() -> None:
    assert faults(BAD.format(""), configuration=GuardConfiguration(ignore=("A",))) == []


def test_a_family_that_passes_in_one_file_is_reported_in_the_others() -> None:
    decided = GuardConfiguration(per_file_ignores=(("old/*", ("A",)),))
    files = {"old/a.py": BAD.format(""), "new/a.py": BAD.format("")}
    assert [each.path for each in faults(files, "A101", configuration=decided)] == ["new/a.py"]


def test_faults_are_counted_by_code() -> None:
    assert list(counted(faults(BAD.format("\n    f()"), "A101"))) == [("A101", 2)]
