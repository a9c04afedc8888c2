"""How a question is read without a language model: by words that are declared here, and by nothing else.

It knows no grammar. "We do not want to save" is read like "we want to save"; which is why the answer says which words were
found, and a user may name topics and dataset instead of asking.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Final

from netra.agents.context import Understanding
from netra.agents.team.results import TOPICS, Topic

MEANINGS: Final[Mapping[Topic, str]] = {
    "usage": "how much is used, and when",
    "spend": "what it costs",
    "concentration": "who and what causes it",
    "latency": "how long requests take",
    "changes": "what has changed and what is unusual",
    "savings": "how to spend less",
}

# Regular expressions for the beginnings of words, or of several words that follow each other.
BEGINNINGS: Final[Mapping[Topic, tuple[str, ...]]] = {
    "usage": ("usage", r"when\b", "volume", "traffic", "how many requests", "token", "busy", "busiest", "peak", "workload"),
    "spend": (
        "spend",
        "spent",
        "cost",
        r"bill(s|ed|ing)?\b",
        "money",
        "price",
        r"pay(s|ing)?\b",
        "paid",
        "expens",
        "budget",
        "dollar",
        "invoice",
    ),
    "concentration": (
        r"who\b",
        "concentrat",
        "which user",
        "which feature",
        "which model",
        "which team",
        "by user",
        "by model",
    ),
    "latency": ("latenc", "slow", "speed", "response time", "how long", "fast", "wait"),
    "changes": (
        "change",
        "anomal",
        "trend",
        "spike",
        "sudden",
        "unusual",
        "grow",
        "grew",
        "rise",
        "rose",
        "increas",
        "outlier",
    ),
    "savings": ("sav(e|ing)", "reduc", r"cut(s|ting)?\b", "lower", "cheap", "optimi", "wast", r"less\b", "decreas"),
}

WORDS: Final[Mapping[Topic, re.Pattern[str]]] = {
    topic: re.compile(rf"(?<!\w)(?:{'|'.join(beginnings)})\w*", re.IGNORECASE) for topic, beginnings in BEGINNINGS.items()
}

SHORTEST_NAME: Final = 3
"""Characters of a dataset's name from which on its occurrence in a question is no accident."""


def read_question(question: str, datasets: Sequence[str]) -> Understanding:
    """What the words of a question ask for, and which of these datasets it names."""
    found = {topic: word[0] for topic in TOPICS if (word := WORDS[topic].search(question)) is not None}
    named = [name for name in datasets if len(name) >= SHORTEST_NAME and name.casefold() in question.casefold()]
    if not question.strip():
        because = "There was no question, so all that the data has is looked at."
    elif found:
        parts = ", ".join(f"{MEANINGS[topic]} (“{word}”)" for topic, word in found.items())
        because = f"The question was read by its words alone, as one about {parts}."
    else:
        because = "No word of the question is one that is known here, so all that the data has is looked at."
    return Understanding(topics=tuple(found), dataset=max(named, key=len, default=None), because=because)
