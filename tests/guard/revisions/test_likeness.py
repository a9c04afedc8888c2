from netra.guard.revisions.comparison import Comparison
from netra.guard.revisions.likeness import Places
from tests.guard.programs import program

BODY = "(user, today):\n    found = [plan for plan in user.plans if plan.ends > today]\n    return sorted(found, key=len)[0]\n"


def place(before: dict[str, str], now: dict[str, str], name: str) -> str | None:
    compared = Comparison(program(now), program(before))
    found = Places(compared).of(compared.gone[name])
    return found.full_name if found else None


def test_the_same_body_under_another_name_is_where_it_went() -> None:
    assert place({"a.py": f"def f{BODY}"}, {"a.py": f"def g{BODY}"}, "a.f") == "a.g"


def test_of_two_that_are_equally_like_it_neither_is() -> None:
    assert place({"a.py": f"def f{BODY}"}, {"a.py": f"def g{BODY}def h{BODY}"}, "a.f") is None


def test_nobody_is_sent_to_what_became_private() -> None:
    assert place({"a.py": f"def f{BODY}"}, {"a.py": f"def _f{BODY}"}, "a.f") is None


def test_a_few_lines_that_everybody_writes_are_no_proof() -> None:
    assert place({"a.py": "def f():\n    return 1\n"}, {"a.py": "def g():\n    return 1\n"}, "a.f") is None


def test_a_name_that_is_handed_on_no_more_is_where_it_is_defined() -> None:
    before = {"p/__init__.py": "from p.a import Plan\n", "p/a.py": "class Plan: ...\n"}
    assert place(before, {"p/__init__.py": "", "p/a.py": "class Plan: ...\n"}, "p.Plan") == "p.a.Plan"


def test_a_class_a_module_and_a_member_of_an_enumeration_are_found_by_what_they_hold() -> None:
    kind = "class {}:\n    size: int = 1\n    price: int = 3\n    def sell(self): ...\n    def rent(self): ...\n"
    assert place({"a.py": kind.format("Plan")}, {"a.py": kind.format("Offer")}, "a.Plan") == "a.Offer"
    module = "def one(): ...\ndef two(): ...\ndef three(): ...\ndef four(): ...\ndef five(): ...\ndef six(): ...\n"
    assert place({"a.py": module}, {"b.py": module}, "a") == "b"
    enum = "from enum import Enum\nclass Kind(Enum):\n    {} = 'guest'\n"
    assert place({"a.py": enum.format("GUEST")}, {"a.py": enum.format("VISITOR")}, "a.Kind.GUEST") == "a.Kind.VISITOR"
