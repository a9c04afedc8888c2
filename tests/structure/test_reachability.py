"""Nothing lies about: every module is reached from an entry point, and no module imports what imports it."""

from collections.abc import Mapping, Set
from graphlib import CycleError, TopologicalSorter

import pytest

from tests.structure.source import imports, modules

# A folder without __init__.py, which cannot be imported: Alembic finds what is in it by path.
MIGRATIONS = "netra.db.migrations."

# What is started or looked up by name, and who does it. Everything else must be imported by one of these, at whatever remove.
ENTRY_POINTS = {
    "netra": "the front door: `import netra`",
    "netra.__main__": "`python -m netra`",
    "netra.cli.main": "the `netra` command",
    "netra.cli.subjects": "what the servers of `netra prove --self` serve, by name",
    "netra.guard.__main__": "`python -m netra.guard`, which needs nothing but Python",
    "netra.settings.reference": "`python -m netra.settings.reference` writes docs/reference/settings.md",
}


def reached_from(entries: Set[str], graph: Mapping[str, Set[str]]) -> set[str]:
    """The modules that run when the entries are imported; a package runs before its modules."""
    reached: set[str] = set()
    waiting = [entry for entry in entries if entry in graph]
    while waiting:
        name = waiting.pop()
        if name in reached:
            continue
        reached.add(name)
        waiting += graph.get(name, ())
        if package := name.rpartition(".")[0]:
            waiting.append(package)
    return reached


def test_every_module_is_reachable_from_an_entry_point() -> None:
    # Users import what they like of netra.testing and netra.hosting; guard and prove import whatever lies in their folders.
    folders = ("netra.testing.", "netra.hosting.", "netra.guard.rules.", "netra.prove.checkers.", "netra.prove.faults.")
    entries = ENTRY_POINTS.keys() | {name for name in imports() if name.startswith(folders)}
    assert sorted(imports().keys() - reached_from(entries, imports())) == []


def test_only_migrations_lie_outside_a_package() -> None:
    outside = {module.name for module in modules()} - imports().keys()
    assert sorted(name for name in outside if not name.startswith(MIGRATIONS)) == []


def test_every_entry_point_exists() -> None:
    assert sorted(ENTRY_POINTS.keys() - imports().keys()) == []


def test_a_module_that_nobody_imports_is_found() -> None:
    graph = {"a": {"a.b"}, "a.b": set(), "a.c": {"a.b"}}
    assert graph.keys() - reached_from({"a"}, graph) == {"a.c"}


def test_no_module_imports_what_imports_it() -> None:
    try:
        TopologicalSorter(imports()).prepare()
    except CycleError as error:
        pytest.fail("a cycle of imports: " + " → ".join(reversed(error.args[1])), pytrace=False)


def test_an_import_inside_a_function_counts() -> None:
    # cli.main imports the commands when they run: if the graph did not see those, they would be unreachable above.
    lazily = imports()["netra.cli.main"]
    assert any(name.startswith("netra.cli.") for name in lazily)
