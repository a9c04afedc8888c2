"""The law of the journal: wherever a run dies, the run that is resumed writes the log of one that never died."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from netra.events.codec import Event, draft, place
from netra.events.model import AgentThinking, InputReceived, MessageDelta, ToolCompleted, ToolExecuting
from netra.ids import RunId, ThreadId, UserId, new_uuid
from netra.runs.context import RunContext
from netra.runs.failure import StepFailed
from netra.runs.journal import Journal, entry
from netra.streams.streams import Transaction
from netra.streams.writer import LogUnavailable
from tests.runs.memory import MemoryRun, Parked
from tests.streams.logs import NOON

# A program is what an agent does, as data, so that Hypothesis can make it up and every attempt does the same.
Program = list[tuple[Any, ...]]

TEXTS = st.text(alphabet="abc ", min_size=1, max_size=6)
SIMPLE = st.one_of(
    st.tuples(st.just("think"), TEXTS),
    st.tuples(st.just("say"), TEXTS, st.sampled_from([None, "aside"])),
    st.tuples(st.just("step"), st.sampled_from("ab"), st.integers(-9, 9)),
    st.tuples(st.just("failing step"), st.sampled_from("ab")),
    st.tuples(st.just("effect"), st.sampled_from("ab"), st.integers(-9, 9)),
    st.tuples(st.just("ask")),
    st.tuples(st.just("report"), TEXTS),
    st.tuples(st.just("side by side"), st.integers(1, 3)),
)
PROGRAMS = st.lists(
    st.one_of(
        SIMPLE,
        st.tuples(st.sampled_from(["agent", "step around"]), st.sampled_from("ab"), st.lists(SIMPLE, max_size=4)),
    ),
    max_size=8,
)


class World:
    """What the program does to the world outside its log."""

    def __init__(self) -> None:
        self.steps: Counter[str] = Counter()
        self.effects: Counter[str] = Counter()


def perform(program: Program, world: World, prefix: str = "") -> Callable[[RunContext], Awaitable[list[Any]]]:
    async def work(context: RunContext) -> list[Any]:
        seen: list[Any] = []
        for nth, (kind, *rest) in enumerate(program):
            place = f"{prefix}{nth}"

            async def step(value: Any, place: str = place) -> Any:
                world.steps[f"{place}={value}"] += 1
                return value

            async def fail(place: str = place) -> None:
                world.steps[place] += 1
                raise ValueError("secret")

            async def effect(_: Transaction, __: str, place: str = place, rest: list[Any] = rest) -> Any:
                world.effects[place] += 1
                return rest[1]

            match kind:
                case "think":
                    await context.think(*rest)
                case "say":
                    await context.say(*rest)
                case "step":
                    seen.append(await context.step(rest[0], step, rest[1]))
                case "failing step":
                    with pytest.raises(StepFailed) as caught:
                        await context.step(rest[0], fail)
                    # The id of the error differs from program to program, and never from attempt to attempt.
                    seen.append(caught.value.failure.code)
                case "effect":
                    seen.append(await context.effect(rest[0], effect))
                case "ask":
                    seen.append(await context.ask("?"))
                case "report":
                    await context.report(rest[0], {})
                case "side by side":
                    keys = range(rest[0])
                    seen.append(await asyncio.gather(*(context.step("s", step, key, key=f"{nth}.{key}") for key in keys)))
                case "step around":
                    seen.append(await context.step(rest[0], perform(rest[1], world, place + "/"), context))
                case "agent":
                    seen.append(await context.call_agent(rest[0], {}, perform(rest[1], world, place + "/")))
        return seen

    return work


async def finish(program: Program, world: World, deaths: list[int]) -> tuple[MemoryRun, list[Any]]:
    """Execute the program over as many attempts as it takes; the n-th dies after so many appends. Questions are answered."""
    run = MemoryRun()
    remaining = list(deaths)
    while True:
        try:
            return run, await run.execute(perform(program, world), remaining.pop(0) if remaining else None)
        except LogUnavailable:
            continue
        except Parked as parked:
            request_id = str(parked)
            run.answers[request_id] = request_id
            run.drafts.append(draft(InputReceived(request_id=request_id), NOON, agent="agent"))


def told(run: MemoryRun) -> list[Any]:
    """The log, without what differs from run to run: the ids of reports, errors and of the run itself."""
    found: list[Any] = []
    for agent, data in run.events():
        match data:
            case ToolCompleted(ok=False):
                found.append((agent, "failed", data.call_id))
            case MessageDelta():
                found.append((agent, "said", data.message_id.endswith("aside"), data.text))
            case _ if data.TYPE == "report_ready":
                found.append((agent, "report"))
            case _:
                found.append((agent, data))
    return found


def side_by_side(program: Program) -> bool:
    return any(
        kind == "side by side" or any(isinstance(part, list) and side_by_side(part) for part in rest) for kind, *rest in program
    )


@given(PROGRAMS, st.lists(st.integers(0, 12), max_size=4))
@settings(deadline=None, max_examples=600)
def test_a_run_that_died_and_was_resumed_writes_the_log_of_one_that_never_died(program: Program, deaths: list[int]) -> None:
    undisturbed, wanted = asyncio.run(finish(program, World(), []))
    world = World()
    run, result = asyncio.run(finish(program, world, deaths))
    assert result == wanted
    if side_by_side(program):
        # What runs side by side ends in any order. That each event is there once is what is left to say.
        assert sorted(map(repr, told(run))) == sorted(map(repr, told(undisturbed)))
    else:
        assert told(run) == told(undisturbed)
    assert set(world.effects.values()) <= {1}
    assert all(count <= run.attempt for count in world.steps.values())
    assert Journal.of(run.events()).open == {}


@given(PROGRAMS, st.lists(st.integers(0, 12), min_size=1, max_size=1))
@settings(deadline=None, max_examples=100)
def test_whatever_is_open_when_a_run_dies_can_be_closed_and_nothing_else_is(program: Program, deaths: list[int]) -> None:
    async def die() -> MemoryRun:
        run = MemoryRun()
        with suppress(LogUnavailable, Parked):
            await run.execute(perform(program, World()), deaths[0])
        return run

    run = asyncio.run(die())
    closing = list(Journal.of(run.events()).closing("user"))
    begun = [data.call_id for _, data in run.events() if isinstance(data, ToolExecuting)]
    ended = [data.call_id for _, data in [*run.events(), *closing] if isinstance(data, ToolCompleted)]
    assert sorted(begun) == sorted(ended)


def test_a_thought_is_passed_over_as_often_as_it_was_thought_within_the_same_call() -> None:
    journal = Journal.of([("agent", AgentThinking(text="one")), ("child", AgentThinking(text="two", within="agent:child#1"))])
    assert [journal.thought_before(None) for _ in range(2)] == [True, False]
    assert [journal.thought_before("agent:child#1") for _ in range(2)] == [True, False]


@given(st.text(max_size=20), st.lists(st.text(max_size=6), max_size=6))
def test_what_was_said_is_not_said_again_however_it_is_cut(said: str, pieces: list[str]) -> None:
    journal = Journal.of([("agent", MessageDelta(message_id="m", text=said))])
    whole = "".join(pieces)
    assert "".join(journal.unsaid(None, "m", piece) for piece in pieces) == whole[len(said) :]


def test_an_event_of_the_log_says_who_speaks() -> None:
    item = draft(AgentThinking(text="x", parent="boss"), NOON, run_id=RunId(new_uuid()), agent="agent")
    (event,) = place(UserId(new_uuid()), ThreadId(new_uuid()), 0, [item])
    assert isinstance(event, Event)
    assert entry(event) == ("agent", AgentThinking(text="x", parent="boss"))


def test_a_model_may_have_been_asked_by_an_attempt_whose_log_does_not_say_so() -> None:
    assert not Journal().asked_a_model
    assert Journal.of([]).asked_a_model
