import marshal
import os
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from netra.guard import facts
from netra.guard.analysis import Analysis
from netra.guard.configuration import GuardConfiguration
from netra.guard.facts import restored, stored
from netra.guard.inspection import inspect
from netra.guard.program import Program
from netra.guard.source.files import LARGEST, Read, find, ignores, read, taken, understand
from netra.guard.symbols import ModuleSymbol


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


@pytest.mark.parametrize("name", ["utf_16", "punycode", "undefined", "rot13"])
def test_an_encoding_that_nobody_writes_code_in_is_a_problem(name: str) -> None:
    assert len(understand(Read(f"# coding: {name}\na = 1\n".encode(), "")).problems) == 1


@pytest.mark.parametrize(
    "content",
    [
        b"\xef\xbb\xbfdef f(): ...\ndef g(): ...\n",
        b"# coding: latin-1\n'\xe9'\ndef f(): ...\ndef g(): ...\n",
        b"def f(): ...\r\ndef g(): ...\r\n",
        b"def f(): ...\rdef g(): ...\r",
        b"def f(): ...\n\x0c\ndef g(): ...\n",
    ],
    ids=["byte order mark", "latin-1", "two letters to a line end", "the line end of old", "form feed"],
)
def test_whatever_python_reads_is_read(content: bytes) -> None:
    file = understand(Read(content, ""))
    assert [each.name for each in file.functions] == ["", "f", "g"]
    assert file.problems == ()


def test_links_that_lead_nowhere_and_what_is_no_file_are_left_out(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text("")
    for name, to in (("self.py", "self.py"), ("one.py", "two.py"), ("two.py", "one.py"), ("gone.py", "nowhere")):
        (tmp_path / name).symlink_to(to)
    os.mkfifo(tmp_path / "pipe.py")
    (tmp_path / "endless.py").symlink_to("/dev/zero")
    assert list(find([tmp_path])) == [tmp_path / "a.py"]


def test_nothing_is_read_from_a_pipe_or_a_device_that_somebody_names(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.py")
    (tmp_path / "endless.py").symlink_to("/dev/zero")
    for path in find([tmp_path / "pipe.py", tmp_path / "endless.py"]):
        assert "no file" in understand(read(path)).problems[0].message


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_that_nobody_may_read_is_a_problem(tmp_path: Path) -> None:
    (tmp_path / "secret.py").write_text("a = 1")
    (tmp_path / "secret.py").chmod(0)
    (path,) = find([tmp_path])
    assert "Permission denied" in understand(read(path)).problems[0].message


def test_a_file_of_a_hundred_thousand_lines_is_read_to_its_end() -> None:
    file = understand(Read(b"a = b\n" * 99_999 + b"def last(): ...\n", ""))
    assert (len(file.functions[0].assignments), file.functions[1].line, file.problems) == (99_999, 100_000, ())


# --- whatever a file holds -------------------------------------------------------------------------------------------------

SOURCES = [path.read_text("utf-8") for path in sorted(Path(facts.__file__).parent.glob("*.py"))]
WORDS = """def async await class lambda if elif else: try: except finally: with as for in while match case yield from return
    raise import lazy type global nonlocal del assert not is and or None True f" t' rb' \"\"\" ' " ( ) [ ] { } : , . ; @ *
    ** = := -> == \\ # a self x.y f() f(a,*b,**c) [*a_for_a_in_b] print_'a' except_A,B: 0777 1e5 ENDS INDENTED
    # # coding:_latin-1 é"""
PIECES = st.sampled_from(
    [
        *(word.replace("_", " ").replace("ENDS", "\n").replace("INDENTED", "\n    ") for word in WORDS.split()),
        "\f",
        "\0",
        "\u2028",
    ]
)


@st.composite
def spoilt(draw: st.DrawFn) -> bytes:
    """A source of guard itself in which something is cut out or put in."""
    text: str = draw(st.sampled_from(SOURCES))
    for _ in range(draw(st.integers(1, 4))):
        at = draw(st.integers(0, len(text)))
        text = text[:at] + draw(PIECES) + text[at + draw(st.integers(0, 40)) :]
    return text.encode()


def survives(content: bytes) -> None:
    file = understand(Read(content, ""))
    assert restored(marshal.loads(marshal.dumps(stored(file)))) == file
    assert [each.number for each in file.functions] == [*range(len(file.functions))]
    assert [each.number for each in file.classes] == [*range(len(file.classes))]
    module = ModuleSymbol("example", "example.py", file, False)
    inspect(Analysis(Program([module]), GuardConfiguration(select=tuple("ADEGMST"))), {"example.py": []})


@settings(max_examples=60, deadline=None)
@given(spoilt())
def test_spoilt_source_is_understood_without_an_error(content: bytes) -> None:
    survives(content)


@settings(max_examples=150, deadline=None)
@given(st.lists(PIECES, max_size=40).map(" ".join))
def test_words_of_python_in_any_order_are_understood_without_an_error(text: str) -> None:
    survives(text.encode())


@settings(max_examples=100, deadline=None)
@given(st.binary(max_size=200))
def test_any_bytes_are_understood_without_an_error(content: bytes) -> None:
    survives(content)


@pytest.mark.parametrize(
    "text",
    [
        "(" * 10_000 + ")" * 10_000,
        "x = " + "[" * 190 + "]" * 190,
        "a" + ".b" * 20_000,
        "a" + ".b" * 480 + "()",
        "a" + "()" * 900,
        "x = " + "not " * 10_000 + "1",
        "x = " + "lambda: " * 450 + "1",
        "x = " + "a() if b else " * 900 + "c",
        "x = " + "1+" * 5_000 + "1",
        "if a: pass\n" + "elif b: pass\n" * 2_500,
        "".join(" " * depth + "if a:\n" for depth in range(99)) + " " * 99 + "a()",
        "def f(a: '" + "List[" * 190 + "int" + "]" * 190 + "'): ...",
        "x = " + "9" * 100_000,
        "x = '" + "a" * 3_000_000 + "'",
        "def (:\n" * 900,
        "class A0: pass\n" + "".join(f"class A{number + 1}(A{number}): pass\n" for number in range(2_000)) + "A2000().x()",
        "a0 = 1\n" + "".join(f"a{number + 1} = a{number}\n" for number in range(2_000)) + "a2000()",
    ],
    ids=lambda text: f"{len(text)} letters: {text[:16]}",
)
def test_nesting_and_length_beyond_reason_hide_no_neighbour(text: str) -> None:
    content = f"def before(): ...\n{text}\ndef after(): ...\n".encode()
    survives(content)
    found = [each.name for each in understand(Read(content, "")).functions]
    assert found[1] == "before" and found[-1] == "after"


def test_an_ignore_has_its_codes_and_its_reason() -> None:
    found = ignores("a()  # guard: ignore[A101, E101] the loop owns it\n# guard: ignore[A111]\nb()\n")
    assert [(each.line, each.codes, each.reason, each.alone) for each in found] == [
        (1, ("A101", "E101"), "the loop owns it", False),
        (2, ("A111",), "", True),
    ]


def test_what_ruff_was_told_of_the_same_fault_needs_not_be_said_twice() -> None:
    found = ignores("start()  # noqa: E501, RUF006\nstart()  # noqa: E501\nstart()  # ruff: ignore[asyncio-dangling-task]\n")
    assert [(each.line, each.codes) for each in found] == [(1, ("A112",)), (3, ("A112",))]
