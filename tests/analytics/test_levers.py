"""What is declared of the levers."""

from typing import get_args

from netra.analytics.bills import ROW_LEVERS
from netra.analytics.combination import COMMITMENT
from netra.analytics.levers import LEVERS, LeverKind
from netra.analytics.terms import SavingTerms, Span


def test_every_kind_has_a_lever_and_the_levers_are_those_that_are_billed_in_that_order() -> None:
    assert {facts.kind for facts in LEVERS} == set(get_args(LeverKind))
    assert tuple(facts.id for facts in LEVERS) == (*ROW_LEVERS, COMMITMENT)


def test_the_assumptions_name_the_parameters_that_were_declared() -> None:
    terms = SavingTerms(
        input_level=Span(low=0.93, expected=0.83, high=0.73),
        tolerant_features=("nightly",),
        feature_classes={"tags": "small"},
        commitment_discount=Span(low=0.11, expected=0.22, high=0.33),
    )
    said = {facts.id: " ".join(facts.assumptions(terms)) for facts in LEVERS}
    assert "p83 (low p93, high p73)" in said["prompt_length"]
    assert "nightly" in said["batching"]
    assert "nightly" in said["off_peak"]
    assert "tags needs small" in said["model_substitution"]
    assert "22 % off (low 11, high 33)" in said["commitment"]
    assert "Nobody has said" in " ".join(LEVERS[ROW_LEVERS.index("batching")].assumptions(SavingTerms()))
