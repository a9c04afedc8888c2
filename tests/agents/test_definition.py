"""From a function to an agent, and what cannot become one."""

import dataclasses
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import pytest
from pydantic import BaseModel, ConfigDict, Field
from typing_extensions import TypedDict

import netra
from netra.agents.context import Context
from netra.agents.definition import Agents, InvalidAgent, agent
from netra.errors import InvalidInput
from netra.runs.payload import NotStorable


class Greeting(BaseModel):
    model_config = ConfigDict(extra="forbid")

    name: str = Field(min_length=1)
    times: int = 1
    at: datetime | None = None


@dataclass
class Point:
    x: int
    y: int = 0


class Size(TypedDict):
    width: int


@agent("greet")
async def greet(ctx: Context, input: Greeting) -> list[str]:
    """Greet somebody,
    as often as they like.

    What follows is for whoever reads the code.
    """
    return [f"Hello, {input.name}!"] * input.times


NOBODY: Any = None
"""A context for functions that do not look at it."""


def test_the_front_door_is_the_decorator() -> None:
    assert netra.agent is agent
    assert isinstance(greet, netra.Agent)


def test_an_agent_describes_itself() -> None:
    assert (greet.name, greet.description) == ("greet", "Greet somebody, as often as they like.")
    assert greet.input_schema["required"] == ["name"]
    assert set(greet.input_schema["properties"]) == {"name", "times", "at"}


def test_an_agent_cannot_be_changed() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        greet.name = "other"  # type: ignore[misc]  # what is refused here


def test_an_input_is_stored_as_json_with_its_defaults() -> None:
    assert greet.accept({"name": "Ada", "at": "2026-01-01T12:00:00Z"}) == {
        "name": "Ada",
        "times": 1,
        "at": "2026-01-01T12:00:00Z",
    }


@pytest.mark.parametrize(
    ("value", "field"),
    [
        ({}, "input.name"),
        ({"name": ""}, "input.name"),
        ({"name": "Ada", "times": "often"}, "input.times"),
        ({"name": "Ada", "nmae": "Ada"}, "input.nmae"),
        (None, "input"),
        ([1], "input"),
        ({"name": "\0"}, "input"),
        ({"name": "x" * 300_000}, "input"),
    ],
    ids=["missing", "empty", "type", "unknown", "none", "list", "nul", "large"],
)
def test_an_input_that_does_not_fit_is_refused_with_the_field(value: Any, field: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        greet.accept(value)
    assert caught.value.extra["field"] == field
    assert caught.value.detail.startswith(field)


async def test_an_agent_gets_its_type_and_gives_json() -> None:
    assert await greet.execute(NOBODY, greet.accept({"name": "Ada", "times": 2})) == ["Hello, Ada!"] * 2
    assert await greet.function(NOBODY, Greeting(name="Bob")) == ["Hello, Bob!"]


async def test_inputs_and_results_may_be_of_any_type_that_has_a_schema() -> None:
    @agent("mirror")
    async def mirror(ctx: Context, point: Point) -> Point:
        assert isinstance(point, Point)
        return Point(point.y, point.x)

    @agent("measure")
    async def measure(ctx: Context, size: Size) -> UUID:
        return UUID(int=size["width"])

    @agent("silent")
    async def silent(ctx: Context) -> None: ...

    @agent("loose")
    async def loose(ctx, anything: list[int]):  # type: ignore[no-untyped-def]  # as a beginner writes it
        return {"sum": sum(anything)}

    assert await mirror.execute(NOBODY, mirror.accept({"x": 1})) == {"x": 0, "y": 1}
    assert await measure.execute(NOBODY, measure.accept({"width": 7})) == "00000000-0000-0000-0000-000000000007"
    assert await silent.execute(NOBODY, silent.accept(None)) is None
    assert await loose.execute(NOBODY, loose.accept([1, 2])) == {"sum": 3}
    with pytest.raises(InvalidInput, match="takes no input"):
        silent.accept({"surprise": 1})


async def test_a_result_of_another_type_than_announced_is_an_error() -> None:
    @agent("liar")
    async def liar(ctx: Context) -> Point:
        return "no point"  # type: ignore[return-value]  # the lie

    with pytest.raises(NotStorable, match="the result"):
        await liar.execute(NOBODY, {})


def test_an_annotation_that_is_text_is_looked_up_where_the_function_stands() -> None:
    source = (
        "from __future__ import annotations\n"
        "from pydantic import BaseModel\n"
        "class Model(BaseModel):\n    n: int\n"
        "async def work(ctx: NotImportedAtRunTime, input: Model) -> Model:\n    return input\n"
    )
    namespace: dict[str, Any] = {"__name__": "users_module"}
    exec(source, namespace)
    assert agent("work")(namespace["work"]).accept({"n": 1}) == {"n": 1}


@pytest.mark.parametrize("name", ["", "Greet", "1st", "a b", "x" * 65, "grüß", "a/b", "a\n"])
def test_a_name_that_cannot_stand_in_a_url_or_a_log_is_refused(name: str) -> None:
    with pytest.raises(InvalidAgent):
        agent(name)(greet.function)


def test_what_cannot_be_an_agent_is_refused_where_it_is_defined() -> None:
    def synchronous(ctx: Context) -> None: ...

    async def nothing() -> None: ...

    async def three(ctx: Context, one: int, two: int) -> None: ...

    async def unannotated(ctx: Context, input) -> None: ...  # type: ignore[no-untyped-def]  # what is refused

    async def indescribable(ctx: Context, input: pytest.Item) -> None: ...

    async def unknown(ctx: Context, input: "Nowhere") -> None: ...  # type: ignore[name-defined]  # noqa: F821

    for function in (synchronous, nothing, three, unannotated, indescribable, unknown):
        with pytest.raises(InvalidAgent):
            agent("broken")(function)  # type: ignore[arg-type]  # one of them is not even asynchronous


def test_a_server_has_the_agents_that_it_is_given_each_once() -> None:
    @agent("greet", description="Another one.")
    async def other(ctx: Context) -> None: ...

    agents = Agents([greet])
    assert (list(agents), agents["greet"], len(agents)) == (["greet"], greet, 1)
    with pytest.raises(InvalidAgent, match="two agents of the name greet"):
        Agents([greet, other])
    with pytest.raises(InvalidAgent, match="is not an agent"):
        Agents([greet.function])  # type: ignore[list-item]  # the decorator was forgotten
    assert other.description == "Another one."
