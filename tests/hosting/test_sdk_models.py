"""A model of the Agents SDK is told by where it is asked, not by the library that asks it."""

from typing import Any

import pytest
from agents import Model, ModelResponse, MultiProvider, OpenAIChatCompletionsModel, OpenAIResponsesModel, Usage
from openai import AsyncAzureOpenAI, AsyncOpenAI

from netra.hosting.sdk_models import ANY_LLM, LITELLM, called

USERS = "sk-users"


def is_own(key: Any) -> bool:
    return bool(key == USERS)


class Silent(Model):
    """A model of nobody's."""

    async def get_response(self, *_: Any, **ids: Any) -> ModelResponse:
        return ModelResponse([], Usage(), None)

    def stream_response(self, *_: Any, **ids: Any) -> Any:
        raise NotImplementedError


def of_library(module: str, model: str, base_url: str | None = None, api_key: str | None = None) -> Model:
    """A model as the SDK makes one of a library that is not installed here: with these attributes, in this module."""
    kind = type("OfLibrary", (Silent,), {"__module__": module})
    made: Any = kind()
    made.model, made.base_url, made.api_key = model, base_url, api_key
    return made  # type: ignore[no-any-return]


def at(base_url: str | None, key: str = "sk-operators") -> AsyncOpenAI:
    return AsyncOpenAI(api_key=key, base_url=base_url)


AZURE = AsyncAzureOpenAI(api_key=USERS, azure_endpoint="https://mine.openai.azure.com", api_version="2025-01-01")


@pytest.mark.parametrize(
    ("model", "name", "own"),
    [
        (OpenAIResponsesModel("gpt-4o", at("https://api.openai.com/v1")), "openai:gpt-4o", False),
        (OpenAIResponsesModel("gpt-4o", at("https://api.openai.com/v1", USERS)), "openai:gpt-4o", True),
        (OpenAIChatCompletionsModel("grok-3", at("https://api.x.ai/v1", USERS)), "x-ai:grok-3", True),
        (OpenAIChatCompletionsModel("gpt-4o", at("http://127.0.0.1:8080/v1")), "unknown:gpt-4o", False),
        (OpenAIChatCompletionsModel("my-gpt", AZURE), "azure:my-gpt", True),
        (of_library(LITELLM, "anthropic/claude-sonnet-4-5", api_key=USERS), "anthropic:claude-sonnet-4-5", True),
        (of_library(LITELLM, "openrouter/openai/gpt-4o"), "openrouter:openai/gpt-4o", False),
        (of_library(LITELLM, "openai/gpt-4o", "http://127.0.0.1:8080/v1"), "unknown:gpt-4o", False),
        (of_library(LITELLM, "claude-sonnet-4-5"), "unknown:claude-sonnet-4-5", False),
        (of_library(ANY_LLM, "gpt-4o"), "openai:gpt-4o", False),
        (of_library("mine", "openai/gpt-4o", api_key=USERS), "unknown:openai/gpt-4o", False),
        (Silent(), "unknown:helper", False),
    ],
)
async def test_the_provider_is_the_one_that_is_asked_and_the_key_the_one_that_it_is_asked_with(
    model: Model, name: str, own: bool
) -> None:
    found = await called(model, "helper", is_own)
    assert (str(found), found.own_key) == (name, own)


async def test_a_name_with_a_prefix_is_asked_where_the_sdk_sends_it() -> None:
    provider = MultiProvider(openai_client=at("https://openrouter.ai/api/v1"), unknown_prefix_mode="model_id")
    for name, expected in (("openai/gpt-4o", "openrouter:gpt-4o"), ("x-ai/grok-3", "openrouter:x-ai/grok-3")):
        assert str(await called(provider.get_model(name), name, is_own)) == expected
