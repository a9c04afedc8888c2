"""The Azure traces beside the project, and what they hold as Python's own csv module reads it."""

import csv
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest

DATA = Path(__file__).parents[3] / "shared" / "data"
NAMES = ("AzureLLMInferenceTrace_code.csv", "AzureLLMInferenceTrace_conv.csv")


@dataclass(frozen=True)
class Trace:
    path: Path
    times: tuple[datetime, ...]
    input_tokens: tuple[int, ...]
    output_tokens: tuple[int, ...]


@pytest.fixture(params=NAMES)
def trace(request: pytest.FixtureRequest) -> Trace:
    path = DATA / request.param
    if not path.exists():
        pytest.skip(f"needs the Azure trace {request.param}, which is not part of this repository")
    with path.open(newline="") as file:
        rows = list(csv.DictReader(file))
    return Trace(
        path,
        # Six of the seven digits: Python, like DuckDB, counts in microseconds.
        tuple(datetime.fromisoformat(row["TIMESTAMP"][:26]).replace(tzinfo=UTC) for row in rows),
        tuple(int(row["ContextTokens"]) for row in rows),
        tuple(int(row["GeneratedTokens"]) for row in rows),
    )
