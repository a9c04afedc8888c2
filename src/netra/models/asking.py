"""One question to a language model: a step of the run that is journaled, bounded in time, repeated where that may help, and
counted whatever comes of it.

A step's result is the whole answer, so a run that is resumed takes it from its log and pays nobody a second time. That
an answer failed is a result as well: the next attempt finds the same, and the run goes the same way.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Final

import httpx2
from openai import OpenAIError
from pydantic_ai.exceptions import (
    AgentRunError,
    ContentFilterError,
    ModelConnectionError,
    ModelHTTPError,
    ModelRateLimitError,
    ModelTimeoutError,
    UserError,
)
from pydantic_ai.messages import (
    ModelMessage,
    ModelMessagesTypeAdapter,
    ModelResponse,
    PartDeltaEvent,
    PartStartEvent,
    TextPart,
    TextPartDelta,
    ToolCallPart,
)
from pydantic_ai.models import Model, ModelRequestParameters
from pydantic_ai.models.wrapper import WrapperModel
from pydantic_ai.settings import ModelSettings

from netra.datasets.offload import in_thread
from netra.db.scope import UserScope
from netra.errors import NetraError
from netra.events.codec import encode
from netra.ids import new_uuid
from netra.models import calls
from netra.models.calls import BegunCall, CallStatus, EndedCall
from netra.models.cost import cost_of
from netra.models.language_model import LanguageModel, ModelKey
from netra.runs.context import RunContext
from netra.streams.streams import Transaction

Show = Callable[[str], Awaitable[bool]]
"""Is given an answer piece by piece, as it comes; says whether the user was told something of it."""

Shower = Callable[[str], Show]
"""Makes a `Show` for the message of this id."""

LONGEST_ANSWER: Final = 4096
"""Tokens that a model is asked for at most."""

LARGEST_ANSWER: Final = 64 * 1024
"""Bytes of an answer as JSON: an event of the log has to hold it, masked as well."""

STEP: Final = "model:"
"""What the name of a step begins with that asks a language model; its purpose follows."""

FIRST_WAIT: Final = 0.5
"""Seconds before a request is repeated whose provider did not say how long to wait; twice as long each time."""

PASSING: Final = frozenset(
    {CallStatus.RATE_LIMITED, CallStatus.UNREACHABLE, CallStatus.UNAVAILABLE, CallStatus.CUT_OFF, CallStatus.INVALID}
)
"""What may be otherwise when it is tried again."""

NO_ANSWER: Final = (AgentRunError, UserError, OpenAIError, httpx2.HTTPError, ValueError)
"""What clients of models raise for an answer that there is not, or that they cannot read."""


class ModelSilent(NetraError):
    """The language model gave no answer that can be used."""

    code, status = "model_silent", 502

    def __init__(self, why: CallStatus) -> None:
        super().__init__(f"The language model gave no answer that can be used: {why}.")
        self.why = why


@dataclass(frozen=True, slots=True)
class ModelAnswer:
    """What the model answered, and the message in which the user was told of it while it came."""

    response: ModelResponse
    message_id: str


@dataclass(slots=True)
class _Asked:
    """What came of a question, over all requests that it took."""

    status: CallStatus = CallStatus.UNREACHABLE
    response: ModelResponse | None = None
    wait: float | None = None
    """Seconds that the provider wants to be left alone for."""
    ended: list[EndedCall] = field(default_factory=list)


class Asking:
    """One run's way to its language model."""

    def __init__(self, run: RunContext, scope: UserScope, model: LanguageModel, key: ModelKey) -> None:
        self._run = run
        self._scope = scope
        self._model = model
        self._key = key
        self._clock = model.clock
        self._gone = False

    async def ask(
        self,
        connected: Model,
        purpose: str,
        messages: Sequence[ModelMessage],
        settings: ModelSettings | None = None,
        parameters: ModelRequestParameters | None = None,
        shower: Shower | None = None,
    ) -> ModelAnswer:
        """Ask, and return the answer; with `shower`, its text is shown as it comes, the first time and not on a replay.

        An answer that dies with its process is asked for again, and told from its beginning as a new message: it will not be
        the same, and halves of two answers would be no text.

        Raises `ModelSilent`, now and on every replay.
        """
        message_id = f"{purpose}-{new_uuid()}"
        show = None if shower is None else shower(message_id)
        question = _Question(connected, list(messages), settings, parameters or ModelRequestParameters(), show)

        async def send(_: str) -> _Asked:
            return await self._send(purpose, question)

        async def keep(transaction: Transaction, asked: _Asked) -> Any:
            await calls.end(transaction, asked.ended)
            return {"status": asked.status, "message_id": message_id, "answer": _plain(asked.response)}

        result = await self._run.record_step(STEP + purpose, send, keep, arguments={"model": self._model.name})
        if (status := CallStatus(result["status"])) is not CallStatus.OK:
            self._gone = self._gone or status in (CallStatus.TIMED_OUT, CallStatus.UNREACHABLE, CallStatus.REJECTED)
            raise ModelSilent(status)
        (answer,) = ModelMessagesTypeAdapter.validate_python([result["answer"]])
        assert isinstance(answer, ModelResponse)
        return ModelAnswer(answer, result["message_id"])

    async def _send(self, purpose: str, question: "_Question") -> _Asked:
        """Send the question until there is an answer, or no sense in going on."""
        asked = _Asked()
        if self._gone:
            # It was waited for once in this run. A user waits for a model that is away no second time.
            return asked
        until = self._clock.monotonic() + self._model.time_limit
        for repetition in range(self._model.repetitions + 1):
            await self._send_once(purpose, question, asked, until)
            wait = FIRST_WAIT * 2**repetition if asked.wait is None else asked.wait
            last = repetition == self._model.repetitions or self._clock.monotonic() + wait >= until
            if asked.status not in PASSING or question.shown or last:
                break
            await self._clock.sleep(wait)
        return asked

    async def _send_once(self, purpose: str, question: "_Question", asked: _Asked, until: float) -> None:
        """Send one request and note what came of it."""
        facts = self._run.facts
        call = BegunCall(facts.user_id, new_uuid(), facts.run_id, self._run.agent, purpose, self._model.name, self._key.own)
        self._run.asks_a_model()
        await calls.begin(self._scope, call)
        begun = self._clock.monotonic()
        asked.response, asked.wait = None, None
        try:
            async with asyncio.timeout(max(until - begun, 0.0)):
                asked.response = await question.send()
            asked.status = self._judge(asked.response, streamed=question.show is not None)
        except TimeoutError:
            asked.status = CallStatus.TIMED_OUT
        except NO_ANSWER as error:
            asked.status, asked.wait = status_of(error), getattr(error, "retry_after", None)
        except BaseException as error:
            ended = EndedCall(call.user_id, call.id, calls.broken_off(error), self._since(begun))
            self._model.tally.note(self._model.name, ended)
            await calls.end_anyway(self._scope, ended)
            raise
        ended = await self._ended(call, asked, self._since(begun))
        asked.ended.append(ended)
        self._model.tally.note(self._model.name, ended)

    def _since(self, begun: float) -> float:
        """Milliseconds."""
        return round((self._clock.monotonic() - begun) * 1000, 3)

    def _judge(self, response: ModelResponse, *, streamed: bool) -> CallStatus:
        """How a request ended that brought an answer."""
        if response.finish_reason == "content_filter":
            return CallStatus.DECLINED
        # Where the server gave no reason, the library gives one of its own; what the server itself said is in the details.
        said = "finish_reason" in (response.provider_details or {})
        unfinished = streamed and self._model.says_its_end and not said
        if unfinished or response.finish_reason in ("length", "error"):
            return CallStatus.CUT_OFF
        if not any(isinstance(part, TextPart | ToolCallPart) for part in response.parts):
            return CallStatus.INVALID
        return CallStatus.OK if len(encode(_plain(response))) <= LARGEST_ANSWER else CallStatus.INVALID

    async def _ended(self, call: BegunCall, asked: _Asked, took: float) -> EndedCall:
        if asked.response is not None and asked.response.usage.has_values():
            usage = asked.response.usage
            tokens = usage.input_tokens, usage.output_tokens, usage.cache_read_tokens
            cost = await in_thread(cost_of, call.model, self._clock.now(), *tokens)
            return EndedCall(call.user_id, call.id, asked.status, took, *tokens, cost)
        if asked.status in calls.UNPAID:
            return EndedCall(call.user_id, call.id, asked.status, took, 0, 0, 0, Decimal(0))
        return EndedCall(call.user_id, call.id, asked.status, took)


@dataclass(slots=True)
class _Question:
    """What is asked, and how much of an answer has been shown."""

    connected: Model
    messages: list[ModelMessage]
    settings: ModelSettings | None
    parameters: ModelRequestParameters
    show: Show | None
    shown: bool = False

    async def send(self) -> ModelResponse:
        settings: ModelSettings = {"max_tokens": LONGEST_ANSWER, **(self.settings or {})}
        if self.show is None:
            return await self.connected.request(self.messages, settings, self.parameters)
        async with self.connected.request_stream(self.messages, settings, self.parameters) as stream:
            async for event in stream:
                match event:
                    case PartStartEvent(part=TextPart(content=text)) | PartDeltaEvent(delta=TextPartDelta(content_delta=text)):
                        if text:
                            self.shown = await self.show(storable(text)) or self.shown
            return stream.get()


class JournaledModel(WrapperModel):
    """A model whose every request is a step of the run, for Pydantic AI's agents to ask."""

    def __init__(self, connected: Model, asking: Asking, purpose: str) -> None:
        super().__init__(connected)
        self._asking = asking
        self._purpose = purpose

    async def request(
        self,
        messages: list[ModelMessage],
        model_settings: ModelSettings | None,
        model_request_parameters: ModelRequestParameters,
    ) -> ModelResponse:
        answer = await self._asking.ask(self.wrapped, self._purpose, messages, model_settings, model_request_parameters)
        return answer.response


def status_of(error: Exception) -> CallStatus:
    """How a request ended for which a client of models raises this."""
    match error:
        case ModelTimeoutError():
            return CallStatus.TIMED_OUT
        case ModelConnectionError(phase="read"):
            return CallStatus.CUT_OFF
        case ModelConnectionError() | httpx2.TransportError():
            return CallStatus.UNREACHABLE
        case ContentFilterError():
            return CallStatus.DECLINED
        case ModelRateLimitError():
            return CallStatus.RATE_LIMITED
        case ModelHTTPError(status_code=code):
            return calls.refused_with(code)
        case _:
            return CallStatus.INVALID


def storable(text: str) -> str:
    """A model's text without what no log can keep: U+0000 and halves of surrogate pairs."""
    return text.replace("\0", "\ufffd").encode("utf-8", "replace").decode()


def _plain(response: ModelResponse | None) -> Any:
    """What of an answer is needed to go on with it. Where the model's server is, is nobody's business."""
    if response is None:
        return None
    parts: list[TextPart | ToolCallPart] = []
    for part in response.parts:
        match part:
            case TextPart():
                parts.append(TextPart(storable(part.content)))
            case ToolCallPart():
                # As text, whatever is in it: a name or a value that cannot be stored is then still one that can be refused.
                arguments = storable(part.args_as_json_str())
                parts.append(ToolCallPart(storable(part.tool_name), arguments, storable(part.tool_call_id)))
    lean = ModelResponse(
        parts=parts,
        usage=response.usage,
        model_name=response.model_name,
        timestamp=response.timestamp,
        finish_reason=response.finish_reason,
    )
    (plain,) = ModelMessagesTypeAdapter.dump_python([lean], mode="json")
    return plain
