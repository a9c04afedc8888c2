from netra.guard.symbols import External, name_in_library
from tests.guard.programs import function, of_class, program


def test_a_test_is_told_from_what_serves_users() -> None:
    linked = program({"app/a.py": "", "tests/b.py": "", "app/test_c.py": "", "conftest.py": ""})
    assert {module.path for module in linked.own if module.in_tests} == {"tests/b.py", "app/test_c.py", "conftest.py"}


def test_a_scope_binds_what_it_imports_assigns_defines_and_is_given() -> None:
    linked = program(
        {"a.py": "import os\nfrom public import public\npublic(limit=3)\ndef f(x):\n    global g\n    g = y = 1\n"}
    )
    assert linked.modules["a"].top.bound == {"os", "public", "limit", "f"}
    assert function(linked, "a.f").bound == {"x", "y"}


def test_what_is_set_on_self_and_written_in_the_body_belongs_to_the_class() -> None:
    linked = program(
        {"a.py": "class A:\n    size = 1\n    def __init__(self):\n        self.name = 'a'\n    def m(self): ...\n"}
    )
    kind = of_class(linked, "a.A")
    assert (kind.full_name, {*kind.methods}, {*kind.set_on_self}) == ("a.A", {"__init__", "m"}, {"name"})
    assert "size" in kind.body.assigned


def test_a_line_behind_a_return_is_reached_by_nobody() -> None:
    linked = program({"a.py": "def f():\n    return 1\n    print(2)\n"})
    scope = function(linked, "a.f")
    assert (scope.is_unreached(2), scope.is_unreached(3)) == (False, True)


def test_what_belongs_to_somebody_else_has_a_last_name() -> None:
    assert External("time.sleep").last == "sleep"


def test_self_is_an_object_of_the_class_around_also_in_a_function_of_a_method() -> None:
    text = "class Box:\n    def put(self):\n        def inner():\n            def within(): ...\ndef free(): ...\n"
    linked = program({"a.py": text})
    names = ("Box.put", "Box.put.inner", "Box.put.inner.within", "free")
    found = {name: function(linked, f"a.{name}").object_of for name in names}
    box = of_class(linked, "a.Box")
    assert found == {"Box.put": box, "Box.put.inner": box, "Box.put.inner.within": box, "free": None}


def test_what_a_library_gives_is_known_by_its_full_name_whether_guard_has_a_model_of_it_or_not() -> None:
    linked = program({"a.py": "import asyncio\nimport stranger\ndef own(): ...\n"})
    top = linked.modules["a"].top
    named = [
        name_in_library(linked.evaluate(each, top))
        for each in (
            ("attribute", ("name", "asyncio"), "Queue"),
            ("attribute", ("name", "stranger"), "make"),
            ("name", "own"),
            ("name", "nothing"),
        )
    ]
    assert named == ["asyncio.Queue", "stranger.make", "", ""]
