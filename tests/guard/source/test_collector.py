import pytest

from netra.guard.facts import ASYNC, BODY, PLAIN, TOP, Block, CallSite
from tests.guard.programs import understood


def call(text: str) -> CallSite:
    """The call of `f` in a text."""
    return next(each for function in understood(text).functions for each in function.calls if each.callee == ("name", "f"))


def test_a_call_knows_the_place_it_stands_in() -> None:
    for text, where in (
        ("f()", ("statement",)),
        ("x = f()", ("assign", ("name", "x"))),
        ("f().y", ("attribute", "y")),
        ("if f(): pass", ("truth",)),
        ("f() == 1", ("compare",)),
        ("[f()]", ("element", ("statement",))),
        ("g(1, f())", ("argument", 0, 1)),
        ("g(x=f())", ("argument", 0, "x")),
        ("f'{f()}'", ("format",)),
        ("'%s' % f()", ("format",)),
        ("for x in f(): pass", ("iterate",)),
        ("with f(): pass", ("with",)),
        ("lambda: f()", ("lambda",)),
        ("a and f()", ("statement",)),
        ("f() and a", ("truth",)),
        ("f() if a else b", ("statement",)),
    ):
        assert call(text).where == where, text


def test_an_awaited_call_knows_what_becomes_of_its_result() -> None:
    assert call("async def g(): return (await f()).x").where == ("await", ("attribute", "x"))


def test_scopes_are_functions_with_the_function_around_them() -> None:
    file = understood("class A:\n    async def m(self):\n        def inner(): ...\n")
    assert [(each.qualified, each.sort, each.parent, each.owner) for each in file.functions] == [
        ("", TOP, -1, -1),
        ("A", BODY, 0, 0),
        ("A.m", ASYNC, 1, 0),
        ("A.m.inner", PLAIN, 2, -1),
    ]


def test_a_tuple_is_unpacked_where_its_values_are_known() -> None:
    (function,) = understood("a, b = f(), g()\nc, d = h()\n").functions
    assert [(each.target[1], each.value, each.how) for each in function.assignments] == [
        ("a", ("call", 0), "="),
        ("b", ("call", 1), "="),
        ("c", ("call", 2), "unpack"),
        ("d", ("call", 2), "unpack"),
    ]


def test_imports_in_functions_and_under_a_test_count() -> None:
    file = understood("from .a import b as c\ndef f():\n    import x.y\n    import z.w as v\n")
    assert [(each.module, each.level, each.name, each.bound) for each in file.functions[0].imports] == [("a", 1, "b", "c")]
    assert [(each.module, each.bound) for each in file.functions[1].imports] == [("x", "x"), ("x.y", ""), ("z.w", "v")]


def test_an_annotation_in_quotes_is_read() -> None:
    (_, function) = understood("def f(a: 'Session | None', b: List['User']) -> 'A.B': ...").functions
    assert [each.annotation for each in function.parameters] == [
        ("operator", "|", ("name", "Session"), ("none",)),
        ("subscript", ("name", "List"), ("name", "User")),
    ]
    assert function.returns == ("attribute", ("name", "A"), "B")


def test_a_function_tells_whether_its_end_can_be_reached() -> None:
    for body, falls in (
        ("return 1", False),
        ("if a:\n        return 1", True),
        ("if a:\n        return 1\n    else:\n        raise b", False),
        ("try:\n        return 1\n    except A:\n        pass", True),
        ("while True:\n        pass", False),
    ):
        assert understood(f"def f():\n    {body}\n").functions[1].falls is falls, body


def test_an_empty_body_is_abstract() -> None:
    file = understood('def a(): ...\ndef b():\n    "doc"\n    raise NotImplementedError\ndef c(): return 1\n')
    assert [each.abstract for each in file.functions[1:]] == [True, True, False]


def test_stretches_of_lines_are_kept_with_what_they_depend_on() -> None:
    (function,) = understood("with lock:\n    a\ntry:\n    b\nexcept E:\n    c\n").functions
    assert [(each.what, each.line, each.end_line) for each in function.blocks] == [
        ("with", 2, 2),
        ("try", 4, 4),
        ("handler", 6, 6),
    ]
    assert function.blocks[0] == Block("with", (("name", "lock"),), 2, 2, 1)


@pytest.mark.parametrize(
    ("text", "heads"),
    [
        ("if a:\n    # a word\n    b\n", [1]),
        ("if (\n    a\n):\n    b\nelse:\n\n    c\n", [2, 4]),
        ("a\nif b: c\n", [1]),
        ("for a in b:\n\n    c\nwhile d(\n    e\n):\n    f\n", [1, 6]),
        ("with a as b, c(\n    d\n):\n    # a word\n    e\n", [3, 3]),
        ("try:\n\n    a\nexcept E:\n\n    b\nexcept:\n\n    c\nelse:\n\n    d\nfinally:\n\n    e\n", [1, 12, 4, 7, 9]),
        ("match a:\n    case b:\n\n        c\n", [2]),
    ],
)
def test_the_head_of_a_block_is_the_last_line_of_its_statement_in_front_of_it(text: str, heads: list[int]) -> None:
    assert [each.head for each in understood(text).functions[0].blocks] == heads


def test_of_a_docstring_is_kept_whether_it_holds_examples() -> None:
    text = 'def f():\n    """Find.\n\n    >>> f()\n    """\ndef g():\n    """Find."""\n'
    assert [each.examples for each in understood(text).functions] == [False, True, False]


def test_exports_are_what_all_lists() -> None:
    assert understood("__all__ = ['a', 'b']").exports == ("a", "b")
    assert understood("").exports is None


def test_what_leaves_a_stretch_without_a_value_is_kept_with_its_line() -> None:
    text = "def f():\n    for x in y:\n        if x: continue\n        break\n    return\n"
    assert understood(text).functions[1].jumps == (("continue", 3), ("break", 4), ("return", 5))


def test_the_else_of_a_try_and_each_case_of_a_match_are_blocks() -> None:
    file = understood("try:\n    a\nexcept E:\n    b\nelse:\n    c\nmatch d:\n    case 1:\n        e\n    case _:\n        g\n")
    blocks = [(each.what, each.line) for each in file.functions[0].blocks]
    assert blocks == [("try", 2), ("handler", 4), ("otherwise", 6), ("case", 9), ("case", 11)]
    assert [each.expressions for each in file.functions[0].blocks[-2:]] == [(("name", "d"),), ()]
