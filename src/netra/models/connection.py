"""How the model of the settings is reached. Needs the extra `llm`; importing it takes seconds, so it is done at start."""

import ssl
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import TYPE_CHECKING, Final

from netra.models.language_model import ModelUnusable

try:
    import httpx2
    from openai import AsyncOpenAI
    from pydantic_ai.exceptions import UserError
    from pydantic_ai.models import Model, infer_model
    from pydantic_ai.models.openai import OpenAIChatModel
    from pydantic_ai.providers import Provider, infer_provider_class
    from pydantic_ai.providers.openai import OpenAIProvider
except ImportError as error:
    raise ModelUnusable("NETRA_MODEL needs the extra llm: pip install 'netra[llm]'.") from error

if TYPE_CHECKING:
    from netra.models.language_model import Connect

OPENAI: Final = "https://api.openai.com/v1"

NO_KEY: Final = "none"
"""What is sent as a key to servers that want none; their clients insist on one."""


def connector(name: str, url: str | None) -> "Connect":
    """How to reach the model `name` (`provider:name`): at the OpenAI-compatible `url`, else at its provider.

    Raises `ModelUnusable` for a provider that there is not, or whose package is not installed. Blocks: it imports them.
    """
    provider, _, model = name.partition(":")
    if url is not None or provider == "openai":
        return _compatible(model, url or OPENAI)
    try:
        _of_provider(name, NO_KEY)
    except (ImportError, ValueError, UserError) as error:
        raise ModelUnusable(
            f"NETRA_MODEL: {provider} is no provider that is installed here; "
            "give NETRA_MODEL_URL for a server that speaks OpenAI's language, or install the provider's package."
        ) from error

    @asynccontextmanager
    async def connect(key: str | None) -> AsyncIterator[Model]:
        async with _of_provider(name, key or NO_KEY) as model:
            yield model

    return connect


def _of_provider(name: str, key: str) -> Model:
    def provider(named: str) -> "Provider[object]":
        return infer_provider_class(named)(api_key=key)  # type: ignore[call-arg]  # each has one, the base class does not say so

    return infer_model(name, provider_factory=provider)


def _compatible(model: str, url: str) -> "Connect":
    # Reading the certificates takes 20 ms of the event loop, and they are the same for everybody.
    trusted = ssl.create_default_context()

    def connect(key: str | None) -> AbstractAsyncContextManager[Model]:
        return _asked_with(key, model, url, trusted)

    return connect


@asynccontextmanager
async def _asked_with(key: str | None, model: str, url: str, trusted: ssl.SSLContext) -> AsyncIterator[Model]:
    # No time limit and no repetition of its own: whoever asks has both, and counts each request. No redirect: it would
    # take the key along.
    async with httpx2.AsyncClient(verify=trusted, timeout=None, follow_redirects=False) as http:
        client = AsyncOpenAI(base_url=url, api_key=key or NO_KEY, http_client=http, max_retries=0)
        yield OpenAIChatModel(model, provider=OpenAIProvider(openai_client=client))
