"""Every module has its own test file, at the same place under tests/."""

import ast
from pathlib import Path

from tests.structure.source import REVISIONS, ROOT, Module, modules

# Modules without a test file of their own, and what tests them instead.
TESTED_ELSEWHERE = {
    "netra.db.migrations.env": "every test that touches a database runs the migrations through it",
    "netra.db.tables": "tests/db/test_migrate.py compares it with the migrated schema, column by column",
}


# Faults are carried out by name: those of readers against a server in memory, the others by the proofs of test_servers.py.
FAULTS = "netra.prove.faults."

# A rule of guard is tested by its specification; tests/guard/test_specs.py holds each rule to having one.
RULES = "netra.guard.rules."


def companion(module: Module) -> Path:
    """Where the tests of a module are: netra.db.scope → tests/db/test_scope.py."""
    *packages, name = module.name.split(".")[1:]
    return Path("tests", *packages, f"test_{name}.py")


def needs_companion(module: Module) -> bool:
    """A package that only names what its modules define has nothing of its own to test; one that defines something has."""
    if module.name.startswith((REVISIONS, RULES, FAULTS)) or module.name in TESTED_ELSEWHERE:
        return False
    if not module.is_package:
        return True
    defining = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
    return any(isinstance(node, defining) and not node.name.startswith("_") for node in module.tree.body)


def holds_a_test(path: Path) -> bool:
    tree = ast.parse(path.read_text("utf-8"))
    defining = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
    names = [node.name for node in ast.walk(tree) if isinstance(node, defining)]
    return any(name.startswith(("test_", "Test")) for name in names) or "TestCase" in ast.unparse(tree)


def test_every_module_has_its_own_test_file() -> None:
    wanted = {companion(module) for module in modules() if needs_companion(module)}
    assert sorted(str(path) for path in wanted if not (ROOT / path).exists()) == []


def test_every_test_file_holds_a_test() -> None:
    files = sorted((ROOT / "tests").rglob("test_*.py"))
    assert files
    assert [str(path.relative_to(ROOT)) for path in files if not holds_a_test(path)] == []


def test_every_exemption_is_still_needed() -> None:
    exempt = [module for module in modules() if module.name in TESTED_ELSEWHERE]
    assert len(exempt) == len(TESTED_ELSEWHERE)
    assert [module.name for module in exempt if (ROOT / companion(module)).exists()] == []


def test_where_a_companion_is_looked_for() -> None:
    assert companion(Module.of("", "netra.db.scope")) == Path("tests/db/test_scope.py")
    assert companion(Module.of("", "netra.ids")) == Path("tests/test_ids.py")
