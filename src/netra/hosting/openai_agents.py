"""OpenAI Agents SDK agents, hosted as they are: `netra.hosting.openai_agents.host(agent, name="…")` is a Netra agent.

Each run works with copies of the agent, of those it hands over to, and of their tools; in the copies, model requests and
tools are journaled steps. What needs approval is asked. Importing this turns the SDK's tracing off in the whole process: it
would send conversations to a service elsewhere.
"""

from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from copy import copy
from typing import Any, Final

from pydantic import TypeAdapter

from netra.agents.context import Context
from netra.agents.definition import Agent, InvalidAgent
from netra.agents.shape import jsonable
from netra.errors import NetraError
from netra.hosting.conversation import exchanges
from netra.hosting.frameworks import Sentences, in_words, needing
from netra.hosting.hosted import HostedRun, Prompt, Voice, as_object, hosted
from netra.hosting.requests import ModelRequests, Taken
from netra.hosting.sdk_models import called
from netra.hosting.shared_state import refuse, refuse_attributes, refuse_values, refuse_writers
from netra.models.calls import CallStatus, refused_with

with needing("openai-agents"):
    import openai
    from agents import (
        Agent as SdkAgent,
    )
    from agents import (
        ApplyPatchTool,
        ComputerTool,
        FunctionTool,
        Handoff,
        LocalShellTool,
        Model,
        ModelProvider,
        ModelResponse,
        ModelTracing,
        MultiProvider,
        RunConfig,
        Runner,
        ShellTool,
        Tool,
        Usage,
        exceptions,
        set_tracing_disabled,
    )
    from agents.items import TResponseInputItem, TResponseOutputItem, TResponseStreamEvent
    from agents.tool_context import ToolContext

set_tracing_disabled(True)

SENTENCES: Final[Sentences] = {
    openai.APIStatusError: lambda error: f"the model answered with HTTP {error.status_code}.",
    openai.OpenAIError: "the model could not be reached.",
    exceptions.MaxTurnsExceeded: "the agent did not come to its end within its limit of turns.",
    exceptions.InputGuardrailTripwireTriggered: "a guardrail of the agent refused what it was asked.",
    exceptions.OutputGuardrailTripwireTriggered: "a guardrail of the agent refused its answer.",
    exceptions.ModelBehaviorError: "the model's answers were not what the agent can use.",
    exceptions.UserError: "the agent is not set up as the Agents SDK expects.",
}
"""What is said of the SDK's errors. The first that fits counts."""

ON_THE_MACHINE: Final = (ApplyPatchTool, ComputerTool, LocalShellTool, ShellTool)
"""Tools that act on the machine of the server."""

OUTPUT: Final[TypeAdapter[Any]] = TypeAdapter(list[TResponseOutputItem])


def host(
    agent: SdkAgent[Any],
    name: str,
    *,
    description: str | None = None,
    context: Callable[[Context], Any] | None = None,
    model: Callable[[Context], Model] | None = None,
    tools: Sequence[str] = (),
    remembers: bool = True,
    max_turns: int = 10,
) -> Agent:
    """Make a Netra agent of an agent of the OpenAI Agents SDK. It takes a text and gives the agent's own output type.

    `context` and `model` make, for each run, the SDK's context and the model of all agents in it: the user's keys are in
    `ctx.env` and nowhere else. `tools` are tools of this server that the first agent's model is offered. With `remembers`,
    it is handed what was said before in the run's thread. Raises `InvalidAgent` for an agent that would share something
    between users.
    """
    given: Any = agent
    if not isinstance(given, SdkAgent):
        raise InvalidAgent(f"the agent {name} is no agent of the OpenAI Agents SDK but {type(given).__name__}.")
    refuse_values(name, context=context, model=model)
    for member in _team(agent, tools=True):
        _refuse_shared(name, member)
    refuse_writers(name, [("context", context), ("model", model)])
    kinds = {member.output_type for member in _team(agent, tools=False)}
    kind = kinds.pop() if len(kinds) == 1 else Any
    gives = str if kind is None else kind if isinstance(kind, type) else Any

    async def work(ctx: Context, prompt: str) -> Any:
        run = HostedRun(ctx, ModelRequests(ctx, name))
        said = await exchanges(ctx, name) if remembers else []
        start: list[TResponseInputItem] = [message for was in said for message in _messages(was.asked, was.answered)]
        start.append({"role": "user", "content": prompt})
        own = Copies(run).agent(agent)
        own.tools = [*own.tools, *(_offered(run, tool) for tool in tools)]
        config = RunConfig(
            model=None if model is None else JournaledSdkModel(model(ctx), run, "model"),
            model_provider=JournaledProvider(run),
            tracing_disabled=True,
            trace_include_sensitive_data=False,
        )
        made = None if context is None else context(ctx)
        with in_words(SENTENCES):
            result = await Runner.run(own, start, context=made, max_turns=max_turns, run_config=config)
            while result.interruptions:
                state = result.to_state()
                for item in result.interruptions:
                    if await run.approve(item.tool_name or "the tool", as_object(str(item.arguments or ""))):
                        state.approve(item)
                    else:
                        state.reject(item)
                result = await Runner.run(own, state, max_turns=max_turns, run_config=config)
        return result.final_output

    words = description or (agent.handoff_description or None)
    return hosted(name, words, Prompt, gives, work)


class Copies:
    """The copies of agents that one run works with."""

    def __init__(self, run: HostedRun) -> None:
        self._run = run
        self._made: dict[int, SdkAgent[Any]] = {}

    def agent(self, agent: SdkAgent[Any]) -> SdkAgent[Any]:
        """The run's own copy of an agent; agents may hand over to each other in circles."""
        if (made := self._made.get(id(agent))) is not None:
            return made
        model = JournaledSdkModel(agent.model, self._run, agent.name) if isinstance(agent.model, Model) else agent.model
        made = agent.clone(model=model, tools=[self._tool(tool) for tool in agent.tools], handoffs=[])
        self._made[id(agent)] = made
        made.handoffs = [self.agent(to) if isinstance(to, SdkAgent) else self._handoff(to) for to in agent.handoffs]
        return made

    def _handoff(self, handoff: Handoff[Any, Any]) -> Handoff[Any, Any]:
        async def invoke(context: Any, arguments: str) -> SdkAgent[Any]:
            return self.agent(await handoff.on_invoke_handoff(context, arguments))

        made = copy(handoff)
        made.on_invoke_handoff = invoke
        return made

    def _tool(self, tool: Tool) -> Tool:
        """A tool of which each call is a step. One that is executed by the model's provider is part of its answer."""
        if not isinstance(tool, FunctionTool):
            return tool

        async def invoke(context: ToolContext[Any], arguments: str) -> Any:
            async def work() -> Any:
                return _plain(await tool.on_invoke_tool(context, arguments))

            return await self._run.do(tool.name, context.tool_call_id, as_object(arguments), work)

        made = copy(tool)
        made.on_invoke_tool = invoke
        return made


class JournaledProvider(ModelProvider):
    """The SDK's own models by name, each journaled."""

    def __init__(self, run: HostedRun) -> None:
        self._run = run
        self._provider = MultiProvider()

    def get_model(self, model_name: str | None) -> Model:
        return JournaledSdkModel(self._provider.get_model(model_name), self._run, model_name or "default")

    async def aclose(self) -> None:
        await self._provider.aclose()


class JournaledSdkModel(Model):
    """A model whose every answer is a step of the run, and is said while it comes."""

    def __init__(self, wrapped: Model, run: HostedRun, label: str) -> None:
        self._wrapped = wrapped
        self._run = run
        self._label = label

    async def close(self) -> None:
        await self._wrapped.close()

    async def get_response(
        self,
        system_instructions: str | None,
        input: str | list[TResponseInputItem],
        model_settings: Any,
        tools: list[Tool],
        output_schema: Any,
        handoffs: list[Handoff[Any, Any]],
        tracing: ModelTracing,  # noqa: ARG002 - there is none here
        **ids: Any,
    ) -> ModelResponse:
        # With a schema the text is the structured output, as JSON: the result, and nothing to be read.
        aloud = output_schema is None or output_schema.is_plain_text()
        asked = (system_instructions, input, model_settings, tools, output_schema, handoffs, ModelTracing.DISABLED)

        async def ask(voice: Voice) -> Any:
            with in_words(SENTENCES):
                try:
                    response = await _heard(self._wrapped.stream_response(*asked, **ids), voice, aloud)
                except NotImplementedError:  # a model that cannot be listened to
                    response = await self._wrapped.get_response(*asked, **ids)
                    await _read_out(response, voice, aloud)
            return {
                "output": [item.model_dump(mode="json", exclude_unset=True) for item in response.output],
                "usage": {
                    "requests": response.usage.requests,
                    "input_tokens": response.usage.input_tokens,
                    "output_tokens": response.usage.output_tokens,
                    "total_tokens": response.usage.total_tokens,
                    "cached_tokens": response.usage.input_tokens_details.cached_tokens or 0,
                },
                "response_id": response.response_id,
            }

        model = await called(self._wrapped, self._label, self._run.ctx.is_own)
        kept = await self._run.ask_model(model, ask, _taken, _status)
        return ModelResponse(OUTPUT.validate_python(kept["output"]), _usage(kept["usage"]), kept["response_id"])

    def stream_response(self, *asked: Any, **ids: Any) -> AsyncIterator[TResponseStreamEvent]:
        """What nobody asks for in a hosted run, whose answers are heard within `get_response`."""
        return self._wrapped.stream_response(*asked, **ids)


async def _heard(stream: AsyncIterator[TResponseStreamEvent], voice: Voice, aloud: bool) -> ModelResponse:
    """Listen to an answer, and return it when it is whole."""
    ended: Any = None
    async for event in stream:
        match event.type:
            case "response.output_text.delta" if aloud:
                await voice.say(event.delta)
            case "response.reasoning_text.delta" | "response.reasoning_summary_text.delta":
                await voice.think(event.delta)
            case "response.completed" | "response.incomplete":
                ended = event.response
    if ended is None:
        raise exceptions.ModelBehaviorError("the stream ended without an answer")
    taken = ended.usage
    usage = Usage() if taken is None else Usage(1, taken.input_tokens, taken.input_tokens_details, taken.output_tokens)
    usage.total_tokens = usage.input_tokens + usage.output_tokens
    return ModelResponse(ended.output, usage, ended.id)


async def _read_out(response: ModelResponse, voice: Voice, aloud: bool) -> None:
    for item in response.output:
        if item.type == "message" and aloud:
            for part in item.content:
                if part.type == "output_text":
                    await voice.say(part.text)


def _taken(answer: Any) -> Taken | None:
    usage = answer["usage"]
    found = [usage[kind] for kind in ("input_tokens", "output_tokens", "cached_tokens")]
    return Taken(*found) if any(found) else None


def _status(error: BaseException | None) -> CallStatus:
    """How a request ended for which OpenAI's client raises this."""
    match error:
        case openai.APITimeoutError():
            return CallStatus.TIMED_OUT
        case openai.APIStatusError(status_code=code):
            return refused_with(code)
        case openai.APIConnectionError():
            return CallStatus.UNREACHABLE
        case openai.OpenAIError() | exceptions.ModelBehaviorError():
            return CallStatus.INVALID
    return CallStatus.FAILED


def _usage(kept: dict[str, int]) -> Usage:
    """What the SDK counts itself, made of what is in the log."""
    return Usage(
        requests=kept["requests"],
        input_tokens=kept["input_tokens"],
        output_tokens=kept["output_tokens"],
        total_tokens=kept["total_tokens"],
    )


def _plain(output: Any) -> Any:
    """What a tool gave, as JSON. The SDK takes its structured outputs as dicts as well, and the text of anything else."""
    try:
        return jsonable(output, "a tool's output")
    except NetraError:
        return str(output)


def _messages(asked: str, answered: str) -> Iterator[TResponseInputItem]:
    yield {"role": "user", "content": asked}
    yield {"role": "assistant", "content": answered}


def _offered(run: HostedRun, name: str) -> FunctionTool:
    """A tool of this server, for the model of this run."""
    described = run.ctx.tools.describe(name)

    async def invoke(context: ToolContext[Any], arguments: str) -> Any:
        given = as_object(arguments)
        return await run.call_tool(name, context.tool_call_id, given if isinstance(given, dict) else {"arguments": given})

    return FunctionTool(name, described.description, dict(described.schema), invoke, strict_json_schema=False)


# What would be shared -----------------------------------------------------------------------------------------------------


def _team(agent: SdkAgent[Any], *, tools: bool) -> list[SdkAgent[Any]]:
    """The agent, all whom it may hand over to, and with `tools` those it calls; as far as they are named beforehand."""
    found: dict[int, SdkAgent[Any]] = {}
    waiting = [agent]
    while waiting:
        member = waiting.pop()
        if id(member) not in found:
            found[id(member)] = member
            called = [getattr(tool, "_agent_instance", None) for tool in member.tools] if tools else []
            others = [*member.handoffs, *called]
            waiting += [other for other in others if isinstance(other, SdkAgent)]
    return list(found.values())


def _refuse_shared(name: str, agent: SdkAgent[Any]) -> None:
    refuse_attributes(name, agent, vars(SdkAgent(name="any")))
    if agent.mcp_servers:
        instead = "Connect the server to Netra, where each call has a session of its own user, and offer its tools by `tools`."
        refuse(name, "its `mcp_servers`, one connection each,", instead)
    for tool in agent.tools:
        if isinstance(tool, ON_THE_MACHINE):
            refuse(name, f"the machine that its {type(tool).__name__} acts on", "Leave the tool out.")
    refuse_writers(name, _functions(agent))


def _functions(agent: SdkAgent[Any]) -> Iterator[tuple[str, Any]]:
    """The functions that an agent is made of, each with what it is."""
    if callable(agent.instructions):
        yield "the function of its instructions", agent.instructions
    for tool in agent.tools:
        if isinstance(tool, FunctionTool):
            yield f"the tool {tool.name}", getattr(tool, "__wrapped__", tool.on_invoke_tool)
    guardrails: list[Any] = [*agent.input_guardrails, *agent.output_guardrails]
    for guardrail in guardrails:
        yield "a guardrail", guardrail.guardrail_function
    if agent.hooks is not None:
        for hook in ("on_start", "on_end", "on_handoff", "on_tool_start", "on_tool_end", "on_llm_start", "on_llm_end"):
            yield "a hook", getattr(agent.hooks, hook)
    if isinstance(agent.model, Model) and not type(agent.model).__module__.startswith("agents."):
        yield "the model", agent.model.get_response
        yield "the model", agent.model.stream_response
