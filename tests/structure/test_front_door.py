"""What `import netra` offers is a list, and nothing slips past it."""

import ast
import subprocess
import sys
from types import ModuleType

import pytest

import netra


def test_the_public_api_is_what_all_lists() -> None:
    offered = {name: getattr(netra, name) for name in dir(netra) if not name.startswith("_")}
    machinery = {"TYPE_CHECKING", "Final", "import_module"}
    public = {name for name, value in offered.items() if not isinstance(value, ModuleType)} - machinery
    assert public | {"__version__"} == set(netra.__all__)


def test_the_list_is_sorted() -> None:
    assert netra.__all__ == sorted(netra.__all__)


def test_everything_that_netra_offers_explains_itself() -> None:
    offered = {name: getattr(netra, name) for name in netra.__all__ if name != "__version__"}
    assert [name for name, value in offered.items() if not (value.__doc__ or "").strip()] == []


def test_a_name_that_netra_has_not_is_missed_as_in_any_module() -> None:
    with pytest.raises(AttributeError, match="no attribute 'Server'"):
        netra.Server  # type: ignore[attr-defined]


def test_guard_is_imported_with_nothing_but_python() -> None:
    code = "import sys, netra.guard.command; print({each.partition('.')[0] for each in sys.modules})"
    done = subprocess.run([sys.executable, "-I", "-c", code], capture_output=True, text=True, check=True)
    assert {"msgspec", "typing_extensions", "dotenv"}.isdisjoint(ast.literal_eval(done.stdout))


def test_importing_netra_brings_in_no_server() -> None:
    # What a user's agent file needs is names and types. A server, a database driver and DuckDB cost most of a second.
    heavy = ("duckdb", "fastapi", "sqlalchemy", "procrastinate", "uvicorn")
    code = f"import sys; from netra import *; print([name for name in {heavy} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
