"""What is paid for nothing, on logs small enough to count by hand."""

from typing import Any

import pytest

from netra.analytics.costs import lists_in
from netra.analytics.figures import Measurement
from netra.analytics.waste import waste
from tests.analytics.test_measure import MOMENT, opened

HEADER = "at,input_tokens,output_tokens,model,user,status,requests,cached_input_tokens"
# gpt-4o: 1,000 input tokens are $0.0025, of the cache $0.00125.
LOG = """
2026-03-02T10:00:00Z,1000,0,gpt-4o,ada,timeout,1,0
2026-03-02T10:00:05Z,1000,0,gpt-4o,ada,error,1,0
2026-03-02T10:00:09Z,1000,0,gpt-4o,ada,ok,1,500
2026-03-02T10:00:10Z,9,0,gpt-4o,bob,ok,1,0
2026-03-02T10:00:20Z,2000,0,gpt-4o,ada,OK,1,0
2026-03-02T10:00:20Z,2000,0,gpt-4o,ada,OK,1,0
2026-03-02T11:00:00Z,4000,0,gpt-4o,bob,error,4,
2026-03-02T11:30:00Z,4000,0,our-own-7b,bob,,1,
"""


async def wasted(log: str, header: str = HEADER) -> Measurement:
    async with opened((header + log).encode()) as (query, _):
        return await waste(query, await lists_in(query, MOMENT))


async def test_failures_cost_what_their_tokens_cost_and_count_for_all_their_requests() -> None:
    found = await wasted(LOG)
    values = found.values()
    assert (values["failed_requests"], values["failed_share"], values["failed_tokens"]) == (6, 6 / 10, 6000)
    assert values["failed_cost"] == pytest.approx(0.015)
    table = found.breakdown("failures_by_status")
    assert table.column("requests") == {"error": 5, "timeout": 1}
    assert table.column("cost") == {"error": pytest.approx(0.0125), "timeout": pytest.approx(0.0025)}
    assert found.breakdown("failures_by_model").column("requests") == {"gpt-4o": 6}


async def test_a_retry_is_the_next_request_of_the_same_user_soon_after_a_failure() -> None:
    values = (await wasted(LOG)).values()
    assert (values["retries"], values["retries_failed"]) == (2, 1)
    assert values["retries_cost"] == pytest.approx(0.0025 + (500 * 2.5 + 500 * 1.25) / 1e6)
    apart = LOG.replace("ada,timeout", "ada,ok").replace("ada,error", "eve,error")
    assert (await wasted(apart)).values()["retries"] == 0
    late = LOG.replace("ada,timeout", "ada,ok").replace("10:00:05Z", "09:00:05Z")
    assert (await wasted(late)).values()["retries"] == 0


async def test_a_row_that_is_there_twice_is_found_by_every_column_and_one_of_its_size_by_its_size() -> None:
    found = await wasted(LOG)
    values = found.values()
    assert values["repeated_rows"] == 1
    assert values["repeated_rows_cost"] == pytest.approx(0.005)
    (figure,) = [figure for figure in found.figures if figure.id == "repeated_rows"]
    assert figure.rows.lines == (7,)
    assert values["alike_requests"] == 3  # two of 1,000 tokens, one of 2,000
    assert (await wasted(LOG.replace("ada,OK", "ada,ok", 1))).values()["repeated_rows"] == 1
    assert (await wasted(LOG.replace("10:00:20Z,2000", "10:00:21Z,2000", 1))).values()["repeated_rows"] == 0


async def test_what_a_cache_gave_is_a_share_of_the_input_that_says_so() -> None:
    found = await wasted(LOG)
    values: dict[str, Any] = found.values()
    assert (values["cached_input"], values["cached_rows"], values["cached_input_share"]) == (500, 1, 500 / 7009)
    assert found.breakdown("cached_input_by_model").column("cached_input_tokens") == {"gpt-4o": 500}
    assert found.missing == ()


async def test_a_bare_log_says_what_it_would_take() -> None:
    found = await wasted("\n1,1\n", "input_tokens,output_tokens")
    assert found.missing == ("status", "at", "cached_input_tokens")
    found = await wasted("\n2026-03-02T10:00:00Z,1,1,ok\n", "at,input_tokens,output_tokens,status")
    assert found.missing == ("user", "session", "cached_input_tokens")
    assert found.values()["failed_requests"] == 0
