"""The levers: what each is, what it takes for granted, and how much work and danger its kind is.

Effort and risk are declared of the kind, so that a plan can be ordered; they are no measurements. `high` effort means that
software is written or a contract made, `medium` that prompts or jobs are changed, `low` that a parameter is. `high` risk means
that answers may be worse, `medium` that some may be, or that money is bound, `low` that only when they come changes.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Literal

from netra.analytics.terms import SavingTerms, Span

LeverKind = Literal["model_substitution", "caching", "batching", "prompt_length", "output_cap", "off_peak", "commitment"]
Degree = Literal["low", "medium", "high"]


@dataclass(frozen=True, slots=True)
class LeverFacts:
    """What is known of a lever before any data is looked at."""

    id: str
    kind: LeverKind
    title: str
    effort: Degree
    risk: Degree
    change: str
    """What happens to a row, in words that follow "rows with a list price that"."""
    nothing: str
    """What it means that it saves nothing."""
    assumptions: Callable[[SavingTerms], tuple[str, ...]]


def _percentiles(span: Span) -> str:
    return f"p{span.expected * 100:g} (low p{span.low * 100:g}, high p{span.high * 100:g})"


def _spoken(span: Span, unit: str, factor: float = 1) -> str:
    return f"{span.expected * factor:g} {unit} (low {span.low * factor:g}, high {span.high * factor:g})"


def _answering(terms: SavingTerms) -> tuple[str, ...]:
    times = terms.answer_seconds
    return (
        (
            "A request may get the answer that one before it got, with the same prompt to the same model, if that went well: "
            "its parameters were the same, and nobody wants another answer to the same question."
        ),
        (
            f"Low and expected: only an answer that the same user got, by the user of the log, or else by the session, for "
            f"{_hours(times.low)} and {_hours(times.expected)} after it was last given. High: an answer that anybody got, for "
            f"{_hours(times.high)}; it must hold nothing that is meant for one user alone."
        ),
        (
            "Keeping answers costs nothing, and who asks while the first is still being answered waits for it. Rows whose "
            "recorded cost is nothing are left as they are: a cache may have answered them."
        ),
        (
            "What is answered so is not sent, so a request that follows it in its session finds nothing of it in the "
            "provider's cache for conversations."
        ),
    )


def _hours(seconds: float) -> str:
    return f"{seconds / 3600:g} h"


def _substitution(terms: SavingTerms) -> tuple[str, ...]:
    declared = (
        f" Declared for features: {', '.join(f'{name} needs {wanted}' for name, wanted in terms.feature_classes.items())}."
        if terms.feature_classes
        else ""
    )
    return (
        (
            "The other model is good enough: it is of the class that Netra's table declares, which is its maker's own placing "
            f"and not an evaluation of your requests.{declared}"
        ),
        "It counts tokens the same and answers at the same length.",
        (
            "Low: only models that the log has already. Expected: also those of the same provider. High: also those of other "
            "makers. Each feature and model goes to the one that its own requests cost least with, context window permitting."
        ),
    )


def _shortening(terms: SavingTerms) -> tuple[str, ...]:
    return (
        (
            "The longest prompts of a feature and model can be brought down to what is usual there (fewer examples, shorter "
            f"history, fewer documents): to their {_percentiles(terms.input_level)}."
        ),
        "Answers are as long as before. What a cache gave shrinks in proportion.",
    )


def _capping(terms: SavingTerms) -> tuple[str, ...]:
    return (
        (
            "The longest answers of a feature and model can be cut, or asked for shorter, at their "
            f"{_percentiles(terms.output_level)}, without anybody asking again."
        ),
    )


def _caching(terms: SavingTerms) -> tuple[str, ...]:
    return (
        (
            "The requests of a session send its conversation again: a request with at least the input of the one before, to "
            "the same model, begins with the prompt of that one. In the low case it has to have its answer, too."
        ),
        (
            f"The provider keeps a prompt of {terms.cache_shortest:,} tokens or more for "
            f"{_spoken(terms.cache_seconds, 's')} after its last use, and bills what it gives from the cache, and what it "
            "takes into it, at the list's prices for that."
        ),
        "It is used for a feature and model only where it costs less than it saves.",
    )


def _moving(terms: SavingTerms) -> tuple[str, ...]:
    whose = f"of {', '.join(terms.tolerant_features)}" if terms.tolerant_features else "of any feature"
    return (f"Requests {whose} can be put off for {_spoken(terms.patience_hours, 'hours')} when the model is cheaper then.",)


def _batching(terms: SavingTerms) -> tuple[str, ...]:
    hours = ", ".join(map(str, terms.quiet_hours))
    if terms.tolerant_features:
        named = ", ".join(terms.tolerant_features)
        who = (
            f"Requests of {named} can wait up to a day. Low: only those of the hours {hours} UTC. High: also the requests of "
            "other features in these hours."
        )
    else:
        who = (
            f"Nobody has said which features can wait, so requests of the hours {hours} UTC are taken to come from jobs that "
            "can wait up to a day. Low: none can. High: all can."
        )
    rates = ", ".join(f"{provider} {discount:.0%}" for provider, discount in terms.batch_discounts.items())
    return (
        who,
        f"The provider's list discount for batches holds ({rates}), on input that no cache gives, and on output.",
    )


def _committing(terms: SavingTerms) -> tuple[str, ...]:
    discount = _spoken(terms.commitment_discount, "% off", 100)
    return (
        (
            f"Throughput that is paid for every hour costs {discount} the list price of the requests that it can take. This "
            "is a declared parameter, not an offer: ask the provider for one."
        ),
        "The load of the log goes on as it was, and any amount of throughput can be bought, for each model by itself.",
    )


LEVERS: Final = (
    LeverFacts(
        "answer_cache",
        "caching",
        "Answers that are kept for the same prompt",
        "medium",
        "medium",
        "repeat a prompt whose answer is kept",
        "No prompt was sent to the same model again while its answer is kept.",
        _answering,
    ),
    LeverFacts(
        "model_substitution",
        "model_substitution",
        "A cheaper model of the same class",
        "medium",
        "high",
        "go to a cheaper model of the class",
        "No model of the same declared class is cheaper for any of these requests, or their models are in no class.",
        _substitution,
    ),
    LeverFacts(
        "prompt_length",
        "prompt_length",
        "Shorter prompts where they are longest",
        "medium",
        "medium",
        "have more input tokens than the limit of their feature and model",
        "No feature and model has enough requests of different input.",
        _shortening,
    ),
    LeverFacts(
        "output_cap",
        "output_cap",
        "A limit to the longest answers",
        "low",
        "medium",
        "have more output tokens than the limit of their feature and model",
        "No feature and model has enough requests of different output.",
        _capping,
    ),
    LeverFacts(
        "prompt_caching",
        "caching",
        "The provider's cache for conversations",
        "low",
        "low",
        "belong to a conversation that a cache pays for",
        "No conversation repeats enough of itself soon enough for a cache that costs less to pay.",
        _caching,
    ),
    LeverFacts(
        "off_peak",
        "off_peak",
        "Cheaper hours of the day",
        "medium",
        "low",
        "can be put off to a cheaper hour",
        "None of the models that these requests go to has cheaper hours in the price list, or none of them can be put off.",
        _moving,
    ),
    LeverFacts(
        "batching",
        "batching",
        "Batches for what can wait",
        "medium",
        "low",
        "can wait for a batch",
        "None of the providers is known for a discount on batches.",
        _batching,
    ),
    LeverFacts(
        "commitment",
        "commitment",
        "Throughput that is committed to",
        "high",
        "medium",
        "are the steady load of their model",
        "No model has a load that is steady enough to be paid for every hour.",
        _committing,
    ),
)
"""In the order in which the combination applies them."""
