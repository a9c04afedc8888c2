"""A framework that is missing is named with its extra, and of its errors a sentence of ours is told."""

import importlib

import pytest

from netra.errors import Unavailable
from netra.hosting.frameworks import FrameworkMissing, HostedAgentFailed, Sentences, in_words, needing

WORDS: Sentences = {ZeroDivisionError: "it cannot be divided.", OSError: lambda error: f"number {error.errno}."}


def test_what_is_missing_is_said_with_how_to_install_it() -> None:
    said = r"no_such_framework is not installed.*pip install 'netra\[langgraph\]'"
    with pytest.raises(FrameworkMissing, match=said), needing("langgraph"):
        importlib.import_module("no_such_framework")


def test_an_error_is_told_in_our_words_with_at_most_a_number_of_its_own() -> None:
    with pytest.raises(HostedAgentFailed, match=r"^it cannot be divided\.$"), in_words(WORDS):
        raise ZeroDivisionError("sk-very-secret")
    with pytest.raises(HostedAgentFailed, match=r"^number 5\.$"), in_words(WORDS):
        raise PermissionError(5, "sk-very-secret")


def test_an_error_of_netras_within_one_of_theirs_is_told_as_it_is() -> None:
    with pytest.raises(Unavailable), in_words(WORDS):
        try:
            raise Unavailable
        except Unavailable as error:
            raise OSError(5, "the tool failed") from error


def test_another_error_passes_as_it_is() -> None:
    with pytest.raises(KeyError), in_words(WORDS):
        raise KeyError("x")
