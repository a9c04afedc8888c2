from netra.guard.revisions.departures import MOST_PLACES, departures, steps, used
from tests.guard.programs import analysed


def test_names_of_a_package_that_went_as_a_whole_are_one_departure() -> None:
    before = {"old/__init__.py": "", "old/a.py": "def f(): ...\n", "old/b.py": "def g(): ...\n"}
    (found,) = departures(analysed({"work.py": "from old.a import f\nfrom old.b import g\n"}, before=before))
    assert found.gone.full_name == "old"
    assert [step.line for step in found.steps] == [1, 2]


def test_an_import_of_several_names_is_one_place() -> None:
    before = {"old.py": "def f(): ...\ndef g(): ...\n"}
    (found,) = departures(analysed({"work.py": "from old import f, g\n"}, before=before))
    assert used(found.left) == "one place still uses it"


def test_a_chain_that_nobody_reads_to_the_end_is_cut() -> None:
    found = steps(("a.py", line, "here") for line in range(MOST_PLACES + 3))
    assert len(found) == MOST_PLACES + 1
    assert found[-1].note == "and 3 more places"
