"""What a run makes of its model's answers: values, prose without invented numbers, tools within the user's plan."""

from pathlib import Path
from typing import Any

from pydantic import BaseModel

from netra.agents.context import Context
from netra.agents.definition import Agent, agent
from netra.db.database import Database
from netra.events.model import AgentCompleted, InputRequired, MessageDelta, ToolCompleted
from netra.ids import UserId
from netra.models.language_model import LanguageModel
from tests.agents.surroundings import open_agents
from tests.models.talk import FACTS, Scripted, recorded

Told = tuple[dict[str, Any], dict[str, str], list[Any]]


class Wish(BaseModel):
    goal: str
    months: int | None = None


async def talk(database: Database, folder: Path, user_id: UserId, model: LanguageModel | None, work: Agent) -> Told:
    """Run an agent; return its result, the messages that it told by their id, and its events."""
    async with open_agents(database, folder, [work], model=model) as world, world.worker():
        accepted = await world.start(user_id, work.name)
        info = await world.finished(user_id, accepted)
        assert info.state == "completed", info.error
        events = await world.events(user_id, accepted)
    messages: dict[str, str] = {}
    for event in events:
        if isinstance(event, MessageDelta):
            messages[event.message_id] = messages.get(event.message_id, "") + event.text
    return info.result, messages, events


@agent("teller")
async def teller(ctx: Context) -> dict[str, Any]:
    prose = await ctx.model.write("tell", FACTS, "1,200 requests cost $34.50.", "Say what they cost.")
    return {"text": prose.text, "by_model": prose.by_model, "notes": [note.code for note in prose.notes]}


async def test_prose_whose_numbers_are_facts_is_told_as_the_model_wrote_it(
    database: Database, alice: UserId, tmp_path: Path
) -> None:
    text = "There were 1,200 requests. They cost $34.50 in all."
    result, messages, _ = await talk(database, tmp_path, alice, Scripted(text).language_model(), teller)
    assert result == {"text": text, "by_model": True, "notes": []}
    assert list(messages.values()) == [text]


async def test_a_sentence_with_an_invented_number_is_written_once_more(
    database: Database, alice: UserId, tmp_path: Path
) -> None:
    model = Scripted(
        "There were 1,200 requests. You could save 40% of it. They cost $34.50.",
        {"response": ["You could save something."]},
    )
    result, messages, _ = await talk(database, tmp_path, alice, model.language_model(), teller)
    told = "There were 1,200 requests. You could save something. They cost $34.50."
    assert result == {"text": told, "by_model": True, "notes": ["figures_rewritten"]}
    assert list(messages.values()) == [told]


async def test_a_number_that_is_invented_twice_takes_its_sentence_with_it_and_nobody_ever_sees_it(
    database: Database, alice: UserId, tmp_path: Path
) -> None:
    model = Scripted("You could save 40% of it. They cost $34.50.", {"response": ["You could save half of it."]})
    result, messages, events = await talk(database, tmp_path, alice, model.language_model(), teller)
    assert result == {"text": "They cost $34.50.", "by_model": True, "notes": ["figures_removed"]}
    assert list(messages.values()) == ["They cost $34.50."]
    assert "40%" not in str([event for event in events if isinstance(event, MessageDelta)])


async def test_prose_of_nothing_but_inventions_gives_way_to_what_is_known(
    database: Database, alice: UserId, tmp_path: Path
) -> None:
    model = Scripted("You could save 40% of it.", {"response": []})
    result, messages, _ = await talk(database, tmp_path, alice, model.language_model(), teller)
    assert result == {"text": "1,200 requests cost $34.50.", "by_model": False, "notes": ["figures_removed"]}
    assert list(messages.values()) == ["1,200 requests cost $34.50."]


async def test_a_text_becomes_a_value_and_one_of_another_shape_is_asked_for_again(
    database: Database, alice: UserId, tmp_path: Path
) -> None:
    @agent("reader")
    async def reader(ctx: Context) -> dict[str, Any]:
        reading = await ctx.model.read("understand", "spend less by the summer", Wish, "What do they want?")
        return {"value": reading.value, "notes": [note.code for note in reading.notes]}

    model = Scripted({"goal": 3, "months": "soon"}, {"goal": "spend less"})
    result, _, _ = await talk(database, tmp_path / "a", alice, model.language_model(), reader)
    assert result == {"value": {"goal": "spend less", "months": None}, "notes": []}
    model = Scripted({"goal": 3}, {"goal": 4})
    result, _, _ = await talk(database, tmp_path / "b", alice, model.language_model(), reader)
    assert result == {"value": None, "notes": ["model_invalid"]}


async def test_tools_are_called_as_the_user_and_within_their_plan(database: Database, alice: UserId, tmp_path: Path) -> None:
    @agent("worker")
    async def worker(ctx: Context) -> dict[str, Any]:
        tools = ["create_thread", "optimize_prompt"]
        prose = await ctx.model.work("look", "What is there?", tools, "nothing", "Look around.")
        return {"text": prose.text, "by_model": prose.by_model}

    model = Scripted(
        {"tool": "create_thread", "arguments": {"title": "Spend"}},
        {"tool": "optimize_prompt", "arguments": {"prompt": "Be so kind."}},
        "I made a conversation; the analysis is not in your plan.",
    )
    result, messages, events = await talk(database, tmp_path, alice, model.language_model(), worker)
    assert result == {"text": model.script[-1], "by_model": True}
    assert list(messages.values()) == [model.script[-1]]
    calls = {event.tool: event for event in events if isinstance(event, ToolCompleted)}
    assert calls["create_thread"].ok
    assert calls["optimize_prompt"].error["code"] == "permission_denied"
    assert "permission_denied" in str(model.asked[2][-1])


async def test_a_run_that_goes_on_later_asks_and_counts_nothing_twice(
    database: Database, alice: UserId, tmp_path: Path
) -> None:
    @agent("patient")
    async def patient(ctx: Context) -> list[str]:
        first = await ctx.model.write("tell", FACTS, "-", "Say what they cost.")
        await ctx.ask("Go on?", {"type": "boolean"})
        return [first.text]

    model = Scripted("They cost $34.50. You save 9%.", {"response": ["You save something."]})
    async with open_agents(database, tmp_path, [patient], model=model.language_model()) as world, world.worker():
        accepted = await world.start(alice, "patient")
        async with world.following(alice, accepted.thread_id) as follower:
            await follower.until_type("input_required")
        (asked,) = [event for event in await world.events(alice, accepted) if isinstance(event, InputRequired)]
        before = await recorded(database, alice)
        await world.runs.answer(alice, accepted.run_id, asked.request_id, True)
        info = await world.finished(alice, accepted)
        events = await world.events(alice, accepted)
    assert info.result == ["They cost $34.50. You save something."]
    assert len(model.asked) == 2
    assert before == await recorded(database, alice)
    assert [(row[0], row[1]) for row in before] == [("tell", "ok"), ("tell corrected", "ok")]
    assert "".join(event.text for event in events if isinstance(event, MessageDelta)) == info.result[0]
    (ended,) = [event for event in events if isinstance(event, AgentCompleted)]
    assert ended.usage.input_tokens == sum(row[2] for row in before) > 0
    assert ended.usage.cost_usd == sum(row[5] for row in before) > 0
