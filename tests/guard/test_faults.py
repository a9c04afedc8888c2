from netra.guard.faults import plain
from tests.guard.programs import faults

BAD = "async def save(): ...\nasync def work():\n    save()\n    save()\n"


def test_a_fingerprint_moves_with_its_code() -> None:
    moved = "import os\n\n\n" + BAD.replace("    save()\n", "\n    save()\n", 1)
    assert [each.fingerprint for each in faults(BAD, "A101")] == [each.fingerprint for each in faults(moved, "A101")]


def test_the_same_line_twice_has_two_fingerprints() -> None:
    assert len({each.fingerprint for each in faults(BAD, "A101")}) == 2


def test_a_fault_in_another_function_has_another_fingerprint() -> None:
    assert not {each.fingerprint for each in faults(BAD, "A101")} & {
        each.fingerprint for each in faults(BAD.replace("work", "other"), "A101")
    }


def test_a_fault_is_shown_with_exactly_the_fields_of_the_contract() -> None:
    shown = plain(faults(BAD, "A101")[0])
    assert list(shown) == (
        "code rule path line column end_line message why reach fix confidence fingerprint".split()
    )  # fmt: skip
    assert shown["why"] == [{"path": "example.py", "line": 1, "note": "`save` is declared `async def`"}]
    assert (shown["path"], shown["line"], shown["column"]) == ("example.py", 3, 4)
