"""Whether a framework is installed, and what is said of its errors.

The message of a foreign error may hold anything: a prompt, a key in a URL. So what is shown of one is a sentence of ours,
and of the error itself at most a number.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from netra.errors import NetraError


class FrameworkMissing(NetraError):
    """The framework of a hosted agent is not installed."""

    code = "framework_missing"


class HostedAgentFailed(NetraError):
    """The hosted agent, or the model behind it, failed."""

    code = "hosted_agent_failed"


Sentences = Mapping[Any, str | Callable[[Any], str]]
"""By the class of an error, what is said of it; made of the error where a number of it belongs in."""


@contextmanager
def needing(extra: str) -> Iterator[None]:
    """Import a framework within this, and its absence is said with the name of the extra. Raises `FrameworkMissing`."""
    try:
        yield
    except ModuleNotFoundError as error:
        raise FrameworkMissing(f"{error.name} is not installed. Install it with: pip install 'netra[{extra}]'") from error


@contextmanager
def in_words(sentences: Sentences) -> Iterator[None]:
    """Raise `HostedAgentFailed` with its sentence for each of these errors; the first that fits counts.

    One that a framework has put around an error of Netra's (a step that failed, a log that cannot be written) is taken off.
    """
    try:
        yield
    except tuple(sentences) as error:
        for inner in _causes(error):
            if isinstance(inner, NetraError):
                raise inner from error
        said = next(sentence for kind, sentence in sentences.items() if isinstance(error, kind))
        raise HostedAgentFailed(said if isinstance(said, str) else said(error)) from error


def _causes(error: BaseException) -> Iterator[BaseException]:
    """What led to an error, newest first."""
    cause = error.__cause__
    while cause is not None:
        yield cause
        cause = cause.__cause__
