from netra.guard.facts import Unbound
from tests.guard.programs import understood


def lost(text: str) -> list[tuple[str, str, int]]:
    """What is unbound in a text: name, how, line."""
    return [(each.name, each.how, each.line) for each in understood(text).unbound]


def test_a_name_that_no_scope_around_binds_is_missing() -> None:
    assert lost("def f():\n    return x\n") == [("x", "missing", 2)]
    assert lost("def f():\n    return x\nx = 1\n") == []
    assert lost("def f():\n    x = 1\n    def g(): return x\n    return g\n") == []


def test_a_name_is_told_once_in_each_scope() -> None:
    assert lost("def f():\n    x\n    x\ndef g(): x\n") == [("x", "missing", 2), ("x", "missing", 4)]


def test_methods_do_not_see_the_names_of_their_class() -> None:
    text = "class A:\n    x = 1\n    y = x\n    def m(self):\n        return x\n"
    assert lost(text) == [("x", "missing", 5)]


def test_the_names_of_a_comprehension_end_with_it() -> None:
    assert lost("def f(a):\n    return [x for x in a], x\n") == [("x", "missing", 2)]
    assert lost("def f(a):\n    return [x for y in a for x in y if x]\n") == []
    assert lost("def f():\n    return [x for x in x]\n") == [("x", "missing", 2)]


def test_an_assignment_expression_binds_around_its_comprehension() -> None:
    assert lost("def f(a):\n    return [\n        y\n        for x in a\n        if (y := x)\n    ], y\n") == []


def test_an_import_for_type_checkers_binds_nothing_at_run_time() -> None:
    text = """
from typing import TYPE_CHECKING
if TYPE_CHECKING:
    from a import B
    B.c
def f(x: B) -> B:
    return B()
"""
    assert lost(text) == [("B", "checking", 7)]
    assert understood(text).unbound[0].bound == 4
    assert lost(text.replace("    B.c", "else:\n    B = int")) == []
    assert lost(text.replace("if TYPE", "if not TYPE").replace("    from", "    pass\nelse:\n    from")) == [
        ("B", "checking", 9)
    ]


def test_what_a_handler_caught_is_gone_behind_it() -> None:
    text = """def f():
    try: open("f")
    except OSError as error:
        print(error)
    raise ValueError from error
"""
    assert lost(text) == [("error", "handler", 5)]
    assert lost(text.replace("def f():\n", "def f():\n    error = None\n")) == []


def test_a_name_of_a_function_has_no_value_above_its_only_assignment() -> None:
    assert lost("x = 1\ndef f():\n    print(x)\n    x = 2\n") == [("x", "later", 3)]
    assert lost("def f(a):\n    for b in a:\n        if b: print(x)\n        x = 2\n") == []
    assert lost("x = 1\ndef f():\n    global x\n    print(x)\n    x = 2\n") == []


def test_what_a_function_declares_global_may_be_bound_by_it() -> None:
    assert lost("def f():\n    global x\n    x = 1\ndef g(): return x\n") == []
    assert lost("def f():\n    global x\n    return x\n") == [("x", "missing", 3)]


def test_what_python_puts_into_a_file_is_bound() -> None:
    assert lost("class A:\n    n = __qualname__\n    def m(self): return __class__, __file__, print, WindowsError\n") == []


def test_every_kind_of_binding_counts() -> None:
    for text in (
        "import x.y\nx\n",
        "with f() as (x, *z): x, z\ndef f(): ...\n",
        "match []:\n    case [1, *x]: x\n    case {'a': b, **y}: b, y\n    case int() as z: z\n",
        "def x(): ...\nx\n",
        "class x: ...\nx\n",
        "for x in []: x\n",
        "lambda x, *y, **z: (x, y, z)\n",
    ):
        assert lost(text) == [], text


def test_the_place_of_a_name_is_kept() -> None:
    assert understood("f = 1\nf(x)\n").unbound == (Unbound(0, "x", "missing", 2, 2, 0),)
