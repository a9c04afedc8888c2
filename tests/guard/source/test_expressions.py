"""What expressions become, and in which place each call stands."""

from netra.guard.facts import CallSite
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


def test_a_tuple_is_unpacked_where_its_values_are_known() -> None:
    (function,) = understood("a, b = f(), g()\nc, d = h()\n").functions
    assert [(each.target[1], each.value, each.how) for each in function.assignments] == [
        ("a", ("call", 0), "="),
        ("b", ("call", 1), "="),
        ("c", ("call", 2), "unpack"),
        ("d", ("call", 2), "unpack"),
    ]


def test_an_annotation_in_quotes_is_read() -> None:
    (_, function) = understood("def f(a: 'Session | None', b: List['User']) -> 'A.B': ...").functions
    assert [each.annotation for each in function.parameters] == [
        ("operator", "|", ("name", "Session"), ("none",)),
        ("subscript", ("name", "List"), ("name", "User")),
    ]
    assert function.returns == ("attribute", ("name", "A"), "B")


def test_a_name_in_quotes_is_a_name_and_a_keyword_is_what_it_means() -> None:
    (_, function) = understood("def f(a: 'Session', b: 'None', c: 'not a type', d: 'class'): ...").functions
    assert [each.annotation for each in function.parameters] == [("name", "Session"), ("none",), ("other",), ("other",)]
