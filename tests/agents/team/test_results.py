"""What the members hand to each other."""

from datetime import UTC, datetime

import pytest

from netra.agents.team.results import CHAINS, DataResult, TriageResult
from netra.analytics.figures import Measurement


@pytest.mark.parametrize(
    ("sufficiency", "kind"),
    [(1.0, "full"), (0.8, "full"), (0.799999, "partial"), (0.4, "partial"), (0.399999, "guidance"), (0.0, "guidance")],
)
def test_sufficiency_chooses_who_works(sufficiency: float, kind: str) -> None:
    result = TriageResult(
        question="",
        topics=("usage",),
        understood=(),
        dataset=None,
        prices_of=datetime(2026, 5, 4, tzinfo=UTC),
        criteria=(),
        sufficiency=sufficiency,
    )
    assert result.chain == CHAINS[kind]


def test_a_report_is_written_whoever_works() -> None:
    assert {chain[-1] for chain in CHAINS.values()} == {"reporting"}


def test_parts_are_joined_in_their_order() -> None:
    parts = {"a": Measurement(notes=("one",)), "b": Measurement(notes=("two",))}
    assert DataResult(parts=parts).whole().notes == ("one", "two")
