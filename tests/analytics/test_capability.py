"""The table of classes, held against the price list."""

import itertools

from netra.analytics.capability import CASES, MODELS, candidates, class_of
from netra.analytics.prices import find_prices
from tests.analytics.test_measure import MOMENT


def test_every_model_of_the_table_has_a_price_under_just_that_name() -> None:
    for model in (model for models in MODELS.values() for model in models):
        prices = find_prices(model, MOMENT)
        assert prices is not None, model
        assert prices.model == model


def test_no_model_is_in_two_classes() -> None:
    names = [model.partition(":")[2] for models in MODELS.values() for model in models]
    assert len(names) == len(set(names))


def test_a_model_has_its_class_wherever_it_is_served_and_a_stranger_has_none() -> None:
    assert class_of("openai:gpt-4o") == class_of("azure:gpt-4o") == "large"
    assert class_of("openai:our-own-7b") is None


def test_each_case_may_take_what_the_case_before_it_may_and_the_low_one_only_what_is_used() -> None:
    rings = candidates(["openai:gpt-4o", "openai:o3"], "azure", "large")
    assert rings["low"] == ("openai:gpt-4o",)
    assert {"azure:gpt-4.1", "openai:gpt-4o"} <= set(rings["expected"])
    assert "openai:gpt-4.1" not in rings["expected"]
    for less, more in itertools.pairwise(CASES):
        assert set(rings[less]) < set(rings[more])
