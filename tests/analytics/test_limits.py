"""What is chosen for each feature and model."""

from typing import Any

from netra.analytics import bills
from netra.analytics.bills import RowLimit
from netra.analytics.costs import lists_of
from netra.analytics.limits import FEWEST_IN_GROUP, Limits, choose_lengths, choose_limits, find_candidates
from netra.analytics.terms import SavingTerms
from tests.analytics.test_measure import MOMENT, opened


async def chosen(rows: list[tuple[Any, ...]], terms: SavingTerms) -> Limits:
    text = "input_tokens,output_tokens,model,feature\n" + "".join(",".join(map(str, row)) + "\n" for row in rows)
    async with opened(text.encode()) as (query, _):
        lists = await lists_of(sorted({row[2] for row in rows}), MOMENT, {})
        found = await find_candidates(lists, MOMENT, terms)
        await bills.keep_prices(query, {**found.named(), **lists}, terms)
        groups = {each.number: each for each in await bills.keep_groups(query, ["a", "b"], list(lists), terms)}
        await bills.keep_limits(query, choose_lengths(groups))
        await bills.keep_rows(query, ["a", "b"], terms)
        return await choose_limits(query, groups, lists, found, terms, caching=False)


async def test_a_limit_is_a_quantile_of_the_feature_and_few_requests_have_none() -> None:
    rows = [(size, 10 * size, "gpt-4o-mini", "a") for size in range(1, 102)]
    rows += [(size, size, "gpt-4o-mini", "b") for size in range(1, FEWEST_IN_GROUP)]
    limits = await chosen(rows, SavingTerms())
    assert [(limits[case, 1].input_limit, limits[case, 1].output_limit) for case in range(3)] == [
        (96, 1000),
        (91, 960),
        (76, 910),
    ]
    assert limits[1, 2] == RowLimit(substitute=limits[1, 2].substitute)


async def test_a_feature_that_is_declared_to_need_less_goes_to_a_smaller_model_and_the_others_stay_in_their_class() -> None:
    rows = [(1000, 100, "gpt-4o", "a"), (1000, 100, "gpt-4o", "b")]
    limits = await chosen(rows, SavingTerms(feature_classes={"b": "light"}))
    assert limits[0, 1].substitute is limits[0, 2].substitute is None
    assert limits[1, 1].substitute == " openai:gpt-4.1"
    assert limits[1, 2].substitute == " openai:gpt-4.1-nano"


async def test_a_request_that_does_not_fit_into_a_model_keeps_it_from_its_feature() -> None:
    limits = await chosen([(200_000, 100, "gpt-4.1-mini", "a")], SavingTerms())
    assert limits[1, 1].substitute is None  # gpt-4o-mini costs less, and holds 128,000 tokens
    limits = await chosen([(2000, 100, "gpt-4.1-mini", "a")], SavingTerms())
    assert limits[1, 1].substitute == " openai:gpt-4o-mini"
