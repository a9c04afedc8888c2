"""Reuse of prefixes against a cache that plain Python keeps, prompt by prompt."""

import asyncio
import csv
import io
import json
import tempfile
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netra.analytics import prefixes as module
from netra.analytics.figures import Measurement
from netra.analytics.prefixes import PromptColumns, prefixes
from netra.datasets.importer import import_file
from netra.datasets.original import open_original
from netra.errors import InvalidInput
from netra.ids import DatasetId, new_uuid
from tests.analytics.test_measure import EXAMPLES, MOMENT
from tests.datasets.test_dialects import batch, span, used
from tests.datasets.traces import Trace, trace  # noqa: F401 - a fixture


@dataclass(frozen=True)
class Sent:
    prompt: str | None
    at: datetime | None = MOMENT
    model: str | None = None
    input_tokens: int = 100


def written(requests: Sequence[Sent]) -> bytes:
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(["at", "input_tokens", "output_tokens", "model", "prompt"])
    for sent in requests:
        writer.writerow([sent.at.isoformat() if sent.at else "", sent.input_tokens, 1, sent.model, sent.prompt])
    return text.getvalue().encode()


async def audited(content: bytes, given: Sequence[str] = (), cached: str | None = None, **options: Any) -> Measurement:
    with tempfile.TemporaryDirectory() as folder:
        source, target = Path(folder, "original"), Path(folder, "rows")
        await asyncio.to_thread(source.write_bytes, content)
        imported = await import_file(source, target)
        mapping = imported.mapping.sources

        def find(columns: Sequence[str]) -> PromptColumns:
            return PromptColumns.find(columns, mapping, given, cached)

        dataset_id = DatasetId(new_uuid())
        opening = open_original(dataset_id, source, imported.format, mapping, lambda columns: find(columns).texts)
        async with opening as query:
            return await prefixes(query, find(query.columns), **options)


async def test_the_prompts_and_cached_tokens_of_spans_are_audited() -> None:
    def spent(number: int, prompt: str) -> Mapping[str, Any]:
        facts: dict[str, Any] = {
            "gen_ai.usage.cache_read.input_tokens": 40,
            "gen_ai.system_instructions": "Be",
            "gen_ai.input.messages": prompt,
        }
        return span(number, "chat", **used(100), **facts)

    spans = [spent(1, "short."), spent(2, "short!"), spent(3, "long.")]
    values = (await audited(json.dumps({"resourceSpans": [batch(*spans)]}).encode(), block=4)).values()
    # "Be\nshort." and "Be\nshort!" share two blocks of four characters, "Be\nlong." none with either.
    assert (values["prompt_characters"], values["reusable_characters"]) == (9 + 9 + 8, 8)
    assert (values["cached_tokens"], values["cached_share"]) == (120, 120 / 300)


@pytest.mark.parametrize(
    "content",
    [
        json.dumps(
            {
                "data": [
                    {
                        "start_time": 1767225600,
                        "results": [
                            {
                                "object": "organization.usage.completions.result",
                                "input_tokens": 100,
                                "output_tokens": 5,
                                "input_cached_tokens": 30,
                                "num_model_requests": 2,
                            }
                        ],
                    }
                ]
            }
        ),
        "start_time,num_model_requests,input_tokens,output_tokens,input_cached_tokens,model\n1767225600,2,100,5,30,gpt-4o\n",
        "at,input_tokens,output_tokens,cached_input_tokens\n1767225600,100,5,30\n",
    ],
    ids=["OpenAI's interface", "OpenAI's dashboard", "a mapped table"],
)
async def test_cached_tokens_are_audited_although_they_are_a_column_of_the_dataset_as_well(content: str) -> None:
    found = await audited(content.encode())
    assert found.values()["cached_share"] == 0.3
    assert found.missing == ("prompt",)


def reused(requests: Sequence[Sent], block: int, lifetime: float) -> list[int]:
    """How many blocks each request finds in a cache that keeps every prefix for `lifetime` seconds since its last use."""
    kept: dict[tuple[str | None, str], datetime] = {}
    found = [0] * len(requests)
    timed = any(sent.at and sent.prompt for sent in requests)
    order = sorted(
        (number for number, sent in enumerate(requests) if sent.prompt and (sent.at or not timed)),
        key=lambda number: (requests[number].at or MOMENT, number),
    )
    for number in order:
        sent = requests[number]
        text, now = sent.prompt or "", sent.at or MOMENT
        for end in range(block, len(text) + 1, block):
            seen = kept.get((sent.model, text[:end]))
            if seen is None or (now - seen).total_seconds() > lifetime:
                break
            found[number] += 1
        for end in range(block, len(text) + 1, block):
            kept[sent.model, text[:end]] = now
    return found


PIECES = st.lists(st.sampled_from(["aaaa", "bbbb", "äé\n🙂", '"q",']), max_size=6).map("".join)
REQUESTS = st.lists(
    st.builds(
        Sent,
        st.none() | st.tuples(PIECES, st.text(alphabet="ab\n🙂", max_size=3)).map("".join),
        st.none() | st.integers(0, 50).map(lambda seconds: MOMENT + timedelta(seconds=seconds)),
        st.none() | st.sampled_from(["m", "n"]),
        st.integers(0, 1000),
    ),
    min_size=1,
    max_size=40,
)


@EXAMPLES
@given(requests=REQUESTS, block=st.sampled_from([1, 3, 4, 8]), lifetime=st.sampled_from([0, 3, 10, 1000]))
def test_what_is_reused_equals_a_cache_in_plain_python(requests: list[Sent], block: int, lifetime: float) -> None:
    found = asyncio.run(audited(written(requests), block=block, lifetime=lifetime, top=100))
    timed = any(sent.at and sent.prompt for sent in requests)
    looked_at = [number for number, sent in enumerate(requests) if sent.prompt and (sent.at or not timed)]
    values = found.values()
    if not looked_at:
        assert "prompt" in found.missing
        return
    hits = reused(requests, block, lifetime)
    sizes = {number: len(requests[number].prompt or "") for number in looked_at}
    assert values["prompt_characters"] == sum(sizes.values())
    assert values["reusable_characters"] == block * sum(hits)
    assert values["requests_with_reuse"] == sum(hits[number] > 0 for number in looked_at)
    assert values["requests_too_short"] == sum(size < block for size in sizes.values())
    tokens = sum(requests[number].input_tokens * block * hits[number] / sizes[number] for number in looked_at)
    assert values["reusable_input_tokens"] == pytest.approx(tokens, rel=1e-9)
    table = found.breakdown("reuse_by_model")
    assert {entry.key: entry.count for entry in table.entries} == {
        model: sum(requests[number].model == model for number in looked_at)
        for model in {requests[number].model for number in looked_at}
    }
    for model, characters in table.column("reusable_characters").items():
        assert characters == block * sum(hits[number] for number in looked_at if requests[number].model == model)
    long_enough = [requests[number] for number in looked_at if sizes[number] >= block]
    beginnings = Counter((sent.model, (sent.prompt or "")[:block]) for sent in long_enough)
    shared = found.breakdown("shared_beginnings")
    assert sorted(entry.count for entry in shared.entries) == sorted(count for count in beginnings.values() if count > 1)
    assert sum(shared.column("reusable_characters").values()) == block * sum(hits)


async def test_a_system_prompt_that_all_share_is_found_where_it_is_a_column_of_its_own() -> None:
    system = "You are a helpful assistant. " * 20
    lines = [
        json.dumps(
            {"created_at": (MOMENT + timedelta(seconds=n)).isoformat(), "usage": {"prompt_tokens": 150, "completion_tokens": 5},
             "request": {"system": system, "messages": [{"role": "user", "content": f"Question {n}?"}]}}
        )
        for n in range(50)
    ]  # fmt: skip
    found = await audited("\n".join(lines).encode(), block=100)
    values = found.values()
    # 580 characters of instructions and 38 of what every message begins with, so six whole blocks of all but the first.
    assert values["reusable_characters"] == 49 * 600
    assert values["requests_with_reuse"] == 49
    (entry,) = found.breakdown("shared_beginnings").entries
    assert (entry.key, entry.count, entry.values) == (1, 50, (None, 49 * 600, 600))


async def test_records_that_share_a_line_of_the_file_are_requests_of_their_own() -> None:
    sent = [{"input_tokens": 100, "output_tokens": 1, "prompt": letter * 100} for letter in "xyx"]
    found = await audited(json.dumps(sent).encode(), block=50)
    values = found.values()
    assert (values["prompt_characters"], values["reusable_characters"], values["requests_with_reuse"]) == (300, 100, 1)
    assert (values["repeated_prompts"], values["repeated_prompt_tokens"]) == (1, 101)


async def test_what_is_kept_too_shortly_is_sent_again_and_each_use_renews_it() -> None:
    requests = [Sent("x" * 100, MOMENT + timedelta(seconds=second)) for second in (0, 8, 16, 40)]
    found = await audited(written(requests), block=50, lifetime=10)
    assert found.values()["reusable_characters"] == 2 * 100


async def test_a_prompt_that_was_sent_before_is_counted_by_its_whole_text_and_model() -> None:
    requests = [
        Sent("hello", model="a"),
        Sent("hello", model="b"),
        Sent("hello", model="a"),
        Sent("hello!", model="a"),
        Sent(""),
    ]
    found = await audited(written(requests), block=2)
    assert (found.values()["repeated_prompts"], found.values()["repeated_prompt_tokens"]) == (1, 101)
    assert next(figure.rows.lines for figure in found.figures if figure.id == "repeated_prompts") == (4,)


async def test_models_do_not_share_a_cache() -> None:
    found = await audited(written([Sent("x" * 100, model="m"), Sent("x" * 100, model="n")]), block=50)
    assert found.values()["reusable_characters"] == 0


async def test_more_blocks_than_the_bound_leave_a_sample_that_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_BLOCKS", 10)
    monkeypatch.setattr(module, "MOST_IN_A_REQUEST", 3)
    requests = [Sent("x" * 45, MOMENT + timedelta(seconds=n)) for n in range(20)]
    found = await audited(written(requests), block=10)
    figure = next(figure for figure in found.figures if figure.id == "reusable_characters")
    assert (figure.rows.count, figure.value) == (3, 2 * 30)
    assert "the earliest 3 of the 20" in figure.rows.filter
    assert any("17 later requests" in note for note in found.notes)
    assert any("first 30 characters" in note for note in found.notes)


async def test_a_trace_without_prompts_says_what_is_missing_and_what_was_looked_for(trace: Trace) -> None:  # noqa: F811
    found = await audited(trace.path.read_bytes())
    assert found.missing == ("prompt", "cached_tokens")
    assert found.figures == ()
    assert all("looked for" in note for note in found.notes)


# --- The cache as the log has it ----------------------------------------------------------------------------------------


async def test_cached_tokens_within_the_input_are_a_share_of_it() -> None:
    lines = [
        {"model": model, "usage": {"prompt_tokens": 100, "completion_tokens": 1, "prompt_tokens_details": {"cached_tokens": c}}}
        for model, c in [("m", 80), ("m", 0), ("n", 20)]
    ]
    found = await audited("\n".join(map(json.dumps, lines)).encode())
    values = found.values()
    assert (values["cached_tokens"], values["requests_with_cached"]) == (100, 2)
    assert values["cached_share"] == pytest.approx(100 / 300)
    assert found.breakdown("cached_by_model").column("cached_share") == {"m": 0.4, "n": 0.2}
    assert found.missing == ("prompt",)
    assert any("within" in note for note in found.notes)


async def test_cached_tokens_beside_the_input_count_into_the_whole() -> None:
    content = b"input_tokens,output_tokens,cache_read_input_tokens\n10,1,90\n100,1,0\n50,1,\n"
    found = await audited(content)
    assert found.values()["cached_share"] == pytest.approx(90 / 200)
    assert any("beside" in note for note in found.notes)


async def test_a_cached_column_without_numbers_is_missing() -> None:
    found = await audited(b"input_tokens,output_tokens,cached_tokens\n10,1,yes\n")
    assert "cached_tokens" in found.missing


async def test_both_what_could_be_and_what_was_reused_are_given() -> None:
    content = b"input_tokens,output_tokens,prompt,cached_tokens\n" + b"10,1," + b"x" * 64 + b",0\n"
    found = await audited(content + b"10,1," + b"x" * 64 + b",5\n", block=32)
    assert (found.values()["reusable_characters"], found.values()["cached_tokens"]) == (64, 5)
    assert found.missing == ()
    assert any("No row has a time" in note for note in found.notes)


# --- Columns ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("columns", "prompts", "cached"),
    [
        (["Prompt"], ("Prompt",), None),
        (["system_prompt", "prompt"], ("system_prompt", "prompt"), None),
        (["input", "usage.input"], ("input",), None),
        (["request.messages", "usage.cache_read_input_tokens"], ("request.messages",), "usage.cache_read_input_tokens"),
        (["answer"], (), None),
    ],
)
def test_columns_are_found_by_their_names(columns: list[str], prompts: tuple[str, ...], cached: str | None) -> None:
    found = PromptColumns.find(columns, {})
    assert (found.prompts, found.cached) == (prompts, cached)
    assert found.texts == (*prompts, *([cached] if cached else []))


def test_a_column_that_holds_tokens_is_no_prompt() -> None:
    assert PromptColumns.find(["input", "output"], {"input_tokens": "input", "output_tokens": "output"}).prompts == ()


def test_given_columns_win_and_must_exist() -> None:
    assert PromptColumns.find(["prompt", "body"], {}, ["body"]).prompts == ("body",)
    for prompts, cached in ((["bodi"], None), ([], "none")):
        with pytest.raises(InvalidInput) as refused:
            PromptColumns.find(["prompt", "body"], {}, prompts, cached)
        assert refused.value.extra["field"] == "columns"
