from datetime import UTC, datetime
from decimal import Decimal

import pytest

from netra.models.cost import cost_of

NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("model", "tokens", "cost"),
    [
        ("openai:gpt-4o", (1_000_000, 0, 0), "2.5"),
        ("openai:gpt-4o", (0, 1_000_000, 0), "10"),
        ("openai:gpt-4o", (1_000_000, 0, 1_000_000), "1.25"),  # read from the cache, and counted in the input as well
        ("openai:gpt-4o", (1000, 100, 400), "0.003"),
    ],
)
def test_an_answer_costs_what_the_price_list_says(model: str, tokens: tuple[int, int, int], cost: str) -> None:
    assert cost_of(model, NOON, *tokens) == Decimal(cost)


@pytest.mark.parametrize("model", ["openai:no-such-model-ever", "nobody:gpt-4o", "local:llama-of-ours"])
def test_what_the_list_does_not_have_costs_nobody_knows_what(model: str) -> None:
    assert cost_of(model, NOON, 1000, 100, 0) is None
