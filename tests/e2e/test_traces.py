"""Both Azure traces, uploaded as they are: the team's whole report, figure by figure, with a language model and without one."""

import math
import statistics
from collections import Counter
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

import httpx
import pytest

from netra.agents.grounding import ungrounded_sections, ungrounded_steps
from netra.agents.report import Report
from netra.models.grounding import Known, unfounded
from tests.analytics.test_measure import gini
from tests.datasets.traces import DATA, EXCERPTS, NAMES, Trace, read_trace
from tests.fixtures.model_server import ModelServer, model_server
from tests.fixtures.server import ServerProcess
from tests.mission_critical.people import Person

QUESTION: Final = "Where does our money go, and how could we spend less?"
TOPICS: Final = ("usage", "concentration", "changes")
"""What is looked at beside that, so that the report has all that these traces can say."""
INPUT_PRICE, OUTPUT_PRICE = 2.5e-6, 10e-6
"""Dollars for a token of gpt-4o, as its maker lists them."""
INVENTED: Final = ("We would save forty percent of it.", "That is 3.7 times what others pay.")


@dataclass(frozen=True)
class Recount:
    """What a trace costs and how it is spread, counted again request by request."""

    trace: Trace

    def costs(self, most_in: float = math.inf, most_out: float = math.inf) -> list[float]:
        """Dollars for each request, when none has more tokens than these."""
        sizes = zip(self.trace.input_tokens, self.trace.output_tokens, strict=True)
        return [min(i, most_in) * INPUT_PRICE + min(o, most_out) * OUTPUT_PRICE for i, o in sizes]

    def figures(self) -> dict[str, Any]:
        """The value of each figure, by its id."""
        costs, times = self.costs(), self.trace.times
        spend, count = math.fsum(costs), len(costs)
        sums = [i + o for i, o in zip(self.trace.input_tokens, self.trace.output_tokens, strict=True)]
        hours = Counter(at.strftime("%Y-%m-%d %H:00") for at in times).most_common(1)
        longest, widest = level(self.trace.input_tokens, 0.9), level(self.trace.output_tokens, 0.95)
        return {
            "requests": count,
            "rejected_rows": 0,
            "data_completeness": 3 / 8,
            "first_at": f"{min(times):%Y-%m-%d %H:%M:%S.%f}",
            "last_at": f"{max(times):%Y-%m-%d %H:%M:%S.%f}",
            "hours_covered": (max(times) - min(times)) / timedelta(hours=1),
            **sizes("input", self.trace.input_tokens),
            **sizes("output", self.trace.output_tokens),
            "busy_hour_1": hours[0][0],
            "busy_hour_1_requests": hours[0][1],
            "busy_hour_1_share": hours[0][1] / count,
            "cost_total": spend,
            "cost_input": sum(self.trace.input_tokens) * INPUT_PRICE,
            "cost_output": sum(self.trace.output_tokens) * OUTPUT_PRICE,
            "cost_mean": spend / count,
            "cost_top_1_percent": largest(costs, 100) / spend,
            "cost_top_10_percent": largest(costs, 10) / spend,
            "tokens_top_1_percent": largest(sums, 100) / sum(sums),
            "tokens_top_10_percent": largest(sums, 10) / sum(sums),
            "tokens_gini": gini(sums),
            "spend": spend,
            "prompt_length_saving": spend - math.fsum(self.costs(most_in=longest)),
            "output_cap_saving": spend - math.fsum(self.costs(most_out=widest)),
            "batching_saving": 0,
            "batching_high": spend / 2,
        }


def sizes(side: str, tokens: Sequence[int]) -> dict[str, float]:
    cuts = statistics.quantiles(tokens, n=100, method="inclusive")
    found = {"total": sum(tokens), "mean": statistics.fmean(tokens), "p50": statistics.median(tokens), "max": max(tokens)}
    return {f"{side}_{name}": value for name, value in (found | {f"p{at}": cuts[at - 1] for at in (90, 95, 99)}).items()}


def largest(values: Sequence[float], of: int) -> float:
    """The sum of the largest of so many parts."""
    return math.fsum(sorted(values, reverse=True)[: math.ceil(len(values) / of)])


def level(tokens: Sequence[int], share: float) -> int:
    """What so many have at the most, in whole tokens, where a limit is set."""
    return math.ceil(round(statistics.quantiles(tokens, n=100, method="inclusive")[round(share * 100) - 1], 6))


async def ask(person: Person, trace: Trace) -> tuple[Report, list[dict[str, Any]]]:
    """Upload a trace, run the team on it, and approve its plan. Returns the stored report and the run's events."""
    form = {"file": (trace.path.name, trace.path.read_bytes()), "name": (None, trace.path.name)}
    dataset = await person.call("POST", "/api/datasets", files=form)
    thread = await person.thread()
    async with person.watch() as watch:
        await watch.follow(thread, after=0)
        asked = {"question": QUESTION, "topics": TOPICS, "dataset": dataset["id"], "model": "openai:gpt-4o"}
        run = await person.call("POST", f"/api/threads/{thread}/runs", json={"agent": "supervisor", "input": asked})
        await watch.until(lambda: any(each["type"] == "input_required" for each in watch.events(thread)), within=60)
        (question,) = (each["data"] for each in watch.events(thread) if each["type"] == "input_required")
        answer = {"request_id": question["request_id"], "value": True}
        await person.call("POST", f"/api/runs/{run['run_id']}/answer", json=answer)
        events = await watch.until_ended(thread, 1, within=60)
    assert events[-1]["type"] == "agent_completed", events[-1]
    waiting, ready = (each["data"] for each in events if each["type"] == "report_ready")
    assert waiting["title"] == f"{ready['title']} (waiting for your approval)"
    stored = await person.call("GET", f"/api/reports/{ready['report_id']}")
    return Report.model_validate(stored["body"]), events


def said_of(trace: Trace) -> list[str]:
    """True sentences of a model about a trace, each with a number."""
    spend, count = math.fsum(Recount(trace).costs()), len(trace.times)
    return [f"The {count:,} requests cost ${spend:,.2f}.", f"Their prompts had {sum(trace.input_tokens):,} tokens."]


def instruct(model: ModelServer, trace: Trace) -> None:
    """What the model says of this trace: how it reads the question, its summary, and its second try at what it invented."""
    understood = {"topics": ["spend", "savings", "usage"], "understood_as": "Where the money goes and how to save."}
    true = said_of(trace)
    model.script[:] = [
        {"tool": "final_result", "arguments": understood},
        f"{true[0]} {INVENTED[0]} {true[1]} {INVENTED[1]}",
        {
            "tool": "final_result",
            "arguments": {"response": [INVENTED[0].replace("forty", "sixty-one"), "Others may pay less."]},
        },
    ]


@pytest.mark.slow
@pytest.mark.timeout(240)
@pytest.mark.parametrize("modelled", [False, True], ids=["without a model", "with a model"])
async def test_every_figure_of_a_report_on_a_trace_is_what_a_recount_gives_and_no_sentence_says_another(
    tmp_path: Path, modelled: bool
) -> None:
    traces = [read_trace(folder / name) for name in NAMES for folder in [DATA if (DATA / name).exists() else EXCERPTS]]
    async with AsyncExitStack() as stack:
        model = await stack.enter_async_context(model_server())
        settings: dict[str, Any] = {}
        if modelled:
            # Within a container the model's host would be taken for that of another one.
            settings = {"NETRA_MODEL": "openai:gpt-4o", "NETRA_MODEL_URL": model.url, "NETRA_HOST_RESOLUTION": "off"}
        server = stack.enter_context(ServerProcess.running(tmp_path, **settings))
        http = await stack.enter_async_context(httpx.AsyncClient(base_url=server.url, timeout=60))
        for trace in traces:
            person = await Person.sign_up(http)
            instruct(model, trace)
            report, events = await ask(person, trace)
            check(report, trace)
            told = "".join(event["data"]["text"] for event in events if event["type"] == "message_delta")
            assert unfounded(told, Known(report.model_dump(mode="json"))) == ()
            short = next(section.content for section in report.sections if section.id == "short")
            if modelled:
                assert report.metadata["words"] == "model"
                assert all(sentence in short and sentence in told for sentence in said_of(trace))
                assert "Others may pay less." in short
                assert "percent" not in told and "3.7" not in told
            else:
                assert report.metadata["words"] == "declared"
                assert f"{len(trace.times):,} requests sent" in short and short in told
        assert len(model.seen) == (6 if modelled else 0)


def check(report: Report, trace: Trace) -> None:
    """Hold a report against its trace."""
    assert report.report_type == "full_analysis"
    assert report.metadata["gaps"] == []
    expected = Recount(trace).figures()
    figures = {figure.id: figure for figure in report.figures()}
    found = {name: figures[name].value for name in expected}
    assert found == {
        name: value if isinstance(value, str) else pytest.approx(value, rel=1e-9, abs=1e-9) for name, value in expected.items()
    }
    for name, figure in figures.items():
        assert figure.formula and figure.rows.count <= len(trace.times), name
        # What stands in front or in the plan is a figure of another section, repeated.
        if (source := name.removeprefix("short_").removeprefix("plan_")) != name:
            assert figure.value == figures[source].value
    spent, saved = float(figures["spend"].value), float(figures["combined"].value)
    assert 0 < saved < spent
    added = [float(each.value) for name, each in figures.items() if name.endswith("_added")]
    assert math.fsum(added) == pytest.approx(saved, rel=1e-9)
    assert ungrounded_sections(report) == {}
    assert ungrounded_steps(report) == []
    plan: Any = report.metadata["plan"]
    assert {action["state"] for action in plan["actions"]} == {"approved"}
