from netra.guard.revisions.outdated import signature_changes
from tests.guard.programs import analysed


def hows(before: dict[str, str], now: dict[str, str]) -> dict[str, list[str]]:
    return {each.changed.name: [one.how for one in each.calls] for each in signature_changes(analysed(now, before=before))}


def test_a_call_says_what_is_wrong_with_it() -> None:
    found = hows({"a.py": "def f(x): ...\nf(1)\n"}, {"a.py": "def f(x, *, y): ...\nf(1)\n"})
    assert found == {"f": ["is not given `y`"]}


def test_an_argument_that_lands_elsewhere_is_seen_only_where_the_call_is_old() -> None:
    before = {"a.py": "def f(x, y): ...\ndef work(x, y):\n    f(x, y)\n"}
    assert hows(before, {"a.py": "def f(y, x): ...\ndef work(x, y):\n    f(x, y)\n"}) == {
        "f": ["takes as `y` what was `x`, and is given by position"]
    }
    assert hows(before, {"a.py": "def f(y, x): ...\ndef work(x, y):\n    f(y, x)\n"}) == {}


def test_a_call_of_super_reaches_the_constructor_above() -> None:
    below = "class B(A):\n    def __init__(self):\n        super().__init__(1)\n"
    before = {"a.py": "class A:\n    def __init__(self, x): ...\n" + below}
    now = {"a.py": "class A:\n    def __init__(self, x, y): ...\n" + below}
    assert hows(before, now) == {"A": ["is not given `y`"]}


def test_a_class_below_that_takes_it_still_may_be_what_is_called() -> None:
    work = "class B(A):\n    def f(self, x): ...\ndef work(a: A):\n    a.f(1)\n"
    before = {"a.py": "class A:\n    def f(self, x): ...\n" + work}
    assert hows(before, {"a.py": "class A:\n    def f(self, x, y): ...\n" + work}) == {}
