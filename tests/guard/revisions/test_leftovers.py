from netra.guard.revisions.leftovers import leftovers
from tests.guard.programs import analysed

BEFORE = {"a.py": "class Plan:\n    def sell(self): ...\ndef f(): ...\n", "old.py": "x = 1\n"}
TODAY = "class Plan: ...\n"


def left(text: str, before: dict[str, str] | None = None) -> dict[str, list[tuple[int, str]]]:
    found = leftovers(analysed({"a.py": TODAY, "b.py": text}, before=before or BEFORE))
    return {name: [(each.line, each.how) for each in places] for name, places in found.items()}


def test_each_way_to_use_a_name_is_seen_once_for_each_line() -> None:
    text = "import a, old\nfrom a import f, Plan\n\ndef work(plan: Plan):\n    plan.sell(); plan.sell()\n    a.f()\n"
    assert left(text) == {
        "old": [(1, "imports it")],
        "a.f": [(2, "imports it"), (6, "uses it")],
        "a.Plan.sell": [(5, "uses it")],
    }


def test_who_is_ready_for_its_absence_is_left_alone() -> None:
    assert left("try:\n    from a import f\nexcept ImportError:\n    f = None\n") == {}
    assert left("import a\ntry:\n    a.f()\nexcept AttributeError:\n    pass\n") == {}
    assert left("import a, sys\nif sys.version_info < (3, 12):\n    a.f()\n") == {}
    assert left("from contextlib import suppress\nwith suppress(ImportError):\n    from a import f\n") == {}


def test_an_object_of_which_nothing_is_known_is_left_alone() -> None:
    assert left("def work(plan):\n    plan.sell()\n") == {}


def test_a_name_that_the_module_still_reads_itself_is_seen() -> None:
    found = leftovers(analysed({"a.py": "def g():\n    return f()\n"}, before={"a.py": "def f(): ...\n"}))
    assert [each.line for each in found["a.f"]] == [2]
