"""What one answer of a model costs, at the list prices that ship with `genai-prices`."""

from datetime import datetime
from decimal import Decimal
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from genai_prices.data_snapshot import DataSnapshot


def cost_of(model: str, at: datetime, input_tokens: int, output_tokens: int, cached_tokens: int) -> Decimal | None:
    """US dollars for one answer of `model` (`provider:name`) at the moment `at`; None when the list does not say.

    `cached_tokens` are those of the input that the provider read from its cache. Blocks: the first call imports the list
    (0.4 s).
    """
    from genai_prices import Usage

    provider, _, name = model.partition(":")
    usage = Usage(input_tokens=input_tokens, output_tokens=output_tokens, cache_read_tokens=cached_tokens)
    try:
        found = _snapshot().calc(usage, name, provider, None, at)
    except LookupError:
        return None
    # A model that is listed without a price of tokens would come out as free.
    rates = found.model_price
    return None if rates.input_mtok is None and rates.output_mtok is None else found.total_price


@cache
def _snapshot() -> "DataSnapshot":
    from genai_prices.data import providers
    from genai_prices.data_snapshot import DataSnapshot

    # A list of our own: anybody in this process may replace the library's by one fetched over the network.
    return DataSnapshot(providers=providers, from_auto_update=False)
