"""Reads of the environment by a name that has got it elsewhere are found, and reads of what only may be it are not."""

import pytest

from netra.guard.aliases import aliased_reads
from netra.guard.environment import Touch
from tests.guard.programs import analysed

COMPAT = "import os\nsurroundings = os.environ\nplain = {'KEY': '1'}\n"


def _read(work: str) -> list[tuple[str, object]]:
    found = aliased_reads(analysed({"app/__init__.py": "", "app/compat.py": COMPAT, "app/work.py": work}))
    assert {each.touch for each in found} <= {Touch.READ}
    return [(each.variable, each.default) for each in found]


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        ("surroundings['KEY']", [("KEY", None)]),
        ("surroundings.get('KEY')", [("KEY", None)]),
        ("surroundings.get('KEY', '1')", [("KEY", ("string", "1"))]),
        ("surroundings.get('KEY', default='1')", [("KEY", ("string", "1"))]),
        ("[surroundings['KEY'], surroundings['OTHER']]", [("KEY", None), ("OTHER", None)]),
        ("plain['KEY']", []),
        ("plain.get('KEY')", []),
        ("surroundings.copy()", []),
    ],
)
def test_a_name_of_another_module_is_read(asked: str, expected: list[tuple[str, object]]) -> None:
    assert _read(f"from app.compat import plain, surroundings\nvalue = {asked}\n") == expected


@pytest.mark.parametrize(
    ("kept", "expected"),
    [
        ("self.env = os.environ", [("KEY", None)]),
        ("self.env = {'KEY': '1'}", []),
        ("self.env = os.environ; self.env = dict(given)", []),
        ("self.other = os.environ", []),
    ],
)
def test_an_attribute_is_the_environment_when_nothing_else_is_kept_there(kept: str, expected: list[tuple[str, object]]) -> None:
    text = f"""
        import os
        class Work:
            def __init__(self, given): {kept}
            def key(self): return self.env["KEY"]
        """
    assert _read(text) == expected


def test_an_attribute_of_a_class_is_read_by_its_name_and_that_of_an_object_nobody_knows_is_not() -> None:
    text = """
        import os
        class Work:
            env = os.environ
        def known(): return Work.env["KEY"]
        def unknown(work): return work.env["OTHER"]
        """
    assert _read(text) == [("KEY", None)]


def test_what_is_asked_by_its_own_name_or_one_of_the_same_scope_comes_from_no_elsewhere() -> None:
    assert _read("import os\nfrom app.compat import surroundings\nvalue = os.environ['KEY']\n") == []
    assert _read("import os\nhere = os.environ\nvalue = here['KEY']\n") == []
