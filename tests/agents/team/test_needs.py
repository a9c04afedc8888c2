"""What to bring."""

from netra.agents.team.needs import NEEDED, needs_of
from netra.agents.team.results import COLUMNS
from tests.agents.team.test_triage import PRICED, triaged
from tests.agents.test_narrative import log


async def wanted(content: bytes, model: str | None = None) -> list[str]:
    return [need.what for need in needs_of(await triaged(content, model=model))]


async def test_every_column_that_no_row_has_is_to_bring() -> None:
    assert await wanted(log()) == [need.what for need in NEEDED.values()]
    assert await wanted(PRICED) == [NEEDED["latency_ms"].what]


async def test_a_model_that_was_named_stands_for_the_column() -> None:
    assert NEEDED["model"].what in await wanted(log("at"))
    assert NEEDED["model"].what not in await wanted(log("at"), "openai:gpt-4o")


async def test_a_short_log_and_rows_that_could_not_be_read_are_told() -> None:
    assert (await wanted(log("at", rows=3)))[0] == "a longer log"
    assert "mended" in (await wanted(log("at", broken=2)))[-1]


def test_what_is_asked_for_is_what_is_counted() -> None:
    assert set(NEEDED) == set(COLUMNS) - {"input_tokens", "output_tokens"}
