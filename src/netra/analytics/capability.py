"""Which models can stand in for each other: a declared table, not a measurement.

The classes are the makers' own: how they place a model in their line (OpenAI's mini and nano, Anthropic's Haiku, Sonnet and
Opus, Google's Flash and Pro), and whether it reasons before it answers, because the tokens of that are billed as output and a
log of another kind of model cannot say how many there would be. A model in no class is neither replaced nor offered. That two
models are of one class does not make their answers alike: only an evaluation of one's own requests says that.
"""

from collections.abc import Sequence
from typing import Final, Literal

CapabilityClass = Literal["light", "small", "large", "premium", "small_reasoning", "reasoning", "premium_reasoning"]
Case = Literal["low", "expected", "high"]
"""How much a lever is taken to save."""
CASES: Final[tuple[Case, ...]] = ("low", "expected", "high")

MODELS: Final[dict[CapabilityClass, tuple[str, ...]]] = {
    "light": (
        "google:gemini-2.0-flash-lite",
        "openai:gpt-4.1-nano",
    ),
    "small": (
        "anthropic:claude-haiku-4-5",
        "anthropic:claude-3-5-haiku-latest",
        "anthropic:claude-3-haiku",
        "google:gemini-1.5-flash",
        "google:gemini-2.0-flash",
        "openai:gpt-3.5-turbo",
        "openai:gpt-4.1-mini",
        "openai:gpt-4o-mini",
    ),
    "large": (
        "deepseek:deepseek-chat",
        "anthropic:claude-sonnet-5-5",
        "anthropic:claude-sonnet-5",
        "anthropic:claude-sonnet-4-6",
        "anthropic:claude-sonnet-4-5",
        "anthropic:claude-sonnet-4-0",
        "anthropic:claude-3-7-sonnet-latest",
        "anthropic:claude-3-5-sonnet",
        "anthropic:claude-3-sonnet",
        "google:gemini-1.5-pro",
        "openai:gpt-4",
        "openai:gpt-4-turbo",
        "openai:gpt-4.1",
        "openai:gpt-4o",
    ),
    "premium": (
        "anthropic:claude-opus-5-5",
        "anthropic:claude-opus-5",
        "anthropic:claude-opus-4-8",
        "anthropic:claude-opus-4-7",
        "anthropic:claude-opus-4-6",
        "anthropic:claude-opus-4-5",
        "anthropic:claude-opus-4-1",
        "anthropic:claude-opus-4-0",
        "anthropic:claude-3-opus-latest",
        "openai:gpt-4.5-preview",
    ),
    "small_reasoning": (
        "google:gemini-2.5-flash",
        "openai:gpt-5.4-mini",
        "openai:gpt-5-mini",
        "openai:o4-mini",
        "openai:o3-mini",
        "openai:o1-mini",
    ),
    "reasoning": (
        "deepseek:deepseek-reasoner",
        "google:gemini-2.5-pro",
        "openai:gpt-5.2",
        "openai:gpt-5.1",
        "openai:gpt-5",
        "openai:o3",
        "openai:o1",
    ),
    "premium_reasoning": (
        "openai:gpt-5.2-pro",
        "openai:gpt-5-pro",
        "openai:o3-pro",
        "openai:o1-pro",
    ),
}
"""`provider:model` as the price list writes it, the provider being the maker; of one maker the newer before the older, because
of two that cost the same the first is taken."""

_CLASS_OF: Final[dict[str, CapabilityClass]] = {
    model.partition(":")[2]: name for name, models in MODELS.items() for model in models
}


def class_of(model: str) -> CapabilityClass | None:
    """The class of `provider:model`, whoever provides it; None where none is declared."""
    return _CLASS_OF.get(model.partition(":")[2])


def candidates(used: Sequence[str], provider: str, wanted: CapabilityClass) -> dict[Case, tuple[str, ...]]:
    """Models of a class that could take the place of one by `provider`: the more is saved, the further away they may be.

    In the low case those that are `used` already; in the expected case also what the same provider has; in the high case also
    what all makers have.
    """
    low = [model for model in used if class_of(model) == wanted]
    expected = [*low, *(f"{provider}:{model.partition(':')[2]}" for model in MODELS[wanted])]
    rings = low, expected, [*expected, *MODELS[wanted]]
    return {case: tuple(dict.fromkeys(ring)) for case, ring in zip(CASES, rings, strict=True)}
