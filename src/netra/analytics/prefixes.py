"""How much of what is sent was sent before: what a prefix cache (a KV cache kept between requests) could save, and does.

**What it could**, out of the prompts themselves. A cache keeps what a model has computed for the beginning of a prompt, in
blocks, and reuses it for the next prompt that begins the same. So each prompt is cut into blocks of a fixed number of
characters, and a block counts as reused when the whole prompt up to its end was sent to the same model before, no longer ago
than the cache keeps it; every use renews it. The cache of this model is as large as it needs to be and has a prompt as soon as
it is sent, so the figure is what no cache of that block and lifetime can exceed.

**What it does**, out of a column of cached tokens, where the log has one. The distance between the two is the finding.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from netra.analytics import measure
from netra.analytics.figures import Measurement, Quantity, RowSelection, as_number, as_shown
from netra.datasets.mapping import PROMPT_HASHES, SYNONYMS, find_column
from netra.datasets.original import OriginalQuery
from netra.db.sql import NamedQueries
from netra.errors import InvalidInput

SQL: Final = NamedQueries("netra.analytics", "prefixes.sql")

INSTRUCTION_NAMES: Final = SYNONYMS["instructions"]
PROMPT_NAMES: Final = tuple(name for name in SYNONYMS["prompt"] if name not in PROMPT_HASHES)
AUDITED: Final = ("instructions", "prompt", "cached_input_tokens")
"""Of what a mapping takes a column for, what an audit looks at itself."""
# Names in the form of `SYNONYMS`; those that are counted beside the input, too.
CACHED_NAMES: Final = (
    "cachedtokens", "cachedinputtokens", "cachedprompttokens", "cachereadinputtokens", "cachereadtokens", "cachehittokens",
    "promptcachehittokens", "inputcachedtokens",
)  # fmt: skip

BLOCK: Final = 256
"""Characters of a block: about 64 tokens of English. Caches use 16 to 128 tokens."""
LARGEST_BLOCK: Final = 1000
"""The longest repetition that DuckDB's regular expressions take."""
LIFETIME: Final = 300.0
"""Seconds that a cache keeps what nobody uses: five minutes, as large providers do by default."""
MOST_IN_A_REQUEST: Final = 512
"""Blocks of one prompt that are compared; what comes after them counts as sent, never as reused."""
MOST_BLOCKS: Final = 2_000_000
"""Blocks that one audit compares. Where a log has more, its earliest requests are a sample that says so."""


@dataclass(frozen=True, slots=True)
class PromptColumns:
    """Where a file holds what was sent, and what of it came from a cache."""

    prompts: tuple[str, ...]
    """In the order in which they were sent."""
    cached: str | None

    @classmethod
    def find(
        cls, columns: Sequence[str], mapping: Mapping[str, str], given: Sequence[str] = (), cached: str | None = None
    ) -> "PromptColumns":
        """Those that are `given`, else those that go by a known name and that `mapping` does not take for something else.

        Raises `InvalidInput` for a given column that the file does not have.
        """
        taken = {source for name, source in mapping.items() if name not in AUDITED}
        for name in (*given, *([cached] if cached is not None else ())):
            if name not in columns:
                raise InvalidInput(f"The file has no column {name[:100]!r}.", field="columns", columns=list(columns[:100]))
        free = [column for column in columns if column not in taken]
        found = [find_column(names, free) for names in (INSTRUCTION_NAMES, PROMPT_NAMES)]
        prompts = tuple(given) or tuple(name for name in found if name is not None)
        return cls(prompts, cached or find_column(CACHED_NAMES, [column for column in free if column not in prompts]))

    @property
    def texts(self) -> tuple[str, ...]:
        """All of them, the prompts first."""
        return self.prompts if self.cached is None else (*self.prompts, self.cached)


async def prefixes(
    query: OriginalQuery,
    columns: PromptColumns,
    *,
    block: int = BLOCK,
    lifetime: float = LIFETIME,
    top: int = measure.LARGEST_NAMES,
) -> Measurement:
    """What could be reused and what was, as far as the file says; `query` is open for `columns.texts`.

    `block` is in characters, at most `LARGEST_BLOCK`; `lifetime` in seconds.
    """
    measured = Measurement()
    if columns.prompts:
        measured += await _possible(query, len(columns.prompts), block, lifetime, top)
    else:
        names = ", ".join((*PROMPT_NAMES, *INSTRUCTION_NAMES))
        note = f"No column is known to hold prompts; looked for {names}, whatever the case and punctuation."
        measured += Measurement(missing=("prompt",), notes=(note,))
    if columns.cached is not None:
        return measured + await _actual(query, columns, top)
    note = f"No column is known to hold cached tokens; looked for {', '.join(CACHED_NAMES)}, whatever the case and punctuation."
    return measured + Measurement(missing=("cached_tokens",), notes=(note,))


async def _possible(query: OriginalQuery, prompts: int, block: int, lifetime: float, top: int) -> Measurement:
    sent, with_time, _ = await query.fetch_one(SQL["count_prompts"], prompts=prompts)
    if not sent:
        return Measurement(missing=("prompt",), notes=("The prompts of all rows are empty.",))
    timed = with_time > 0
    bounds = {"block": block, "most_in_a_request": MOST_IN_A_REQUEST}
    await query.fetch(SQL["keep_requests"], prompts=prompts, timed=timed, most_blocks=MOST_BLOCKS, **bounds)
    pattern = f"(?s).{{{block}}}"
    ttl = round(lifetime * 1_000_000)
    await query.fetch(SQL["keep_reuse"], prompts=prompts, timed=timed, ttl=ttl, block=block, pattern=pattern)
    (_, _, *whole, models), *by_model = await query.fetch(SQL["sum_reuse"], limit=top + 1, **bounds)
    words = "rows with a prompt" + (" and a time" if timed else "")
    compared, in_scope = whole[0], with_time if timed else sent
    if compared < in_scope:
        words = f"the earliest {compared} of the {in_scope} {words}"
    rows = RowSelection(dataset_id=query.dataset_id, filter=words, count=compared)
    notes = [f"{in_scope - compared} later requests were not compared, to bound the work."] if compared < in_scope else []
    if not timed:
        notes.append("No row has a time: a prompt counts as kept for ever, and the lines of the file as their order.")
    elif with_time < sent:
        notes.append(f"{sent - with_time} rows with a prompt have no time and were not compared.")
    if whole[7]:
        notes.append(f"Of {whole[7]} prompts only the first {MOST_IN_A_REQUEST * block:,} characters were compared.")
    measured = _reused(rows, whole[1:7], block, lifetime if timed else None)
    measured += _by_model(rows, by_model, models - 1)
    measured += await _repeats(query, prompts)
    beginnings = await query.fetch(SQL["list_beginnings"], block=block, limit=top)
    return measured + _beginnings(rows, beginnings, block) + Measurement(notes=tuple(notes))


async def _repeats(query: OriginalQuery, prompts: int) -> Measurement:
    """Requests that had been sent before as they are: an answer that is kept would do for them."""
    count, inputs, outputs, lines = await query.fetch_one(SQL["sum_repeats"], prompts=prompts, named=measure.NAMED)
    words = "rows whose whole prompt had been sent to the same model before"
    rows = RowSelection(dataset_id=query.dataset_id, filter=words, count=count, lines=tuple(lines or ()))
    return Measurement(
        figures=(
            rows.figure("repeated_prompts", "Requests with a prompt that was sent before", count, "requests", "count(*)"),
            rows.figure(
                "repeated_prompt_tokens",
                "Tokens of requests with a prompt that was sent before",
                int(inputs) + int(outputs),
                "tokens",
                "sum(input_tokens + output_tokens)",
            ),
        )
    )


def _reused(rows: RowSelection, sums: Sequence[Any], block: int, lifetime: float | None) -> Measurement:
    characters, reused, requests, tokens, reused_tokens, short = sums
    kept = "ever" if lifetime is None else f"at most {lifetime:g} s since its last use"
    formula = (
        f"{block} × sum(blocks of {block} characters, from the beginning of the prompt, up to whose end the same was sent to "
        f"the same model before; kept {kept})"
    )
    figures = [
        rows.figure("prompt_characters", "Characters sent", int(characters), "characters", "sum(length(prompt))"),
        rows.figure("reusable_characters", "Characters that a cache could reuse", int(reused), "characters", formula),
        rows.figure(
            "reusable_share",
            "Share of what was sent that a cache could reuse",
            int(reused) / int(characters),
            "share",
            "reusable_characters / prompt_characters",
        ),
        rows.figure(
            "requests_with_reuse",
            "Requests that could reuse something",
            requests,
            "requests",
            "count(*) where a block is reused",
        ),
        rows.figure(
            "requests_too_short",
            "Requests shorter than a block",
            short,
            "requests",
            f"count(*) where length(prompt) < {block}",
        ),
        rows.figure(
            "reusable_input_tokens",
            "Input tokens that a cache could reuse, estimated",
            as_number(reused_tokens),
            "tokens",
            "sum(input_tokens × reused characters / length(prompt)): takes the tokens of a prompt to be of one length",
        ),
    ]
    if tokens:
        figures.append(
            rows.figure(
                "reusable_input_share",
                "Share of the input tokens that a cache could reuse, estimated",
                reused_tokens / int(tokens),
                "share",
                "reusable_input_tokens / sum(input_tokens)",
            )
        )
    return Measurement(figures=tuple(figures))


def _by_model(rows: RowSelection, found: Sequence[Sequence[Any]], models: int) -> Measurement:
    quantities = (
        Quantity(id="characters", unit="characters", formula="sum(length(prompt))"),
        Quantity(id="reusable_characters", unit="characters", formula="as the figure of that name"),
        Quantity(id="reusable_share", unit="share", formula="reusable_characters / characters"),
        Quantity(id="requests_with_reuse", unit="requests", formula="count(*) where a block is reused"),
        Quantity(id="reusable_input_tokens", unit="tokens", formula="as the figure of that name"),
    )
    entries = [
        (
            model and as_shown(model),
            count,
            (int(characters), int(reused), int(reused) / int(characters), requests, as_number(reused_tokens)),
        )
        for _, model, count, characters, reused, requests, _, reused_tokens, *_ in found
    ]
    table = rows.breakdown("reuse_by_model", "What a cache could reuse, by model", "model", quantities, entries, of=models)
    return Measurement(breakdowns=(table,))


def _beginnings(rows: RowSelection, found: Sequence[Sequence[Any]], block: int) -> Measurement:
    quantities = (
        Quantity(id="model", unit="model", formula="the model that they were sent to"),
        Quantity(id="reusable_characters", unit="characters", formula="sum over these requests"),
        Quantity(id="longest", unit="characters", formula="the most that one of them could reuse"),
    )
    entries = [
        (line, count, (model and as_shown(model), int(reused), int(longest)))
        for line, model, count, reused, longest, _ in found
    ]
    title = f"Beginnings (the first {block} characters) that more than one request has"
    by = "line of the first request with that beginning"
    table = rows.breakdown("shared_beginnings", title, by, quantities, entries, of=found[0][-1] if found else 0)
    return Measurement(breakdowns=(table,))


async def _actual(query: OriginalQuery, columns: PromptColumns, top: int) -> Measurement:
    found = await query.fetch(SQL["sum_cached"], place=len(columns.texts), limit=top + 1)
    column = as_shown(columns.cached or "")
    if not found:
        return Measurement(missing=("cached_tokens",), notes=(f"The column {column} holds no number of tokens.",))
    (_, _, count, cached, inputs, requests, beyond, groups), *by_model = found
    rows = RowSelection(dataset_id=query.dataset_id, filter=f"rows with a number in {column}", count=count)
    # Some APIs count what came from the cache within the input, some beside it. More than the input can only be beside.
    beside = beyond > 0
    of_all = "(sum(input_tokens) + sum(cached))" if beside else "sum(input_tokens)"
    note = f"Cached tokens are taken to be counted {'beside' if beside else 'within'} the input tokens, because "
    note += f"{beyond} rows have more of them than input." if beside else "no row has more of them than input."
    figures = [
        rows.figure("cached_tokens", "Input tokens read from the cache", int(cached), "tokens", f"sum({column})"),
        rows.figure("requests_with_cached", "Requests that read some", requests, "requests", f"count(*) where {column} > 0"),
    ]
    if whole := int(inputs) + (int(cached) if beside else 0):
        share = int(cached) / whole
        label = "Share of the input read from the cache"
        figures.append(rows.figure("cached_share", label, share, "share", f"sum(cached) / {of_all}, cached = {column}"))
    quantities = (
        Quantity(id="cached_tokens", unit="tokens", formula=f"sum({column})"),
        Quantity(id="input_tokens", unit="tokens", formula="sum(input_tokens)"),
        Quantity(id="cached_share", unit="share", formula=f"sum(cached) / {of_all}"),
    )
    entries = []
    for _, model, count_of_model, cached_of_model, inputs_of_model, *_ in by_model:
        all_of_model = int(inputs_of_model) + (int(cached_of_model) if beside else 0)
        share_of_model = int(cached_of_model) / all_of_model if all_of_model else None
        values = int(cached_of_model), int(inputs_of_model), share_of_model
        entries.append((model and as_shown(model), count_of_model, values))
    table = rows.breakdown("cached_by_model", "What came from the cache, by model", "model", quantities, entries, of=groups - 1)
    return Measurement(figures=tuple(figures), breakdowns=(table,), notes=(note,))
