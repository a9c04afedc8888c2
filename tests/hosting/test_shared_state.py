"""What a function writes beyond its own call is found, and what it only reads or makes is not."""

import functools
from contextvars import ContextVar
from typing import Any

import pytest

from netra.agents.definition import InvalidAgent
from netra.hosting.shared_state import refuse_attributes, refuse_values, refuse_writers, written_beyond_the_call

HISTORY: list[str] = []
BY_USER: dict[str, list[str]] = {}
PRICES = {"tea": 2}
CURRENT: ContextVar[str] = ContextVar("current")


class Memory:
    def __init__(self) -> None:
        self.notes: list[str] = []
        self.last = ""

    def keep(self, text: str) -> None:
        self.notes.append(text)

    def name(self, text: str) -> None:
        self.last = text

    def read(self) -> int:
        return len(self.notes)


MEMORY = Memory()


def appends(text: str) -> None:
    HISTORY.append(text)


def by_key(user: str, text: str) -> None:
    BY_USER.setdefault(user, []).append(text)


def by_subscript(user: str) -> None:
    BY_USER[user] = []


def deep(user: str, text: str) -> None:
    BY_USER[user].append(text)


def through_another(text: str) -> None:
    appends(text)


def through_an_object(text: str) -> None:
    MEMORY.keep(text)


def of_an_object(text: str) -> None:
    MEMORY.last = text


def into_a_global(text: str) -> None:
    global HISTORY  # noqa: PLW0603 - what is looked for
    HISTORY = [text]


def reads(what: str) -> int:
    found = [PRICES[what], len(HISTORY), MEMORY.read()]
    found.append(1)
    found[0] = 2
    CURRENT.set(what)
    return sum(found)


def counting() -> Any:
    count = 0
    kept: list[int] = []

    def count_up() -> int:
        nonlocal count
        count += 1
        return count

    def keep_number(number: int) -> None:
        kept.append(number)

    return count_up, keep_number


def local_closure() -> int:
    total = 0

    def add(number: int) -> None:
        nonlocal total
        total += number

    add(1)
    return total


@pytest.mark.parametrize(
    ("function", "written"),
    [
        (appends, ["HISTORY"]),
        (by_key, ["BY_USER"]),
        (by_subscript, ["BY_USER"]),
        (deep, ["BY_USER[user]"]),
        (through_another, ["HISTORY"]),
        (through_an_object, ["MEMORY.notes"]),
        (of_an_object, ["MEMORY.last"]),
        (into_a_global, ["HISTORY"]),
        (MEMORY.keep, ["self.notes"]),
        (MEMORY.name, ["self.last"]),
        (functools.partial(by_subscript, "x"), ["BY_USER"]),
        (counting()[0], ["count"]),
        (counting()[1], ["kept"]),
        (reads, []),
        (MEMORY.read, []),
        (local_closure, []),
        (len, []),
        (None, []),
    ],
    ids=lambda value: getattr(value, "__name__", type(value).__name__),
)
def test_what_outlives_the_call_is_found(function: Any, written: list[str]) -> None:
    assert written_beyond_the_call(function) == written


def test_a_refusal_names_the_function_and_what_it_writes_and_what_to_do_instead() -> None:
    with pytest.raises(
        InvalidAgent, match=r"the agent shop cannot be hosted: `HISTORY`, which the tool x writes, .* Hold it in"
    ):
        refuse_writers("shop", [("the tool y", reads), ("the tool x", appends)])


def test_a_value_is_refused_where_a_function_of_the_run_is_due() -> None:
    refuse_values("shop", deps=None, model=reads)
    with pytest.raises(InvalidAgent, match=r"its `deps` \(dict\) would be shared .* Give a function: deps=lambda ctx: …"):
        refuse_values("shop", model=None, deps={})


def test_attributes_that_somebody_added_are_refused_if_they_can_change() -> None:
    item = Memory()
    refuse_attributes("shop", item, ["notes", "last"])
    refuse_attributes("shop", item, ["notes"])  # a text cannot
    with pytest.raises(InvalidAgent, match=r"its attribute `notes` \(list\) would be shared"):
        refuse_attributes("shop", item, ["last"])
