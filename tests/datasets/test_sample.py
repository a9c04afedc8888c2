"""The sample usage logs are what their generator writes, and load without a word of help."""

import importlib.util
from pathlib import Path
from types import ModuleType

import duckdb
import pytest

from netra.datasets.importer import import_file

FOLDER = Path(__file__).parents[2] / "examples" / "data"


@pytest.fixture(scope="module")
def generator() -> ModuleType:
    spec = importlib.util.spec_from_file_location("sample_generator", FOLDER / "generate.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_files_are_what_the_generator_writes(generator: ModuleType) -> None:
    names = set()
    for name, text in generator.files():
        assert (FOLDER / name).read_bytes() == text.encode(), f"run {FOLDER.name}/generate.py again: {name} differs"
        names.add(name)
    assert {path.name for path in FOLDER.glob("*.csv")} | {path.name for path in FOLDER.glob("*.jsonl")} == names


def test_the_files_are_small_and_called_generated() -> None:
    files = [*FOLDER.glob("*.csv"), *FOLDER.glob("*.jsonl")]
    assert sum(path.stat().st_size for path in files) < 400_000
    assert all("generated" in path.name for path in files)
    assert "invented" in (FOLDER / "README.md").read_text()


async def test_each_file_loads_with_every_column_found(generator: ModuleType, tmp_path: Path) -> None:
    requests = generator.requests()
    for name, expected in (("generated-usage.csv", requests), ("generated-usage.jsonl", requests[-generator.OBJECTS :])):
        imported = await import_file(FOLDER / name, tmp_path / name)
        assert (imported.rows, imported.rejected, imported.notes) == (len(expected), 0, ())
        assert imported.mapping.sources.keys() == {
            "at",
            "input_tokens",
            "output_tokens",
            "model",
            "user",
            "feature",
            "latency_ms",
        }
        with duckdb.connect() as connection:
            rows = connection.execute(
                'SELECT input_tokens, output_tokens, model, "user", feature, latency_ms FROM read_parquet($path)',
                {"path": str(tmp_path / name)},
            ).fetchall()
        assert rows == [
            (each.input_tokens, each.output_tokens, each.model, each.user, each.feature, each.latency_ms) for each in expected
        ]
