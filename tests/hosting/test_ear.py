"""What models say within a node is heard once, in order, from whichever thread, unless it is not for the user."""

import asyncio
from types import SimpleNamespace
from typing import Any
from uuid import uuid4

from langchain_core.messages import AIMessage, AIMessageChunk

from netra.hosting.ear import Ear, listening


class Mouth:
    """A run whose voice writes down what it says."""

    def __init__(self) -> None:
        self.said: list[str] = []

    def voice(self, message: str) -> Any:
        return self

    async def say(self, text: str) -> None:
        self.said.append(text)

    async def think(self, text: str) -> None:
        self.said.append(f"({text})")

    async def finish_thought(self) -> None:
        """There is nothing to finish."""


def ending(message: AIMessage) -> Any:
    return SimpleNamespace(generations=[[SimpleNamespace(message=message)]])


def stream(ear: Ear) -> None:
    run_id, whole = uuid4(), AIMessage("One two")
    for text in ("One", " two"):
        ear.on_llm_new_token(text, chunk=SimpleNamespace(message=AIMessageChunk(content=text)), run_id=run_id)
    ear.on_llm_end(ending(whole), run_id=run_id)
    ear.read({"messages": [whole]})


async def test_a_stream_is_said_piece_by_piece_from_another_thread_and_its_message_not_again() -> None:
    mouth: Any = Mouth()
    async with listening(mouth, "m", {}) as ear:
        await asyncio.to_thread(stream, ear)
    assert mouth.said == ["One", " two"]


async def test_a_model_that_does_not_stream_is_said_whole_with_its_reasoning_as_a_thought() -> None:
    mouth: Any = Mouth()
    async with listening(mouth, "m", {}) as ear:
        blocks: Any = [{"type": "reasoning", "reasoning": "hm"}, {"type": "text", "text": "Yes."}]
        ear.on_llm_end(ending(AIMessage(content_blocks=blocks)), run_id=uuid4())
    assert mouth.said == ["(hm)", "Yes."]


async def test_what_is_tagged_as_not_for_the_user_and_what_the_node_was_given_is_not_said() -> None:
    mouth: Any = Mouth()
    old = AIMessage("old", id="old")
    async with listening(mouth, "m", {"messages": [old]}) as ear:
        run_id = uuid4()
        ear.on_chat_model_start({}, [], run_id=run_id, tags=["nostream"])
        ear.on_llm_new_token("secret", run_id=run_id)
        ear.on_llm_end(ending(AIMessage("secret")), run_id=run_id)
        ear.read({"messages": [old, AIMessage("secret"), AIMessage("new")]})
    assert mouth.said == ["new"]
