"""The prices, held against the library that they come from, model by model."""

import socket
from datetime import UTC, datetime, time
from decimal import Decimal
from importlib.metadata import version
from typing import NoReturn

import pytest
from genai_prices.data import providers
from genai_prices.data_snapshot import DataSnapshot, get_snapshot, set_custom_snapshot
from genai_prices.types import Usage

from netra.analytics.prices import PriceList, Rate, Tariff, UnknownModel, find_prices, price_list

MOMENT = datetime(2026, 11, 1, 12, tzinfo=UTC)


def test_every_model_costs_what_the_library_says_at_every_size_and_hour() -> None:
    snapshot = DataSnapshot(providers=providers, from_auto_update=False)
    compared, stepped, nightly = 0, 0, 0
    for provider in providers:
        for info in provider.models:
            try:
                prices = price_list(f"{provider.id}:{info.id}", MOMENT)
            except UnknownModel:
                continue
            found = prices.model.partition(":")[2]
            stepped += bool(prices.steps)
            nightly += len(prices.tariffs) > 1
            for tariff in prices.tariffs:
                moment = datetime.combine(MOMENT.date(), tariff.begins, UTC)
                for size in {0, 1, 1_000_000, *prices.steps, *(step + 1 for step in prices.steps)}:
                    usage = Usage(input_tokens=size, output_tokens=77)
                    theirs = snapshot.calc(usage, found, prices.model.partition(":")[0], None, moment)
                    assert tariff.price(1, size, 77, size) == theirs.total_price, (prices.model, size)
                    compared += 1
    # The comparison is worth something only where the list has what makes prices hard.
    assert compared > 3000
    assert stepped > 50
    assert nightly > 0


def test_what_a_cache_gives_and_takes_in_costs_what_the_library_says() -> None:
    snapshot = DataSnapshot(providers=providers, from_auto_update=False)
    compared = 0
    for model in ("gpt-4o", "claude-sonnet-4-5", "claude-haiku-4-5", "google:gemini-2.5-pro", "openai:gpt-4"):
        prices = price_list(model, MOMENT)
        provider, _, name = prices.model.partition(":")
        for bracket in prices.brackets():
            size = bracket.above + 1000
            rates = {"cache_read_tokens": bracket.cached, "cache_write_tokens": bracket.written}
            for kind, rate in rates.items():
                usage = Usage(**{"input_tokens": size, "output_tokens": 0, kind: size})
                theirs = snapshot.calc(usage, name, provider, None, MOMENT)
                assert size * rate / 1_000_000 == theirs.total_price, (model, kind)
                compared += 1
    assert compared == 14


def test_a_long_request_pays_the_higher_rate_for_all_of_its_tokens() -> None:
    rate = Rate(Decimal(3), ((200_000, Decimal(6)), (500_000, Decimal(9))))
    assert [rate.at(size) for size in (0, 200_000, 200_001, 500_000, 500_001)] == [3, 3, 6, 6, 9]


def test_a_model_is_found_by_any_of_the_ways_to_write_it() -> None:
    names = ("gpt-4o", "openai:gpt-4o", "openai/gpt-4o", "OpenAI:GPT-4o", " gpt-4o ")
    assert {price_list(name, MOMENT).model for name in names} == {"openai:gpt-4o"}


def test_the_same_model_at_another_provider_is_another_model() -> None:
    assert price_list("azure:gpt-4o", MOMENT).model.startswith("azure:")


@pytest.mark.parametrize(
    ("name", "near"),
    [("gpt4o", "openai:gpt-4o"), ("openai:gpt-4p", "openai:gpt-4o"), ("claude-sonet-4-5", "anthropic:claude-sonnet-4-5")],
)
def test_an_unknown_model_is_refused_with_its_neighbours(name: str, near: str) -> None:
    with pytest.raises(UnknownModel) as refused:
        price_list(name, MOMENT)
    assert refused.value.extra["field"] == "model"
    assert near in refused.value.extra["suggestions"]
    assert near in str(refused.value)
    for suggestion in refused.value.extra["suggestions"]:
        assert price_list(suggestion, MOMENT).model == suggestion


@pytest.mark.parametrize("name", ["", ":", "openai:", "no such model at all", "x" * 10_000, "gpt-4o\x00"])
def test_a_name_that_is_none_is_refused(name: str) -> None:
    with pytest.raises(UnknownModel) as refused:
        price_list(name, MOMENT)
    assert len(str(refused.value)) < 1000


@pytest.mark.parametrize("name", ["gpt4o", "", "x" * 10_000, "openai:whisper-1", " openai:gpt-4o ", "claude-sonnet-4-5"])
def test_looking_for_prices_finds_nothing_just_where_asking_for_them_is_refused(name: str) -> None:
    found = find_prices(name, MOMENT)
    if found is None:
        with pytest.raises(UnknownModel):
            price_list(name, MOMENT)
    else:
        assert found == price_list(name, MOMENT)


def test_a_model_that_is_not_billed_by_tokens_is_refused_rather_than_free() -> None:
    with pytest.raises(UnknownModel, match="no price per token"):
        price_list("openai:whisper-1", MOMENT)


def test_the_formula_names_every_rate_and_where_it_begins() -> None:
    prices = PriceList(
        "p:m",
        "list 1",
        MOMENT,
        (
            Tariff(time(0), Rate(Decimal("1.25"), ((1000, Decimal("2.5")),)), Rate(Decimal(10)), Decimal("0.005")),
            Tariff(time(16, 30), Rate(Decimal("0.5")), Rate(Decimal(5)), Decimal(0)),
        ),
    )
    assert prices.formula() == (
        "from 00:00 UTC: (input_tokens × $1.25 + output_tokens × $10) / 1,000,000 + $0.005, "
        "above 1,000 input tokens: (input_tokens × $2.5 + output_tokens × $10) / 1,000,000 + $0.005; "
        "from 16:30 UTC: (input_tokens × $0.5 + output_tokens × $5) / 1,000,000, "
        "above 1,000 input tokens: (input_tokens × $0.5 + output_tokens × $5) / 1,000,000"
    )


def test_the_list_is_the_one_that_was_installed_whatever_the_process_fetched(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> NoReturn:
        raise AssertionError("a price was looked for on the network")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    before = price_list("gpt-4o", MOMENT)
    set_custom_snapshot(DataSnapshot(providers=[], from_auto_update=True))
    try:
        assert get_snapshot().providers == []
        assert price_list("gpt-4o", MOMENT) == before
    finally:
        set_custom_snapshot(None)
    assert before.version == f"genai-prices {version('genai-prices')}"


def test_the_prices_are_those_of_the_moment() -> None:
    changed = [
        (f"{provider.id}:{info.id}", price.constraint.start_date)
        for provider in providers
        for info in provider.models
        if isinstance(info.prices, list)
        for price in info.prices
        if price.constraint is not None and hasattr(price.constraint, "start_date")
    ]
    differing = 0
    for model, start in changed:
        after = datetime.combine(start, time(0), UTC)
        try:
            earlier = price_list(model, datetime(2020, 1, 1, tzinfo=UTC))
        except UnknownModel:
            continue
        differing += price_list(model, after).tariffs != earlier.tariffs
    assert differing > 0
