"""Requests that the models within a graph make, heard of through LangChain's callbacks, and noted as those of the run."""

import asyncio
from typing import Any
from uuid import UUID

from netra.hosting.frameworks import HostedAgentFailed, needing
from netra.hosting.providers import UNKNOWN
from netra.hosting.requests import NOTHING, CalledModel, ModelRequests, Taken
from netra.models.calls import CallStatus, refused_with

with needing("langgraph"):
    from langchain_core.callbacks import BaseCallbackHandler


class Bookkeeper(BaseCallbackHandler):
    """Hears of each request, on whichever thread it is made, and has it noted on the thread of the run.

    LangChain tells of a request just before it is sent and waits for nobody, so it may be on its way when it is noted.
    """

    run_inline = True

    def __init__(self, requests: ModelRequests, *, own_key: bool) -> None:
        self._loop = asyncio.get_running_loop()
        self._requests = requests
        self._own_key = own_key
        self._ends: dict[UUID, asyncio.Future[Taken | None]] = {}

    def on_chat_model_start(self, *_: Any, run_id: UUID, metadata: dict[str, Any] | None = None, **__: Any) -> None:
        self._loop.call_soon_threadsafe(self._begin, run_id, metadata or {})

    def on_llm_start(self, *_: Any, run_id: UUID, metadata: dict[str, Any] | None = None, **__: Any) -> None:
        self._loop.call_soon_threadsafe(self._begin, run_id, metadata or {})

    def on_llm_end(self, response: Any, *, run_id: UUID, **_: Any) -> None:
        self._loop.call_soon_threadsafe(self._end, run_id, _taken(response), None)

    def on_llm_error(self, error: BaseException, *, run_id: UUID, **_: Any) -> None:
        self._loop.call_soon_threadsafe(self._end, run_id, None, error)

    def _begin(self, run_id: UUID, facts: dict[str, Any]) -> None:
        model = CalledModel(
            str(facts.get("ls_provider", UNKNOWN)), str(facts.get("ls_model_name", UNKNOWN)), own_key=self._own_key
        )
        end = self._ends[run_id] = self._loop.create_future()
        self._requests.note(model, end, _status)

    def _end(self, run_id: UUID, taken: Taken | None, error: BaseException | None) -> None:
        end = self._ends.pop(run_id, None)
        if end is None or end.done():
            return
        if error is None:
            end.set_result(taken)
        elif isinstance(error, asyncio.CancelledError):
            end.cancel()
        else:
            failed = HostedAgentFailed()
            failed.__cause__ = error
            end.set_exception(failed)


def _taken(response: Any) -> Taken | None:
    """The tokens of an answer, as far as its provider says."""
    generations = [each for answers in response.generations for each in answers]
    usage = getattr(getattr(generations[0], "message", None), "usage_metadata", None) if generations else None
    if not usage:
        return None
    if usage.get("total_cost") == 0:  # LangChain's word for an answer out of its own cache
        return NOTHING
    return Taken(usage["input_tokens"], usage["output_tokens"], usage.get("input_token_details", {}).get("cache_read") or 0)


def _status(error: BaseException | None) -> CallStatus:
    """How a request ended for which a model raises this; clients of most providers put the HTTP status into `status_code`."""
    match error:
        case TimeoutError():
            return CallStatus.TIMED_OUT
        case ConnectionError():
            return CallStatus.UNREACHABLE
    code = getattr(error, "status_code", None)
    return refused_with(code) if isinstance(code, int) else CallStatus.FAILED
