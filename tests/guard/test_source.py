import os
import sys
from pathlib import Path

import pytest

from netra.guard.source import LARGEST, Read, blocks, find, ignores, parsed, read, taken, understand


def names(text: str) -> list[str]:
    return [each.name for each in understand(Read(text.encode(), "")).functions if each.name]


def test_a_loop_of_links_and_a_file_named_twice_are_found_once(tmp_path: Path) -> None:
    (tmp_path / "pkg").mkdir()
    (tmp_path / "pkg/a.py").write_text("")
    (tmp_path / "pkg/loop").symlink_to(tmp_path, target_is_directory=True)
    (tmp_path / ".venv").mkdir()
    (tmp_path / ".venv/b.py").write_text("")
    assert list(find([tmp_path, tmp_path / "pkg/a.py"])) == [tmp_path / "pkg/a.py"]


def test_what_git_ignores_is_left_out(tmp_path: Path) -> None:
    for name in ("kept.py", "made.py"):
        (tmp_path / name).write_text("")
    (tmp_path / ".gitignore").write_text("made.py\n")
    os.system(f"git init -q {tmp_path}")
    assert [path.name for path in find([tmp_path])] == ["kept.py"]


def test_a_huge_file_is_not_even_opened(tmp_path: Path) -> None:
    huge = tmp_path / "huge.py"
    with huge.open("wb") as file:
        file.truncate(100 * 1024 * 1024)
    assert huge.stat().st_size > LARGEST
    (problem,) = understand(read(huge)).problems
    assert "104,857,600 bytes" in problem.message


@pytest.mark.parametrize("content", [b"\0\1\2", b"\xff\xfe\x00", b"# coding: nonsense\n", b"\xc3\x28 = 1\n"], ids=repr)
def test_what_is_no_text_is_a_problem_and_no_crash(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "rubbish.py"
    path.write_bytes(content)
    assert len(understand(read(path)).problems) == 1


def test_bytes_from_elsewhere_are_held_to_the_same() -> None:
    assert taken(b"x = 1\n").content == b"x = 1\n"
    assert "null bytes" in taken(b"\0").refusal
    assert "reads source files of up to" in taken(b"#" * (LARGEST + 1)).refusal


def test_a_file_that_is_gone_is_a_problem(tmp_path: Path) -> None:
    assert "cannot be read" in understand(read(tmp_path / "gone.py")).problems[0].message


def test_a_broken_function_hides_none_of_its_neighbours() -> None:
    text = "def one(): ...\n\ndef broken(:\n    pass\n\n@decorated\nasync def two():\n    return 1\n"
    assert names(text) == ["one", "two"]
    file = understand(Read(text.encode(), ""))
    assert [problem.line for problem in file.problems] == [3]
    assert [each.line for each in file.functions if each.name] == [1, 7]


def test_a_broken_method_hides_none_of_its_class() -> None:
    text = "class Store:\n    def one(self): ...\n\n    def broken(self:\n        pass\n\n    async def two(self): ...\n"
    file = understand(Read(text.encode(), ""))
    assert [(each.name, each.line) for each in file.functions[2:]] == [("one", 2), ("two", 7)]
    assert [each.name for each in file.classes] == ["Store"]
    assert [problem.line for problem in file.problems] == [4]


def test_newer_syntax_is_named_and_read_all_the_same() -> None:
    text = "type Names = list[str]\ndef first[T](of: list[T]) -> T: ...\ntry: ...\nexcept ValueError, KeyError: ...\n"
    body, problems = parsed(text)
    assert len(body) == 3
    expected = [(line, newer) for line, newer, since in ((1, "Python 3.12", 12), (2, "Python 3.12", 12), (4, "Python 3.14", 14))
                if sys.version_info < (3, since)]  # fmt: skip
    assert [(problem.line, problem.newer) for problem in problems] == expected


def test_an_expression_nested_beyond_reason_is_survived() -> None:
    assert understand(Read(("(" * 5000 + ")" * 5000).encode(), "")).problems
    assert understand(Read(("a" + ".b" * 20_000).encode(), "")).problems


def test_blocks_are_cut_where_a_statement_begins() -> None:
    lines = "a = 1\nif a:\n    b\nelse:\n    c\n@d\ndef e(\n):\n    f".split("\n")
    assert list(blocks(lines, 0, len(lines), 0)) == [(0, 1), (1, 5), (5, 9)]


def test_an_ignore_has_its_codes_and_its_reason() -> None:
    found = ignores("a()  # guard: ignore[A101, E101] the loop owns it\n# guard: ignore[A111]\nb()\n")
    assert [(each.line, each.codes, each.reason, each.alone) for each in found] == [
        (1, ("A101", "E101"), "the loop owns it", False),
        (2, ("A111",), "", True),
    ]
