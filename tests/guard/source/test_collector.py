import pytest

from netra.guard.facts import ASYNC, BODY, PLAIN, TOP, Block
from tests.guard.programs import understood


def test_scopes_are_functions_with_the_function_around_them() -> None:
    file = understood("class A:\n    async def m(self):\n        def inner(): ...\n")
    assert [(each.qualified, each.sort, each.parent, each.owner) for each in file.functions] == [
        ("", TOP, -1, -1),
        ("A", BODY, 0, 0),
        ("A.m", ASYNC, 1, 0),
        ("A.m.inner", PLAIN, 2, -1),
    ]


def test_imports_in_functions_and_under_a_test_count() -> None:
    file = understood("from .a import b as c\ndef f():\n    import x.y\n    import z.w as v\n")
    said = [each for each in file.functions[0].imports if not each.unsaid]
    assert [(each.module, each.level, each.name, each.bound) for each in said] == [("a", 1, "b", "c")]
    assert [(each.module, each.bound) for each in file.functions[1].imports] == [("x", "x"), ("x.y", ""), ("z.w", "v")]


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


def test_what_is_named_and_returned_at_once_is_returned() -> None:
    function = understood("async def f():\n    result = await g()\n    return result\n").functions[1]
    assert [each.value for each in function.returned] == [("await", ("call", 0))]
    assert [(each.target, each.value) for each in function.assignments] == [(("name", "result"), ("await", ("call", 0)))]
    assert [call.where for call in function.calls] == [("await", ("return",))]


@pytest.mark.parametrize(
    "body",
    [
        pytest.param("result = g()\n    log()\n    return result", id="something stands between"),
        pytest.param("result = g()\n    return result, 1", id="a part of what is returned"),
        pytest.param("global result\n    result = g()\n    return result", id="kept in the module"),
        pytest.param("other = g()\n    return result", id="another name"),
    ],
)
def test_any_other_name_is_a_name(body: str) -> None:
    function = understood(f"def f():\n    {body}\n").functions[1]
    assert function.calls[0].where[0] == "assign"
    assert ("call", 0) not in [each.value for each in function.returned]


def test_what_is_imported_under_another_name_is_called_by_its_own() -> None:
    text = """
from fastapi import Depends as Needs, FastAPI as App
from .people import person as somebody

app = App()


def who(who: "Needs" = Needs(somebody)): ...
"""
    file = understood(text)
    assert [call.callee for call in file.functions[0].calls] == [("name", "FastAPI"), ("name", "Depends")]
    assert file.functions[0].calls[1].arguments == (("name", "person"),)
    assert file.functions[1].parameters[0].annotation == ("name", "Depends")
    assert [each.bound for each in file.functions[0].imports if each.unsaid] == ["Depends", "FastAPI", "person"]


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("from a import b as c\nb = 1\nc()\n", id="its own name is another's"),
        pytest.param("def f():\n    from a import b as c\n    c()\n", id="in a function"),
        pytest.param("from a import b as c\ndef f(c): c()\n", id="the name is a parameter"),
        pytest.param("from a import b as c\nfor c in d: c()\n", id="the name is given anew"),
        pytest.param("from a import b as c\nclass c: ...\nc()\n", id="the name is a class"),
        pytest.param("from a import b as c\nfrom d import c\nc()\n", id="the name is imported anew"),
    ],
)
def test_a_name_that_may_mean_something_else_stays(text: str) -> None:
    file = understood(text)
    assert [call.callee for scope in file.functions for call in scope.calls] == [("name", "c")]
