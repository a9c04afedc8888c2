"""What a changed request costs, by hand."""

import pytest

from netra.analytics import bills
from netra.analytics.bills import RowLimit, Trial
from netra.analytics.costs import lists_of
from netra.analytics.terms import SavingTerms
from tests.analytics.test_measure import MOMENT, opened

# gpt-4o: $2.50 a million input tokens, $1.25 of them from the cache, $10 output.
LOG = b"input_tokens,output_tokens,cached_input_tokens,model,requests\n1000,100,400,gpt-4o,1\n5000,500,0,gpt-4o,5\n"


@pytest.mark.parametrize(
    ("lever", "limit", "cost", "changed"),
    [
        ("none", RowLimit(), (600 * 2.5 + 400 * 1.25 + 1000) + (5000 * 2.5 + 5000), 0),
        # Cached input shrinks with the prompt; a row of five requests has no length of its own.
        ("prompt_length", RowLimit(input_limit=500), (300 * 2.5 + 200 * 1.25 + 1000) + (5000 * 2.5 + 5000), 1),
        ("output_cap", RowLimit(output_limit=50), (600 * 2.5 + 400 * 1.25 + 500) + (5000 * 2.5 + 5000), 1),
        ("batching", RowLimit(), (600 * 1.25 + 400 * 1.25 + 500) + (5000 * 1.25 + 2500), 2),
        ("model_substitution", RowLimit(substitute="gpt-4o-mini"), (600 * 0.15 + 400 * 0.075 + 60) + (5000 * 0.15 + 300), 2),
    ],
)
async def test_a_lever_changes_just_what_it_is_about(lever: str, limit: RowLimit, cost: float, changed: int) -> None:
    terms = SavingTerms()
    async with opened(LOG) as (query, _):
        await bills.keep_prices(query, await lists_of(["gpt-4o", "gpt-4o-mini"], MOMENT, {}), terms)
        (group,) = await bills.keep_groups(query, [], ["gpt-4o"], terms)
        await bills.keep_limits(query, {(2, group.number): limit})
        await bills.keep_rows(query, [], terms)
        trial = Trial("high", frozenset({lever}))
        ((_, bill),) = (await bills.try_levers(query, [trial], terms))[trial].items()
    assert bill.cost * 1e6 == pytest.approx(cost)
    assert bill.changed == changed
    assert bill.before * 1e6 == pytest.approx((600 * 2.5 + 400 * 1.25 + 1000) + (5000 * 2.5 + 5000))
    assert (group.rows, group.single, group.largest) == (2, 1, 1100)
