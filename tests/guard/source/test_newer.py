import ast
import sys

import pytest

from netra.guard.source.newer import Older, written_older
from netra.guard.source.parsing import parsed

older_than_3_14 = pytest.mark.skipif(sys.version_info >= (3, 14), reason="this Python reads all of it")


def test_newer_syntax_is_named_and_read_all_the_same() -> None:
    text = "type Names = list[str]\ndef first[T](of: list[T]) -> T: ...\ntry: ...\nexcept ValueError, KeyError: ...\n"
    body, problems = parsed(text)
    assert len(body) == 3
    expected = [(line, newer) for line, newer, since in ((1, "Python 3.12", 12), (2, "Python 3.12", 12), (4, "Python 3.14", 14))
                if sys.version_info < (3, since)]  # fmt: skip
    assert [(problem.line, problem.newer) for problem in problems] == expected


@pytest.mark.parametrize(
    ("text", "since"),
    [
        ("type Names = list[str]", 12),
        ("type Names[T: (int, list[str]) = dict[str, list[int]]] = list[T]", 12),
        ("class Box[T]: ...", 12),
        ("def first[T: Hashable, *Ts, **P](of: list[T]) -> T: ...", 12),
        ("async def first[\n    T,\n    S: dict[str, tuple[int, ...]],\n](of: T): ...", 12),
        ("try: ...\nexcept ValueError, KeyError: ...", 14),
        ("try: ...\nexcept* a.ValueError, b.KeyError : ...", 14),
        ("x = t'{a} and {b()}'", 14),
        ("x = rt'{a}' + T'''b\n{c}'''", 14),
        ("lazy import json", 15),
        ("lazy from a.b import c", 15),
    ],
)
def test_what_a_newer_python_reads_is_read_on_the_same_lines(text: str, since: int) -> None:
    older, problems, _ = written_older(f"a = 1\n{text}\ndef after(): ...\n")
    if sys.version_info >= (3, since):
        assert problems == ()
    else:
        assert {(each.line in range(2, 4), each.newer) for each in problems} == {(True, f"Python 3.{since}")}
        assert ast.parse(older).body[-1].lineno == text.count("\n") + 3


@older_than_3_14
def test_what_only_looks_like_newer_syntax_is_left_alone() -> None:
    text = (
        "s = 'it is t\\'a\\''\n# lazy import, except A, B: and t'x'\nd = '''\ntype X = int\nlazy import y\n'''\nf = format'a'\n"
    )
    assert written_older(text) == Older(text)


@older_than_3_14
def test_names_that_became_keywords_are_still_names() -> None:
    text = "type = 1\ntype(x)[0] = 2\nlazy = type\nlazy.x = t\n"
    assert written_older(text) == Older(text)


@pytest.mark.parametrize(("text", "since"), [("x = [*a for a in b]", 15), ("x = {**a for a in b}", 15), ("x = 'a", 0)])
def test_what_cannot_be_written_anew_is_named_by_its_error(text: str, since: int) -> None:
    problems = parsed(text)[1]
    newer = f"Python 3.{since}" if since else ""
    assert [each.newer for each in problems] == ([] if since and sys.version_info >= (3, since) else [newer])


@older_than_3_14
def test_an_except_that_binds_its_error_is_of_python_2() -> None:
    text = "try: ...\nexcept ValueError, e:\n    print(e)\ntry: ...\nexcept KeyError as e: ...\n"
    body, (problem,) = parsed(text)
    assert (problem.line, problem.newer) == (2, "")
    assert problem.message == "the file is written for Python 2: 1 of its statements cannot be read"
    assert isinstance(body[0], ast.Try) and body[0].handlers[0].name == "e"


@older_than_3_14
@pytest.mark.parametrize(
    "given", ["from a import (\n    b,\n    E,\n)", "class E(Exception): ...", "E = a, b", "from a import *"]
)
def test_an_except_of_two_errors_that_the_file_gives_is_not(given: str) -> None:
    (problem,) = parsed(f"{given}\ntry: ...\nexcept ValueError, E: ...\n")[1]
    assert problem.newer == "Python 3.14"
