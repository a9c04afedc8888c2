"""What is taken from an earlier run has to be what a new one would find: a program is edited at random, and both are asked."""

import json
import marshal
import random
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from netra.guard.command import main
from netra.guard.faults import Edit, Fault, Mend
from netra.guard.outcome import KeptFindings, moved, outcome, plainly, restored_outcome
from netra.guard.source.cache import Entry, KnownFacts
from netra.guard.symbols import ModuleSymbol
from netra.guard.values import Step
from tests.guard.programs import understood

PROGRAM = {
    "serve.py": """\
import asyncio
from fastapi import FastAPI, Depends
import store

app = FastAPI()
seen = {}


@app.get("/users/{user_id}")
async def user(user_id: str, session=Depends(store.session)):
    if user_id not in seen:
        await asyncio.sleep(0)
        seen[user_id] = await store.load(session, user_id)
    store.save(session, user_id)
    return store.load(session, user_id)


@app.post("/users/{user_id}")
async def rename(user_id: str, name: str, words=[]):
    words.append(name)
    with open("names") as names:
        print(names.read())
    return {"old": store.State.CLOSED}
""",
    "store.py": """\
import enum
import os
from sqlalchemy.ext.asyncio import AsyncSession, create_async_engine, async_sessionmaker

make = async_sessionmaker(create_async_engine(os.environ["DATABASE"]))


class State(enum.Enum):
    OPEN = 1


async def session():
    one = make()
    yield one


async def load(session: AsyncSession, user_id: str):
    # It may not be there.
    return await session.get(State, user_id)


async def save(session: AsyncSession, user_id: str):
    session.add(user_id)
    session.commit()
""",
    "test_store.py": """\
import store


async def test_it():
    try:
        assert store.load(None, "a") == 1
    except Exception:
        pass
""",
}

EDITS = (*("insert",) * 6, "delete", "async to sync", "rename", "remove", "restore", "space", "number", "number")
LINES = (
    "",
    "# a word",
    "    # a word",
    "        # a word",
    '"""A text of\nseveral lines."""',
    "x = 3",
    "    x = 3",
    "        store.save()",
)


Found = Callable[[str], object]


@pytest.fixture
def found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Found:
    monkeypatch.chdir(tmp_path)
    for name, text in PROGRAM.items():
        Path(name).write_text(text)

    def call(cache: str) -> object:
        main([".", "--format", "json", "--select", "A,D,E,G,M,S,T", "--jobs", "1", "--cache-dir", cache])
        document = json.loads(capsys.readouterr().out)
        del document["summary"]["seconds"], document["looked_at"]["began_at"]
        return document

    return call


def anew(found: Found) -> object:
    """What a run finds that may take facts from another, and no findings."""
    for each in Path("anew").glob("outcomes*"):
        each.unlink()
    return found("anew")


@pytest.mark.parametrize("seed", range(3))
def test_after_any_edits_what_is_taken_is_what_a_new_run_finds(found: Found, seed: int) -> None:
    chosen = random.Random(seed)
    files = dict(PROGRAM)
    assert found("kept") == anew(found)
    for _ in range(25):
        name = chosen.choice([*PROGRAM])
        lines = files.get(name, PROGRAM[name]).split("\n")
        at = chosen.randrange(len(lines))
        sort = chosen.choice(EDITS)
        match sort:
            case "delete":
                del lines[at]
            case "async to sync":
                lines[at] = lines[at].replace("async def", "def")
            case "rename":
                lines[at] = lines[at].replace("load", "fetch")
            case "space":
                lines[at] = lines[at].replace("(", "(  ", 1)
            case "number":
                lines[at] = re.sub(r"\d+", lambda number: f"{number[0]}0", lines[at])
            case "restore":
                lines = PROGRAM[name].split("\n")
            case "insert":
                lines.insert(at, chosen.choice(LINES))
        if sort == "remove":
            files.pop(name, None)
            Path(name).unlink(missing_ok=True)
        else:
            files[name] = "\n".join(lines)
            Path(name).write_text(files[name])
        assert found("kept") == anew(found)


def stored_outcomes() -> bytes:
    (file,) = Path("kept").glob("outcomes*")
    return file.read_bytes()


def test_after_a_comment_findings_are_taken_from_the_last_run_and_stand_where_they_are_now(found: Found) -> None:
    found("kept")
    before = stored_outcomes()
    Path("store.py").write_text(PROGRAM["store.py"].replace("async def save", "# A word.\n# Another.\nasync def save"))
    assert found("kept") == anew(found)
    assert stored_outcomes() == before


@pytest.mark.parametrize(
    ("before", "now"),
    [("CLOSED = 2", "CLOSED = 20_000"), ("session.add(user_id)", "session.add( user_id )"), ("seen = {}", "seen  =  {}")],
)
def test_after_a_number_or_the_layout_of_a_line_changed_nothing_is_analysed_anew(found: Found, before: str, now: str) -> None:
    program = {"store.py": PROGRAM["store.py"].replace("OPEN = 1", "OPEN = 1\n    CLOSED = 2"), "serve.py": PROGRAM["serve.py"]}
    for name, text in program.items():
        Path(name).write_text(text)
    found("kept")
    stored_before = stored_outcomes()
    for name, text in program.items():
        Path(name).write_text(text.replace(before, now))
    assert found("kept") == anew(found)
    assert stored_outcomes() == stored_before


@pytest.mark.parametrize(
    ("before", "now"),
    [
        ("if user_id not in seen:\n", "if user_id not in seen:\n        # Not yet.\n\n"),
        ('with open("names") as names:\n', 'with open("names") as names:\n\n        # All of them.\n'),
        ("    try:\n        assert", "    try:\n        # It is there.\n        assert"),
        ("    except Exception:\n", "    except Exception:\n        # Whatever it was.\n"),
        ('"""Keep it."""', '"""Keep what is there.\n\n    Nothing else.\n    """'),
    ],
)
def test_after_a_comment_in_a_block_or_other_words_in_a_docstring_nothing_is_analysed_anew(
    found: Found, before: str, now: str
) -> None:
    store = PROGRAM["store.py"].replace("    session.add(", '    """Keep it."""\n    session.add(')
    program = {**PROGRAM, "store.py": store}
    assert any(before in text for text in program.values())
    Path("store.py").write_text(store)
    found("kept")
    stored_before = stored_outcomes()
    for name, text in program.items():
        Path(name).write_text(text.replace(before, now))
    assert found("kept") == anew(found)
    assert stored_outcomes() == stored_before


def test_after_a_call_has_come_the_program_is_analysed_anew(found: Found) -> None:
    found("kept")
    before = stored_outcomes()
    Path("store.py").write_text(PROGRAM["store.py"].replace("    # It may not be there.", "    print(user_id)"))
    assert found("kept") == anew(found)
    assert stored_outcomes() != before


FAULT = Fault(
    "A101",
    "unawaited-coroutine",
    "a.py",
    4,
    0,
    4,
    "`f(…)`",
    (Step("b.py", 3, "here"), Step("", 0, "of a library")),
    (),
    None,
    "high",
    "",
    "g",
)
MENDED = FAULT._replace(mend=Mend("await it", (Edit(4, 0, 4, 0, "await "),)))


def entries(**texts: str) -> dict[str, Entry]:
    return {f"{name}.py": Entry((0, 0), text.encode(), KnownFacts(understood(text)), b"") for name, text in texts.items()}


def kept(fault: Fault) -> KeptFindings:
    files = entries(a=A, b=B)
    modules = [ModuleSymbol(path[0], path, understood(each.content.decode()), False) for path, each in files.items()]
    return outcome([fault], files, modules)


A, B = "import b\n\n\nb.f()\n", "import a\n\nasync def f(): ...\n"
LATER = {"a": A.replace("\n\n\n", "\n\n\n\n\n"), "b": B}


def test_an_outcome_comes_back_as_it_was_stored() -> None:
    one = kept(MENDED)
    assert restored_outcome(marshal.loads(marshal.dumps(plainly(one)))) == one
    assert one.lines == 4 + 3


def test_lines_of_findings_of_their_proofs_and_of_edits_move_with_their_file() -> None:
    now = moved(kept(MENDED), entries(**LATER))
    assert now is not None
    assert [(each.line, each.end_line, each.why[0].line) for each in now.faults] == [(6, 6, 3)]
    assert now.faults[0].mend == Mend("await it", (Edit(6, 0, 6, 0, "await "),))
    assert now.faults[0].why[1] == Step("", 0, "of a library")
    assert now.lines == 6 + 3
    below = moved(kept(FAULT), entries(a=A, b=B.replace("\n\n", "\n\n\n")))
    assert below is not None
    assert [(each.line, each.why[0].line) for each in below.faults] == [(4, 4)]


def test_a_finding_moves_along_its_line_unless_it_comes_with_an_edit_that_counts_letters() -> None:
    later = entries(a=A.replace("b.f()", "(b.f())"), b=B)
    now = moved(kept(FAULT), later)
    assert now is not None
    assert [(each.line, each.column) for each in now.faults] == [(4, 1)]
    assert moved(kept(MENDED), later) is None
    assert moved(kept(FAULT._replace(column=3)), later) is None


@pytest.mark.parametrize(
    "fault", [FAULT._replace(line=2), FAULT._replace(message="it is left at line 4"), FAULT._replace(mend=Mend("look at 4"))]
)
def test_a_line_that_no_fact_names_and_a_number_that_may_be_one_that_moved_are_not_guessed(fault: Fault) -> None:
    assert moved(kept(fault), entries(**LATER)) is None
    unmoved = moved(kept(fault), entries(a=A, b=B))
    assert unmoved is not None
    assert unmoved.faults == (fault,)
