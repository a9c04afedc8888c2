"""The tools over a usage log as their callers meet them: through the gate, on their own data, as JSON of a bounded size."""

import csv
import io
import json
import random
import tempfile
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from netra.analytics.queueing import ServerQueue
from netra.clock import SystemClock
from netra.datasets.offload import in_thread
from netra.datasets.store import DatasetInfo, Datasets
from netra.db.database import Database
from netra.errors import InvalidInput, NotFound
from netra.events.codec import encode
from netra.gateway.tooling import equip
from netra.ids import UserId, new_uuid
from netra.streams.streams import Streams
from netra.tools import workloads
from netra.tools.gate import PermissionDenied, ToolCaller
from netra.tools.tool import Tool
from netra.tools.toolbox import LARGEST, Toolbox, ToolTimeout
from netra.tools.workloads import MOST_CANDIDATES, MOST_ENTRIES, workload_tools
from tests.analytics.test_latency import EXAMPLE
from tests.analytics.test_measure import MOMENT
from tests.datasets.test_store import chunks
from tests.datasets.traces import Trace, trace  # noqa: F401 - a fixture
from tests.tools.conftest import give

NAMES = (
    "analyze_workload",
    "cost_analyzer",
    "latency_analyzer",
    "performance_predictor",
    "multi_objective_optimization",
    "kv_cache_optimization_audit",
)
LARGEST_ANSWER = 200_000
"""Bytes of JSON; an event of a log holds little more."""


@pytest.fixture
def datasets(database: Database, tmp_path: Path) -> Datasets:
    return Datasets(database, tmp_path / "datasets", 50_000_000)


@pytest.fixture
def tools(datasets: Datasets) -> tuple[Tool, ...]:
    return workload_tools(datasets, SystemClock())


@pytest.fixture
def toolbox(streams: Streams, tools: tuple[Tool, ...]) -> Toolbox:
    return equip(streams, SystemClock(), [], production=False, more=tools).toolbox


@pytest.fixture
async def entitled(database: Database, alice: UserId, bob: UserId) -> None:
    for user_id in (alice, bob):
        await give(database, user_id, "enterprise", "user", "advanced_optimization")


def arguments(name: str, dataset: str) -> dict[str, Any]:
    """What each tool is asked for, and no more."""
    extra = {"multi_objective_optimization": {"candidates": [{"model": "gpt-4o"}, {"model": "gpt-4o-mini"}]}}
    return {"dataset": dataset, **extra.get(name, {})}


async def ask(toolbox: Toolbox, user_id: UserId, name: str, **given: Any) -> Any:
    return await toolbox.call(ToolCaller(user_id, "http"), name, given)


def values(answer: Any) -> dict[str, Any]:
    return {figure["id"]: figure["value"] for figure in answer["figures"]}


def table(answer: Any, name: str) -> dict[Any, dict[str, Any]]:
    """A breakdown as rows by key, each with its quantities by id."""
    (found,) = [each for each in answer["breakdowns"] if each["id"] == name]
    ids = [quantity["id"] for quantity in found["quantities"]]
    return {entry["key"]: dict(zip(ids, entry["values"], strict=True)) for entry in found["entries"]}


def test_the_tools_are_those_of_the_contract(tools: tuple[Tool, ...]) -> None:
    assert tuple(tool.name for tool in tools) == NAMES
    assert {tool.name: tool.permission for tool in tools if tool.permission != "advanced_optimization"} == {
        "analyze_workload": "analytics"
    }
    assert not any(tool.atomic for tool in tools)  # none holds a transaction open while it reads a file


@pytest.mark.usefixtures("entitled")
@pytest.mark.parametrize("name", NAMES)
async def test_every_tool_works_on_the_generated_log_and_every_figure_names_its_rows_and_formula(
    toolbox: Toolbox, datasets: Datasets, alice: UserId, name: str
) -> None:
    dataset = await datasets.create(alice, "sample", chunks(EXAMPLE.read_bytes()))
    answer = await ask(toolbox, alice, name, **arguments(name, "sample"))
    assert answer["dataset"]["id"] == str(dataset.id)
    if name == "kv_cache_optimization_audit":
        assert answer["missing"] == ["prompt", "cached_tokens"]
    else:
        assert answer["missing"] == []
        assert answer["figures"]
    for figure in answer["figures"] + answer["charts"]:
        assert figure["formula"]
        assert figure["rows"]["dataset_id"] == str(dataset.id)
        assert figure["rows"]["count"] > 0
    ids = [part["id"] for part in answer["figures"] + answer["charts"] + answer["breakdowns"]]
    assert len(set(ids)) == len(ids)
    for breakdown in answer["breakdowns"]:
        assert all(quantity["formula"] for quantity in breakdown["quantities"])
        assert breakdown["rows"]["count"] > 0


@pytest.mark.usefixtures("entitled")
async def test_a_real_trace_is_analyzed_and_what_it_lacks_is_named(
    toolbox: Toolbox,
    datasets: Datasets,
    alice: UserId,
    trace: Trace,  # noqa: F811
) -> None:
    await datasets.create(alice, "azure", chunks(trace.path.read_bytes()))
    found = {name: await ask(toolbox, alice, name, **arguments(name, "azure")) for name in NAMES}
    assert values(found["analyze_workload"])["requests"] == len(trace.times)
    assert found["latency_analyzer"]["missing"] == ["latency_ms"]
    assert found["performance_predictor"]["missing"] == ["latency_ms"]
    assert "model" in found["cost_analyzer"]["missing"]
    assert found["kv_cache_optimization_audit"]["missing"] == ["prompt", "cached_tokens"]
    compared = found["multi_objective_optimization"]
    assert (compared["objectives"], compared["choice"], compared["frontier"]) == (["cost"], "gpt-4o-mini", ["gpt-4o-mini"])
    priced = await ask(toolbox, alice, "cost_analyzer", dataset="azure", model="openai:gpt-4o-mini")
    assert values(priced)["cost_total"] == pytest.approx(values(compared)["choice_cost"], rel=1e-9)
    queue = await ask(
        toolbox,
        alice,
        "performance_predictor",
        dataset="azure",
        servers=100,
        traffic=2,
        throughput={"output_tokens_per_second": 40},
    )
    rate = 2 * len(trace.times) / (max(trace.times) - min(trace.times)).total_seconds()
    expected = ServerQueue(100, rate, sum(trace.output_tokens) / len(trace.times) / 40)
    assert values(queue)["utilisation"] == pytest.approx(expected.utilisation)


@pytest.mark.usefixtures("entitled")
async def test_a_dataset_is_named_by_its_id_or_as_the_newest_of_its_name(
    toolbox: Toolbox, datasets: Datasets, alice: UserId
) -> None:
    old, new = [await datasets.create(alice, "May", chunks(f"input_tokens,output_tokens\n{n},1\n".encode())) for n in (5, 7)]
    for reference, total in (("May", 7), (str(old.id), 5), (str(new.id), 7)):
        answer = await ask(toolbox, alice, "analyze_workload", dataset=reference)
        assert values(answer)["input_total"] == total


@pytest.mark.usefixtures("entitled")
@pytest.mark.parametrize("name", NAMES)
async def test_somebody_elses_dataset_is_an_unknown_one(
    toolbox: Toolbox, datasets: Datasets, alice: UserId, bob: UserId, name: str
) -> None:
    hers = await datasets.create(alice, "hers", chunks(b"input_tokens,output_tokens\n1,1\n"))
    refusals = []
    for reference in (str(hers.id), "hers", str(new_uuid()), "nothing"):
        with pytest.raises(NotFound) as refused:
            await ask(toolbox, bob, name, **arguments(name, reference))
        refusals.append((type(refused.value), str(refused.value)))
    assert len(set(refusals)) == 1


async def test_a_plan_that_does_not_hold_them_opens_none(toolbox: Toolbox, alice: UserId) -> None:
    for name in NAMES:
        with pytest.raises(PermissionDenied):
            await ask(toolbox, alice, name, **arguments(name, "any"))


@pytest.mark.usefixtures("entitled")
async def test_two_users_ask_for_one_name_and_get_each_their_own(
    toolbox: Toolbox, datasets: Datasets, alice: UserId, bob: UserId
) -> None:
    for user_id, tokens in ((alice, 111), (bob, 222)):
        await datasets.create(user_id, "usage", chunks(f"input_tokens,output_tokens\n{tokens},1\n".encode()))
    for user_id, tokens in ((alice, 111), (bob, 222)):
        assert values(await ask(toolbox, user_id, "analyze_workload", dataset="usage"))["input_total"] == tokens


async def many_names(datasets: Datasets, user_id: UserId) -> DatasetInfo:
    """A log whose every name is as long as a name is shown, in characters of four bytes."""
    source = random.Random(2)
    text = io.StringIO()
    writer = csv.writer(text)
    named = ["model", "user", "feature", "prompt"]
    writer.writerow(["at", "input_tokens", "output_tokens", "latency_ms", "cost_usd", "cached_tokens", *named])
    for row in range(2000):
        name = f"{row % 400:03}" + "🙂" * 250
        at = MOMENT + timedelta(minutes=17 * row)
        size = [source.randrange(1, 200_000), source.randrange(1, 900)]
        writer.writerow([at, *size, source.random() * 1e5, source.random(), 5, "gpt-4o" if row % 2 else name, name, name, name])
    return await datasets.create(user_id, "names", chunks(text.getvalue().encode()))


@pytest.mark.usefixtures("entitled")
async def test_no_answer_is_larger_than_an_event_holds(toolbox: Toolbox, datasets: Datasets, alice: UserId) -> None:
    await many_names(datasets, alice)
    label = "🙂" * 98
    candidates = [
        {"model": "google:gemini-2.5-pro", "name": f"{n:02}{label}", "latency_ms": n % 3, "quality": n % 4}
        for n in range(MOST_CANDIDATES)
    ]
    for name in NAMES:
        given: dict[str, Any] = {"multi_objective_optimization": {"candidates": candidates}}.get(name, {"top": MOST_ENTRIES})
        if name == "performance_predictor":
            given = {"servers": 5, "target_wait_ms": 5.0, "request": {"input_tokens": 10, "output_tokens": 10}}
        answer = await ask(toolbox, alice, name, dataset="names", **given)
        assert len(json.dumps(answer, ensure_ascii=False).encode()) < LARGEST_ANSWER, name


@pytest.mark.usefixtures("entitled")
async def test_an_answer_that_would_be_too_large_shows_less_and_says_so(
    toolbox: Toolbox, datasets: Datasets, alice: UserId, monkeypatch: pytest.MonkeyPatch
) -> None:
    await many_names(datasets, alice)
    given: dict[str, Any] = {"dataset": "names", "top": MOST_ENTRIES, "also": ["changes", "savings", "waste"]}
    whole = await ask(toolbox, alice, "cost_analyzer", **given)
    room = 64 * 1024
    monkeypatch.setattr(workloads, "LARGEST", room)
    less = await ask(toolbox, alice, "cost_analyzer", **given)
    assert len(encode(less)) <= room < len(encode(whole)) <= LARGEST
    assert less["figures"] == whole["figures"]
    assert any("would not have fitted" in note for note in [*less["notes"], *less["savings"]["notes"]])


@pytest.mark.usefixtures("entitled")
@pytest.mark.parametrize("name", NAMES)
async def test_wherever_its_time_runs_out_a_tool_stops_and_leaves_nothing(
    streams: Streams,
    tools: tuple[Tool, ...],
    datasets: Datasets,
    alice: UserId,
    name: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    await datasets.create(alice, "sample", chunks(EXAMPLE.read_bytes()))
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(scratch))
    stopped = 0
    for milliseconds in (1, 3, 9, 20, 40, 70):
        cut = [replace(tool, time_limit=milliseconds / 1000) for tool in tools]
        box = equip(streams, SystemClock(), [], production=False, more=cut).toolbox
        try:
            await ask(box, alice, name, **arguments(name, "sample"))
        except ToolTimeout:
            stopped += 1
        assert await in_thread(lambda: list(scratch.iterdir())) == []
    assert stopped
    whole = equip(streams, SystemClock(), [], production=False, more=tools).toolbox
    assert (await ask(whole, alice, name, **arguments(name, "sample")))["dataset"]["name"] == "sample"


@pytest.mark.usefixtures("entitled")
async def test_a_prompt_column_is_measured_or_refused_by_its_name(toolbox: Toolbox, datasets: Datasets, alice: UserId) -> None:
    rows = "".join(f"1,1,{'x' * 64}\n" for _ in range(3))
    await datasets.create(alice, "prompts", chunks(f"input_tokens,output_tokens,body\n{rows}".encode()))
    given = {"dataset": "prompts", "block_characters": 32}
    found = await ask(toolbox, alice, "kv_cache_optimization_audit", **given, prompt_columns=["body"])
    assert values(found)["reusable_characters"] == 128
    assert found["prompt_columns"] == ["body"]
    assert (await ask(toolbox, alice, "kv_cache_optimization_audit", **given))["missing"] == ["prompt", "cached_tokens"]
    with pytest.raises(InvalidInput) as refused:
        await ask(toolbox, alice, "kv_cache_optimization_audit", **given, prompt_columns=["text"])
    assert refused.value.extra["field"] == "columns"


@pytest.mark.usefixtures("entitled")
@pytest.mark.parametrize(
    ("name", "given", "field"),
    [
        ("analyze_workload", {"top": 0}, "arguments.top"),
        ("analyze_workload", {"top": MOST_ENTRIES + 1}, "arguments.top"),
        ("cost_analyzer", {"aliases": {"a": ""}}, "arguments.aliases.a"),
        ("performance_predictor", {"traffic": 0}, "arguments.traffic"),
        ("performance_predictor", {"request": {"input_tokens": 1}}, "arguments.request.output_tokens"),
        ("multi_objective_optimization", {"candidates": []}, "arguments.candidates"),
        ("kv_cache_optimization_audit", {"block_characters": 1001}, "arguments.block_characters"),
    ],
    ids=["none", "too many", "empty alias", "no traffic", "half a size", "no candidates", "long block"],
)
async def test_what_does_not_fit_is_refused_by_its_argument(
    toolbox: Toolbox, alice: UserId, name: str, given: dict[str, Any], field: str
) -> None:
    with pytest.raises(InvalidInput) as refused:
        await ask(toolbox, alice, name, **{"dataset": "any", **given})
    assert refused.value.extra["field"] == field


def test_every_argument_says_what_it_is(tools: tuple[Tool, ...]) -> None:
    silent = [
        f"{tool.name}.{argument}"
        for tool in tools
        for argument, schema in tool.schema["properties"].items()
        if "description" not in schema and argument != "candidates"
    ]
    assert silent == []


LAST = "2199-12-30T23:59:59.999999Z"
EXTREMES: dict[str, dict[str, Any]] = {
    "first": {"at": "1970-01-01", "input_tokens": 999_999_999_999, "output_tokens": 0, "latency_ms": 1e308, "cost_usd": 1e308},
    "last": {"at": LAST, "input_tokens": 0, "output_tokens": 999_999_999_999, "latency_ms": 0, "cost_usd": 0},
    "empty": {"at": LAST, "input_tokens": 0, "output_tokens": 0, "latency_ms": 1e308, "cost_usd": 1e308},
    "control": {"input_tokens": 1, "output_tokens": 1, "model": "\x1b[31m\u202e🙂", "user": "a\x00b", "prompt": "\x00" * 40},
    "odd": {"at": LAST, "input_tokens": 5, "output_tokens": 5, "model": "gpt-4o", "prompt": [], "cached_tokens": 1e308},
    "cached": {"at": LAST, "input_tokens": 5, "output_tokens": 5, "prompt": "", "cached_tokens": 999_999_999_999},
}


@pytest.mark.usefixtures("entitled")
@pytest.mark.parametrize(
    "names",
    [*((name,) for name in EXTREMES), tuple(EXTREMES), tuple(EXTREMES) * 20],
    ids=lambda names: f"{names[0]}-{len(names)}",
)
async def test_a_log_of_extremes_is_answered_by_every_tool(
    toolbox: Toolbox, datasets: Datasets, alice: UserId, names: tuple[str, ...]
) -> None:
    content = "\n".join(json.dumps(EXTREMES[name]) for name in names)
    await datasets.create(alice, "extremes", chunks(content.encode()))
    for name in NAMES:
        given = arguments(name, "extremes")
        if name == "performance_predictor":
            given |= {"target_wait_ms": 1e9, "traffic": 1e-9, "request": {"input_tokens": 10**12, "output_tokens": 0}}
        answer = await ask(toolbox, alice, name, **given)
        assert answer["figures"] or answer["missing"] or answer["notes"]
