import marshal

import pytest

from netra.guard.facts import stored
from netra.guard.source.moves import length, only_moved, places
from tests.guard.programs import understood

TEXT = """\
import a
from b import c  # guard: ignore[A101] because


class Kind(c.Above):
    limit: int = 3

    @property
    async def value(self, *, key="x"):
        assert key, "none"
        with self.lock as held:
            held.take(a.one())
            for each in held:
                if each:
                    break
        try:
            return await each.read(key)
        except OSError as error:
            held.give()
            raise lost from error
"""


def facts(text: str) -> bytes:
    return marshal.dumps(stored(understood(text)))


def with_line(text: str, number: int, line: str) -> str:
    lines = text.split("\n")
    return "\n".join([*lines[:number], line, *lines[number:]])


@pytest.mark.parametrize("number", [2, 3, 4, 5, 6, 7, 11, 13, 14, 19])
def test_a_comment_between_statements_moves_what_is_below(number: int) -> None:
    assert only_moved(facts(TEXT), facts(with_line(TEXT, number, "# a word")))


def test_a_block_that_comes_to_stand_on_the_line_of_its_head_has_not_only_moved() -> None:
    assert not only_moved(facts("if a:\n    b()\n"), facts("if a: b()\n"))


def test_other_words_in_a_docstring_say_the_same_but_an_example_does_not() -> None:
    text = 'def f():\n    """{0}."""\n    a()\n'
    assert only_moved(facts(text.format("Find")), facts(text.format("Look\n\n    and find")))
    assert not only_moved(facts(text.format("Find")), facts(text.format("Find\n\n    >>> f()")))


@pytest.mark.parametrize(
    ("before", "now"),
    [
        ("a.one()", "a.two()"),
        ('key="x"', "key=None"),
        ("await each", "each"),
        ("ignore[A101]", "ignore[A102]"),
        ("            held.take(a.one())\n", "            held.take(\n                a.one()\n            )\n"),
        ("            held.take(a.one())\n", "            held.take(a.one()); held.take(a.one())\n"),
    ],
)
def test_what_says_something_else_has_not_only_moved(before: str, now: str) -> None:
    assert before in TEXT
    assert not only_moved(facts(TEXT), facts(TEXT.replace(before, now)))


def test_two_statements_that_come_to_stand_on_one_line_have_not_only_moved() -> None:
    assert not only_moved(facts("a()\nb()\n"), facts("a(); b()\n"))


@pytest.mark.parametrize(
    ("before", "now"),
    [
        ("limit: int = 3", "limit : int   =   30_000"),
        ("held.take(a.one())", "held.take( a.one( ) )"),
        ("return await each.read(key)", "return (await each.read(key))"),
    ],
)
def test_what_moves_along_its_line_has_only_moved(before: str, now: str) -> None:
    assert before in TEXT
    assert only_moved(facts(TEXT), facts(TEXT.replace(before, now)))


def test_two_things_that_change_places_on_their_line_have_not_only_moved() -> None:
    assert not only_moved(facts("f(a)(b)\n"), facts("f(b)(a)\n"))


def test_the_places_are_the_lines_that_facts_name_with_the_columns_named_on_them() -> None:
    assert [line for line, _ in places(facts("\n\n\na = 1\n"))] == [1, 4]
    assert dict(places(facts("\na = b(1)\n")))[2] == (0, 4, 8)
    assert length(facts("\n\n\na = 1\n")) == 4
