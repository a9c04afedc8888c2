from netra.guard.revisions.comparison import Comparison, comparison
from tests.guard.programs import analysed, program

BEFORE = {
    "a.py": "import os\nLIMIT = 1\nclass Plan:\n    size = 1\n    def sell(self): ...\ndef f(): ...\n",
    "b.py": "class Old: ...\n",
    "c.py": "def kept(): ...\n",
}
NOW = {
    "a.py": "class Plan:\n    def rent(self): ...\ndef f(x): ...\ndef g(): ...\n",
    "c.py": "def kept(): ...\n",
}


def compared() -> Comparison:
    return Comparison(program(NOW), program(BEFORE))


def test_what_stood_in_something_that_is_gone_is_not_named_again() -> None:
    found = {name: each.what for name, each in compared().gone.items()}
    assert found == {
        "a.os": "import",
        "a.LIMIT": "constant",
        "a.Plan.size": "attribute",
        "a.Plan.sell": "method",
        "b": "module",
    }


def test_what_is_new_is_listed_by_what_it_is() -> None:
    found = {what: [each.full_name for each in names] for what, names in compared().fresh.items()}
    assert found == {"function": ["a.g"], "method": ["a.Plan.rent"]}


def test_a_function_is_paired_with_what_it_was() -> None:
    pairs = {now.full_name: len(before.facts.parameters) for before, now in compared().changed_functions}
    assert pairs["a.f"] == 0
    assert "a.g" not in pairs


def test_a_class_that_is_only_handed_on_by_now_is_still_there() -> None:
    before = {"a.py": "class Plan:\n    def sell(self): ...\n", "b.py": ""}
    now = {"a.py": "from b import Plan\n", "b.py": "class Plan:\n    def sell(self): ...\n"}
    assert Comparison(program(now), program(before)).gone == {}


def test_a_package_that_went_with_all_its_modules_is_one_change() -> None:
    before = {"app/__init__.py": "", "app/old/__init__.py": "", "app/old/part.py": ""}
    found = Comparison(program({"app/__init__.py": ""}), program(before))
    assert found.outermost(found.gone["app.old.part"]).full_name == "app.old"


def test_without_a_revision_there_is_nothing_to_compare() -> None:
    assert comparison(analysed("def f(): ...\n")) is None
