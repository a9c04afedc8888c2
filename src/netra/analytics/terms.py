"""What the savings rest on besides the data: levels, times and discounts, each declared with where it comes from.

Nothing here is measured. Whoever knows better for their own product says so (which feature may wait, what a provider offers),
and every value that was used stands in the assumptions of its lever.
"""

from typing import Final

from pydantic import Field, model_validator

from netra.analytics.capability import CapabilityClass, Case
from netra.analytics.figures import ReportPart

BATCH_DISCOUNTS: Final = {"anthropic": 0.5, "google": 0.5, "openai": 0.5}
"""What providers take off the price of tokens that come in a batch, answered within a day. By their own pages: OpenAI's on the
Batch API, Anthropic's on message batches, Google's on the batch mode of the Gemini API. Others are not known to give any."""


class Span(ReportPart):
    """One parameter in the three cases."""

    low: float
    expected: float
    high: float

    def of(self, case: Case) -> float:
        """The parameter in one case."""
        return {"low": self.low, "expected": self.expected, "high": self.high}[case]

    def values(self) -> tuple[float, float, float]:
        """The parameter in all cases, in the order of `CASES`."""
        return self.low, self.expected, self.high


class SavingTerms(ReportPart):
    """The declared parameters of the levers; the defaults are cautious where nobody has said anything."""

    input_level: Span = Span(low=0.95, expected=0.9, high=0.75)
    """The quantile of the input tokens of a feature and model to which its longest prompts are brought down."""
    output_level: Span = Span(low=0.99, expected=0.95, high=0.9)
    """The same of the output tokens."""
    cache_seconds: Span = Span(low=300, expected=300, high=3600)
    """How long a provider keeps a prompt after its last use: five minutes by default, an hour where that can be had."""
    cache_shortest: int = Field(default=1024, ge=0)
    """Input tokens below which providers keep nothing: 1,024 at OpenAI and for most models of Anthropic."""
    answer_seconds: Span = Span(low=3600, expected=86_400, high=604_800)
    """How long an answer is good for the same prompt after it was last given: an hour, a day, a week. How soon the answers of a
    product become stale only its makers know."""
    tolerant_features: tuple[str, ...] = ()
    """Features whose requests may wait for hours. Without any, only the hour says something of who waits for an answer."""
    quiet_hours: tuple[int, ...] = (22, 23, 0, 1, 2, 3, 4, 5)
    """Hours of the day, UTC, in which requests are taken to come from jobs rather than from people."""
    patience_hours: Span = Span(low=1, expected=4, high=24)
    """How long a request may be put off for a cheaper hour."""
    batch_discounts: dict[str, float] = BATCH_DISCOUNTS
    """Share of the price of tokens, by provider."""
    feature_classes: dict[str, CapabilityClass] = Field(default_factory=dict)
    """The capability that a feature needs; without it, that of the model that it uses."""
    commitment_discount: Span = Span(low=0.1, expected=0.2, high=0.3)
    """Share off the list price for throughput that is paid for every hour, used or not. No price list has it; it is negotiated,
    so the default says only what an offer of that size would give."""
    commitment_days: float = Field(default=7, gt=0)
    """Days of log below which a steady load cannot be told from a busy day."""

    @model_validator(mode="after")
    def _cases_are_ordered(self) -> "SavingTerms":
        falling = ("input_level", "output_level")
        for name in (*falling, "cache_seconds", "answer_seconds", "patience_hours", "commitment_discount"):
            low, expected, high = getattr(self, name).values()
            if not (low >= expected >= high if name in falling else low <= expected <= high):
                raise ValueError(f"{name} has to save least in the case `low` and most in the case `high`")
        shares = (*self.input_level.values(), *self.output_level.values(), *self.commitment_discount.values())
        if not all(0 <= share <= 1 for share in (*shares, *self.batch_discounts.values())):
            raise ValueError("levels and discounts are between 0 and 1")
        return self
