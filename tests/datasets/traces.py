"""The Azure traces, and what they hold as Python's own csv module reads it.

Whole where they lie beside the project, else the excerpts that are part of it, so that no test goes without.
"""

import csv
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest

DATA = Path(__file__).parents[3] / "shared" / "data"
EXCERPTS = Path(__file__).with_name("azure")
NAMES = ("AzureLLMInferenceTrace_code.csv", "AzureLLMInferenceTrace_conv.csv")


@dataclass(frozen=True)
class Trace:
    path: Path
    times: tuple[datetime, ...]
    input_tokens: tuple[int, ...]
    output_tokens: tuple[int, ...]

    @property
    def is_whole(self) -> bool:
        """Whether it is no excerpt: of every twentieth request the bursts are thinner than those of all."""
        return self.path.parent != EXCERPTS


@pytest.fixture(params=NAMES)
def trace(request: pytest.FixtureRequest) -> Trace:
    whole = DATA / request.param
    return read_trace(whole if whole.exists() else EXCERPTS / request.param)


def read_trace(path: Path) -> Trace:
    with path.open(newline="") as file:
        rows = list(csv.DictReader(file))
    return Trace(
        path,
        # Six of the seven digits: Python, like DuckDB, counts in microseconds.
        tuple(datetime.fromisoformat(row["TIMESTAMP"][:26]).replace(tzinfo=UTC) for row in rows),
        tuple(int(row["ContextTokens"]) for row in rows),
        tuple(int(row["GeneratedTokens"]) for row in rows),
    )
