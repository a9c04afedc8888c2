"""What hosted agents of every framework share: their run, what their models say, the names of their calls."""

from typing import Any

import pytest

from netra.agents.definition import InvalidAgent
from netra.hosting.hosted import WHOLE_THOUGHT, HostedRun, OutsideRun, Prompt, Voice, as_object, current, hosted, working_for
from netra.hosting.requests import ModelRequests


class Listener:
    """A run that only listens."""

    def __init__(self) -> None:
        self.heard: list[tuple[str, str]] = []
        self.run_id = "run"

    async def say(self, text: str, message_id: str) -> None:
        self.heard.append((message_id, text))

    async def think(self, text: str) -> None:
        self.heard.append(("thought", text))


async def test_reasoning_becomes_thoughts_of_whole_sentences_before_the_text_that_follows() -> None:
    listener: Any = Listener()
    voice = Voice(listener, "m")
    sentence = "a" * WHOLE_THOUGHT
    for piece in (sentence, ". And", " more"):
        await voice.think(piece)
    await voice.say("")
    await voice.say("Done.")
    await voice.finish_thought()
    assert listener.heard == [("thought", sentence + "."), ("thought", "And more"), ("m", "Done.")]


def test_the_run_is_found_within_it_and_nowhere_else() -> None:
    with pytest.raises(OutsideRun):
        current()
    first: Any = Listener()
    with working_for(first):
        assert current() is first
    with pytest.raises(OutsideRun):
        current()


def test_calls_of_one_key_are_told_apart() -> None:
    run = HostedRun(Listener(), ModelRequests(Listener(), "a"))  # type: ignore[arg-type]  # names need no run
    assert [run.place("a"), run.place("b"), run.place("a"), run.place("a")] == ["a", "b", "a.2", "a.3"]


def test_arguments_are_shown_as_what_they_are() -> None:
    assert [as_object('{"a": 1}'), as_object(""), as_object("{broken")] == [{"a": 1}, {}, "{broken"]


async def test_a_name_that_cannot_be_one_is_refused() -> None:
    async def work(ctx: Any, given: Any) -> Any:
        return given

    assert hosted("fine", None, Prompt, str, work).input_schema["type"] == "string"
    with pytest.raises(InvalidAgent, match="'Not fine' cannot be the name of an agent"):
        hosted("Not fine", None, Prompt, str, work)
