"""What a declared parameter may be."""

import pytest
from pydantic import ValidationError

from netra.analytics.terms import SavingTerms, Span


@pytest.mark.parametrize(
    "given",
    [
        {"input_level": Span(low=0.5, expected=0.9, high=0.9)},
        {"cache_seconds": Span(low=10, expected=5, high=20)},
        {"commitment_discount": Span(low=0, expected=0.5, high=1.5)},
        {"output_level": Span(low=1.5, expected=1, high=0.9)},
        {"batch_discounts": {"openai": 50}},
        {"cache_shortest": -1},
    ],
    ids=lambda given: next(iter(given)),
)
def test_terms_that_save_less_in_a_higher_case_or_are_no_shares_are_refused(given: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        SavingTerms.model_validate(given)


def test_a_span_says_its_value_in_each_case() -> None:
    span = Span(low=1, expected=2, high=3)
    assert span.values() == (span.of("low"), span.of("expected"), span.of("high")) == (1, 2, 3)
