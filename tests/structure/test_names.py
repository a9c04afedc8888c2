"""One noun, one place: no class twice, no family of files, no word that says nothing."""

import ast
import re
from collections import Counter
from collections.abc import Iterable, Iterator

from tests.structure.source import REVISIONS, Module, modules

# Words that stand where a noun should. Case and plural do not matter; parts of a word do: Database is not Base.
EMPTY_WORDS = frozenset("manager factory helper util utility unified enhanced base core common ssot".split())

# More files than this that begin with one word are one thing cut up by size, or one thing written again and again.
FAMILY = 4


def classes(sources: Iterable[Module]) -> Counter[str]:
    return Counter(node.name for module in sources for node in ast.walk(module.tree) if isinstance(node, ast.ClassDef))


def families(sources: Iterable[Module]) -> dict[str, int]:
    """Folders and first words that four or more files share, for example `runs/retry_*`."""
    names = [
        f"{module.path.parent.name}/{module.path.stem.split('_')[0]}_*"
        for module in sources
        if "_" in module.path.stem.strip("_") and not module.name.startswith(REVISIONS)
    ]
    return {name: count for name, count in Counter(names).items() if count >= FAMILY}


def words(name: str) -> set[str]:
    """The words of `LikeThis`, `like_this` and `LIKE_THIS`, lower case and singular."""
    parts = re.findall(r"[A-Z0-9]+(?![a-z])|[A-Z]?[a-z0-9]+", name)
    return {word for part in parts for word in (part.lower(), part.lower().removesuffix("s"))}


def top_level_names(module: Module) -> Iterator[str]:
    """The last part of the module's own name, and what it defines. What it imports is somebody else's name."""
    yield module.name.rpartition(".")[2]
    for node in module.tree.body:
        match node:
            case ast.ClassDef() | ast.FunctionDef() | ast.AsyncFunctionDef():
                yield node.name
            case ast.Assign():
                yield from (target.id for target in node.targets if isinstance(target, ast.Name))
            case ast.AnnAssign(target=ast.Name() as target):
                yield target.id


def empty_names(sources: Iterable[Module]) -> list[str]:
    return [f"{module.name}: {name}" for module in sources for name in top_level_names(module) if words(name) & EMPTY_WORDS]


def test_no_class_is_defined_twice() -> None:
    assert {name: count for name, count in classes(modules()).items() if count > 1} == {}


def test_a_class_that_is_defined_twice_is_found_wherever_it_is_nested() -> None:
    first, second = Module.of("class Run: ..."), Module.of("def make():\n    class Run: ...")
    assert classes([first, second])["Run"] == 2


def test_no_family_of_files() -> None:
    assert families(modules()) == {}


def test_four_files_that_begin_with_one_word_are_a_family() -> None:
    family = [Module.of("", f"netra.runs.retry_{kind}") for kind in ("fast", "slow", "smart", "final")]
    assert families(family) == {"runs/retry_*": 4}
    assert families(family[:3]) == {}


def test_every_top_level_name_says_something() -> None:
    assert empty_names(modules()) == []


def test_an_empty_word_is_found_in_every_way_to_write_it() -> None:
    text = "class SessionManager: ...\ndef base_url(): ...\nRETRY_UTILS = 1\ncommon: int = 2"
    innocent = "class Database: ...\nscore = 3\ndef base64url(): ..."
    assert [name.split()[1] for name in empty_names([Module.of(f"{text}\n{innocent}")])] == [
        "SessionManager",
        "base_url",
        "RETRY_UTILS",
        "common",
    ]
