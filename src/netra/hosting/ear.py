"""What is heard of models within the nodes of a graph, and how it comes to be said in the run."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Final
from uuid import UUID

from netra.hosting.frameworks import needing
from netra.hosting.hosted import HostedRun, Voice

with needing("langgraph"):
    from langchain_core.callbacks import BaseCallbackHandler
    from langchain_core.messages import AIMessage, BaseMessage
    from langgraph.types import Command

SILENT: Final = "nostream"
"""The tag of a model whose words are not for the user: LangGraph's own."""


class Ear(BaseCallbackHandler):
    """Hears what models say within a node, on whichever thread the node runs, and has it said within the node's step."""

    run_inline = True

    def __init__(self, seen: frozenset[str]) -> None:
        self._loop = asyncio.get_running_loop()
        self._silent: set[UUID] = set()
        self._streamed: set[UUID] = set()
        self._said: set[str] = set()
        self._seen = seen
        """Messages that the node was given; it may give them back."""
        self.words: asyncio.Queue[tuple[str, str] | None] = asyncio.Queue()
        """What is to be said and thought. It holds one answer of a model at most, which its provider bounds."""

    def on_chat_model_start(self, *_: Any, run_id: UUID, **kwargs: Any) -> None:
        if SILENT in (kwargs.get("tags") or ()):
            self._silent.add(run_id)

    def on_llm_new_token(self, token: Any, *, chunk: Any = None, run_id: UUID, **_: Any) -> None:
        if run_id not in self._silent:
            self._streamed.add(run_id)
            self._hear(getattr(chunk, "message", None) or token)

    def on_llm_end(self, response: Any, *, run_id: UUID, **_: Any) -> None:
        for generation in response.generations[0][:1]:
            message = getattr(generation, "message", None)
            if message is None:
                continue
            self._said.add(message.text)
            if run_id not in self._silent and run_id not in self._streamed:
                self._hear(message)

    def read(self, result: Any) -> None:
        """Hear the messages that a node gives and no model has said: answers that are ready-made."""
        for message in _given(result):
            if message.id not in self._seen and message.text not in self._said:
                self._hear(message)

    def _hear(self, spoken: Any) -> None:
        if isinstance(spoken, BaseMessage):
            for block in spoken.content_blocks:
                if block["type"] == "reasoning" and block.get("reasoning"):
                    self._put(("think", block["reasoning"]))
            text: str = spoken.text
        else:
            text = spoken if isinstance(spoken, str) else ""
        if text:
            self._put(("say", text))

    def _put(self, word: tuple[str, str] | None) -> None:
        self._loop.call_soon_threadsafe(self.words.put_nowait, word)

    def end(self) -> None:
        """Nothing more comes. What was heard before is said before."""
        self._put(None)


@asynccontextmanager
async def listening(run: HostedRun, message: str, given: Any) -> AsyncIterator[Ear]:
    """Have what is heard said while a node works; at its end, all of it is said."""
    ear = Ear(frozenset(message.id for message in _given(given) if message.id))
    speaking = asyncio.create_task(_speak(ear, run.voice(message)), name="ear")
    try:
        yield ear
    except BaseException:
        speaking.cancel()
        raise
    ear.end()
    await speaking


async def _speak(ear: Ear, voice: Voice) -> None:
    while (word := await ear.words.get()) is not None:
        kind, text = word
        await (voice.say(text) if kind == "say" else voice.think(text))
    await voice.finish_thought()


def _given(value: Any) -> list[AIMessage]:
    """The messages of an assistant in a state, or in what a node gives."""
    if isinstance(value, Command):
        value = value.update
    found = value.get("messages", ()) if isinstance(value, dict) else getattr(value, "messages", ())
    listed = found if isinstance(found, list | tuple) else [found]
    return [message for message in listed if isinstance(message, AIMessage)]
