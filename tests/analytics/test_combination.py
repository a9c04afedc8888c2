"""That levers are counted once."""

from netra.analytics.capability import Case
from netra.analytics.combination import Combination, Tried


def test_all_together_save_no_more_than_was_spent_whatever_the_last_bits_say() -> None:
    added: dict[str, dict[Case, float]] = {
        "prompt_length": {"high": 0.1},
        "batching": {"high": 0.2},
        "commitment": {"low": 0.05},
    }
    found = Combination(0.3, {"batching": {"high": Tried(0.25)}}, added)
    assert 0.1 + 0.2 > 0.3
    assert found.together("high") <= 0.3
    assert found.together("low") == 0.05
    assert found.together("expected") == 0
