"""Whose model a hosted agent asks: by where its requests go, and not by the name of the library that sends them.

Half of all providers are asked through OpenAI's client with another address. Where nobody knows whose address it is, the
provider is `unknown`, and so is the price: a wrong one would be worse.
"""

import re
from typing import Final
from urllib.parse import urlsplit

from netra.datasets.offload import in_thread

UNKNOWN: Final = "unknown"

OPENAI: Final = "openai"


async def provider_at(url: str) -> str:
    """Whose API this URL is of, as the price list names them."""
    if urlsplit(url).hostname == "api.openai.com":
        return OPENAI
    return await in_thread(_listed, url)


def _listed(url: str) -> str:
    """Blocks: the first call imports the list."""
    try:
        from genai_prices.data import providers
    except ModuleNotFoundError:  # it comes with the extra `llm`
        return UNKNOWN
    # Not by the library's own look-up: it remembers each URL that it did not find, and users may think of many.
    return next((each.id for each in providers if re.match(each.api_pattern, url)), UNKNOWN)
