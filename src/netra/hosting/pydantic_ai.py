"""Pydantic AI agents, hosted as they are: `netra.hosting.pydantic_ai.host(agent, name="…")` is a Netra agent.

The agent object is not changed. Each run gives it a capability of its own, through which its model requests and its tools
become journaled steps, what its model says reaches the user, and what needs approval is asked.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from types import GenericAlias, UnionType
from typing import Any, Final, Literal

from pydantic import BaseModel, TypeAdapter, ValidationError

from netra.agents.context import Context
from netra.agents.definition import Agent, InvalidAgent
from netra.hosting.conversation import exchanges
from netra.hosting.frameworks import Sentences, in_words, needing
from netra.hosting.hosted import HostedRun, Prompt, Voice, hosted
from netra.hosting.providers import OPENAI, provider_at
from netra.hosting.requests import CalledModel, ModelRequests, Taken
from netra.hosting.shared_state import refuse, refuse_attributes, refuse_values, refuse_writers
from netra.models.calls import CallStatus

with needing("llm"):
    from pydantic_ai import Agent as PydanticAgent
    from pydantic_ai import RunContext as PydanticRun
    from pydantic_ai import exceptions
    from pydantic_ai.agent import AbstractAgent
    from pydantic_ai.capabilities import AbstractCapability
    from pydantic_ai.messages import (
        ModelMessage,
        ModelMessagesTypeAdapter,
        ModelRequest,
        ModelResponse,
        PartDeltaEvent,
        PartStartEvent,
        TextPart,
        TextPartDelta,
        ThinkingPart,
        ThinkingPartDelta,
        ToolReturn,
        ToolReturnContent,
        UserPromptPart,
    )
    from pydantic_ai.models import CompletedStreamedResponse, Model, ModelRequestParameters, StreamedResponse
    from pydantic_ai.models.function import FunctionModel
    from pydantic_ai.models.wrapper import WrapperModel
    from pydantic_ai.settings import ModelSettings
    from pydantic_ai.tools import DeferredToolRequests, DeferredToolResults, Tool
    from pydantic_ai.toolsets import AbstractToolset, FunctionToolset, ToolsetTool, WrapperToolset

    from netra.models.asking import status_of

SENTENCES: Final[Sentences] = {
    exceptions.ModelHTTPError: lambda error: f"the model answered with HTTP {error.status_code}.",
    exceptions.ModelAPIError: "the model could not be reached.",
    exceptions.UsageLimitExceeded: "the run reached the limit of tokens or requests that the agent sets.",
    exceptions.UnexpectedModelBehavior: "the model's answers were not what the agent can use.",
    exceptions.UserError: "the agent is not set up as Pydantic AI expects.",
}
"""What is said of Pydantic AI's errors. The first that fits counts."""

CONTENT: Final[TypeAdapter[Any]] = TypeAdapter(ToolReturnContent)
RETURN: Final[TypeAdapter[Any]] = TypeAdapter(ToolReturn[Any])


def host(
    agent: AbstractAgent[Any, Any],
    name: str,
    *,
    description: str | None = None,
    deps: Callable[[Context], Any] | None = None,
    model: Callable[[Context], Model | str] | None = None,
    tools: Sequence[str] = (),
    remembers: bool = True,
) -> Agent:
    """Make a Netra agent of a Pydantic AI agent. It takes a text and gives the agent's own output type.

    `deps` and `model` make, for each run, what the agent works with: the user's keys are in `ctx.env` and nowhere else.
    `tools` are tools of this server that its model is offered. With `remembers`, it is handed what was said before in the
    run's thread. Raises `InvalidAgent` for an agent that would share something between users.
    """
    given: Any = agent
    if not isinstance(given, AbstractAgent):
        raise InvalidAgent(f"the agent {name} is no Pydantic AI agent but {type(agent).__name__}.")
    refuse_values(name, deps=deps, model=model)
    refuse_attributes(name, agent, vars(PydanticAgent()))
    refuse_writers(name, [*_functions(agent), ("deps", deps), ("model", model)])
    _refuse_connections(name, agent)

    async def work(ctx: Context, prompt: str) -> Any:
        run = HostedRun(ctx, ModelRequests(ctx, name))
        said = await exchanges(ctx, name) if remembers else []
        history = [message for was in said for message in _messages(was.asked, was.answered)]
        with in_words(SENTENCES):
            result = await agent.run(
                prompt,
                deps=None if deps is None else deps(ctx),
                model=None if model is None else model(ctx),
                message_history=history,
                run_id=str(ctx.run_id),
                conversation_id=str(ctx.thread_id),
                infer_name=False,
                toolsets=[_offered(run, tools)] if tools else None,
                capabilities=[RunJournal(run, frozenset(tools))],
            )
        return result.output

    return hosted(name, description or agent.description, Prompt, _output_type(agent), work)


class RunJournal(AbstractCapability[Any]):
    """What one run of an agent does, as the steps of a Netra run."""

    def __init__(self, run: HostedRun, own: frozenset[str]) -> None:
        self._run = run
        self._own = own

    def get_wrapper_model(self, model: Model) -> Model:
        return HostedModel(model, self._run)

    def get_wrapper_toolset(self, toolset: AbstractToolset[Any]) -> AbstractToolset[Any]:
        return JournaledTools(toolset, self._run, self._own)

    async def handle_deferred_tool_calls(
        self,
        ctx: PydanticRun[Any],  # noqa: ARG002 - the framework's signature
        *,
        requests: DeferredToolRequests,
    ) -> DeferredToolResults:
        """Ask the user: whether a tool may be called, or what a tool that is executed elsewhere has given."""
        results = DeferredToolResults()
        for call in requests.approvals:
            results.approvals[call.tool_call_id] = await self._run.approve(call.tool_name, call.args_as_dict())
        for call in requests.calls:
            question = f"What does {call.tool_name} give for {call.args_as_json_str()}?"
            results.calls[call.tool_call_id] = await self._run.ctx.ask(question)
        return results


@dataclass
class JournaledTools(WrapperToolset[Any]):
    """Tools of which each call is a step of the run: what it returned, or how it ended instead, is in the log.

    Beneath what counts tries and asks for approvals, so that these do on a restart what they did before.
    """

    run: HostedRun
    own: frozenset[str]
    """Tools of this server, which are journaled by the gate that they pass."""

    async def call_tool(self, name: str, tool_args: dict[str, Any], ctx: PydanticRun[Any], tool: ToolsetTool[Any]) -> Any:
        if name in self.own:
            return await self.wrapped.call_tool(name, tool_args, ctx, tool)
        call = partial(self.wrapped.call_tool, name, tool_args, ctx, tool)
        outcome = await self.run.do(name, _key(ctx.run_step, ctx.tool_call_id), tool_args, lambda: _tried(call))
        return ToolOutcome.model_validate(outcome).give()


class HostedModel(WrapperModel):
    """A model whose every answer is a step of the run, and is said while it comes."""

    def __init__(self, wrapped: Model, run: HostedRun) -> None:
        super().__init__(wrapped)
        self._run = run

    async def request(
        self,
        messages: list[ModelMessage],
        model_settings: ModelSettings | None,
        model_request_parameters: ModelRequestParameters,
    ) -> ModelResponse:
        # In these modes the text is the structured output, as JSON: the result, and nothing to be read.
        aloud = model_request_parameters.output_mode not in ("native", "prompted")

        async def ask(voice: Voice) -> Any:
            with in_words(SENTENCES):
                if not _streams(self.wrapped):
                    response = await self.wrapped.request(messages, model_settings, model_request_parameters)
                    for part in response.parts:
                        await _speak(voice, part, aloud)
                else:
                    async with self.wrapped.request_stream(messages, model_settings, model_request_parameters) as stream:
                        async for event in stream:
                            await _speak(voice, _piece(event), aloud)
                    response = stream.get()
            return ModelMessagesTypeAdapter.dump_python([response], mode="json")

        model = await _called(self.wrapped, self._run.ctx.is_own)
        plain = await self._run.ask_model(model, ask, _taken, _status)
        (response,) = ModelMessagesTypeAdapter.validate_python(plain)
        assert isinstance(response, ModelResponse)
        return response

    @asynccontextmanager
    async def request_stream(
        self,
        messages: list[ModelMessage],
        model_settings: ModelSettings | None,
        model_request_parameters: ModelRequestParameters,
        run_context: PydanticRun[Any] | None = None,  # noqa: ARG002 - the framework's signature
    ) -> AsyncIterator[StreamedResponse]:
        """For an agent that listens to its own events: they come when the answer is in the log."""
        response = await self.request(messages, model_settings, model_request_parameters)
        yield CompletedStreamedResponse(response, model_request_parameters=model_request_parameters, replay_events=True)


class ToolOutcome(BaseModel):
    """How a tool's call ended, in a form that the log can keep."""

    kind: Literal["content", "return", "retry", "failed", "approval", "deferred"]
    value: Any = None
    message: str = ""
    question: bool = False

    def give(self) -> Any:
        """Return or raise what the tool did."""
        match self.kind:
            case "content":
                return CONTENT.validate_python(self.value)
            case "return":
                return RETURN.validate_python(self.value)
            case "retry":
                raise exceptions.ModelRetry(self.message)
            case "failed":
                raise exceptions.ToolFailed(self.message)
            case "approval":
                raise exceptions.ApprovalRequired(metadata=self.value)
            case "deferred":
                raise exceptions.CallDeferred(metadata=self.value, kind="question" if self.question else "external")


async def _tried(call: Callable[[], Awaitable[Any]]) -> Any:
    try:
        value = await call()
    except exceptions.ModelRetry as error:
        outcome = ToolOutcome(kind="retry", message=error.message)
    except ValidationError as error:
        outcome = ToolOutcome(kind="retry", message=str(error))
    except exceptions.ToolFailed as error:
        outcome = ToolOutcome(kind="failed", message=error.message)
    except exceptions.ApprovalRequired as error:
        outcome = ToolOutcome(kind="approval", value=error.metadata)
    except exceptions.CallDeferred as error:
        outcome = ToolOutcome(kind="deferred", value=error.metadata, question=error.kind == "question")
    else:
        whole = isinstance(value, ToolReturn)
        plain = (RETURN if whole else CONTENT).dump_python(value, mode="json")
        outcome = ToolOutcome(kind="return" if whole else "content", value=plain)
    return outcome.model_dump(exclude_defaults=True)


def _key(step: int, call_id: str | None) -> str:
    """Which call: some models number the calls of each answer alike."""
    return f"{step}.{call_id}"


async def _called(model: Model, is_own: Callable[[Any], bool]) -> CalledModel:
    """The model as it is asked. What is called `openai` is so by its client, whatever address that has."""
    provider = _innermost(model).provider
    client = None if provider is None else provider.client
    keeper = getattr(client, "_api_client", client)  # Google's client keeps its key one deeper
    system = await provider_at(provider.base_url) if provider is not None and model.system == OPENAI else model.system
    return CalledModel(system, model.model_name, is_own(getattr(keeper, "api_key", None)))


def _innermost(model: Model) -> Model:
    while isinstance(model, WrapperModel):
        model = model.wrapped
    return model


def _streams(model: Model) -> bool:
    """Whether a model can be listened to while it answers."""
    model = _innermost(model)
    if isinstance(model, FunctionModel):
        return model.stream_function is not None
    return type(model).request_stream is not Model.request_stream


def _piece(event: Any) -> Any:
    match event:
        case PartStartEvent(part=part):
            return part
        case PartDeltaEvent(delta=delta):
            return delta
    return None


async def _speak(voice: Voice, piece: Any, aloud: bool) -> None:
    match piece:
        case TextPart(content=text) | TextPartDelta(content_delta=text) if aloud:
            await voice.say(text)
        case ThinkingPart(content=text) | ThinkingPartDelta(content_delta=str(text)):
            await voice.think(text)


def _taken(answer: Any) -> Taken | None:
    usage = answer[0]["usage"]
    kinds = ("input_tokens", "output_tokens", "cache_read_tokens")
    found = [usage.get(kind, 0) for kind in kinds]
    return Taken(*found) if any(found) else None


def _status(error: BaseException | None) -> CallStatus:
    if isinstance(error, Exception) and not isinstance(error, exceptions.UserError | exceptions.UsageLimitExceeded):
        return status_of(error)
    return CallStatus.FAILED


def _messages(asked: str, answered: str) -> Iterator[ModelMessage]:
    yield ModelRequest(parts=[UserPromptPart(content=asked)])
    yield ModelResponse(parts=[TextPart(content=answered)])


def _offered(run: HostedRun, names: Sequence[str]) -> FunctionToolset[Any]:
    """Tools of this server, for the model of this run."""

    def offer(name: str) -> Tool[Any]:
        async def call(ctx: PydanticRun[Any], **arguments: Any) -> Any:
            return await run.call_tool(name, _key(ctx.run_step, ctx.tool_call_id), arguments)

        described = run.ctx.tools.describe(name)
        return Tool.from_schema(call, name, described.description, dict(described.schema), takes_ctx=True)

    return FunctionToolset([offer(name) for name in names])


def _output_type(agent: AbstractAgent[Any, Any]) -> Any:
    """The type of the agent's results, where it is a type; what is a way to get one (a function, a marker) may be anything."""
    given = agent.output_type
    return given if isinstance(given, type | GenericAlias | UnionType) else Any


# What would be shared -----------------------------------------------------------------------------------------------------


def _functions(agent: AbstractAgent[Any, Any]) -> Iterator[tuple[str, Any]]:
    """The functions that an agent is made of, each with what it is."""
    for toolset in _leaves(agent):
        if isinstance(toolset, FunctionToolset):
            for name, tool in toolset.tools.items():
                yield f"the tool {name}", tool.function
    for attribute, role in (
        ("_instructions", "a function of instructions"),
        ("_system_prompt_functions", "a function of the system prompt"),
        ("_output_validators", "an output validator"),
    ):
        for item in getattr(agent, attribute, ()):
            yield role, getattr(item, "instruction", getattr(item, "function", None))
    yield "the event stream handler", agent.event_stream_handler
    if isinstance(agent.model, FunctionModel):
        yield "the model's function", agent.model.function
        yield "the model's function", agent.model.stream_function
    elif isinstance(agent.model, Model) and not type(agent.model).__module__.startswith("pydantic_ai."):
        yield "the model", agent.model.request
        yield "the model", agent.model.request_stream


def _leaves(agent: AbstractAgent[Any, Any]) -> list[AbstractToolset[Any]]:
    leaves: list[AbstractToolset[Any]] = []
    for toolset in agent.toolsets:
        toolset.apply(leaves.append)
    return leaves


def _refuse_connections(name: str, agent: AbstractAgent[Any, Any]) -> None:
    """Refuse toolsets that hold one connection for everybody."""
    for toolset in _leaves(agent):
        if "MCP" in type(toolset).__name__:
            instead = (
                "Connect the server to Netra, where each call has a session of its own user, and offer its tools by `tools`."
            )
            refuse(name, f"its toolset {type(toolset).__name__}, one connection to an MCP server,", instead)
