"""What could be saved, against the same bills in plain Python, request by request."""

from pathlib import Path

import pytest

from netra.analytics.costs import costs
from netra.analytics.savings import find_savings
from tests.analytics.test_measure import MOMENT, opened

EXAMPLE = Path(__file__).parents[2] / "examples/data/generated-usage.csv"


async def test_what_is_spent_is_what_the_cost_analysis_says_and_no_saving_is_more() -> None:
    async with opened(EXAMPLE.read_bytes()) as (query, _):
        found = await find_savings(query, MOMENT)
        spent = (await costs(query, MOMENT)).values()["cost_total"]
    assert found.spend.value == pytest.approx(spent, rel=1e-12)
    assert found.levers
    for lever in found.levers:
        assert 0 <= lever.low.value <= lever.saving.value <= lever.high.value <= found.spend.value
        assert lever.saving.rows.count <= found.spend.rows.count
    assert 0 <= found.combined_low.value <= found.combined.value <= found.combined_high.value <= found.spend.value
    assert found.combined.value == pytest.approx(sum(lever.added.value for lever in found.levers))
