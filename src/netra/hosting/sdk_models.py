"""Which provider a model of the OpenAI Agents SDK asks, and with whose key."""

from collections.abc import Callable
from typing import Any, Final

from netra.hosting.frameworks import needing
from netra.hosting.providers import OPENAI, UNKNOWN, provider_at
from netra.hosting.requests import CalledModel

with needing("openai-agents"):
    from agents import Model, OpenAIChatCompletionsModel, OpenAIResponsesModel

LITELLM: Final = "agents.extensions.models.litellm_model"
ANY_LLM: Final = "agents.extensions.models.any_llm_model"
"""Where the SDK keeps its models of other libraries, whose names say the provider: `anthropic/claude-sonnet-4-5`. Known by
their modules, which cannot be imported where those libraries are missing."""


async def called(model: Model, label: str, is_own: Callable[[Any], bool]) -> CalledModel:
    """The model as it is asked. `label` names one that has no name; `is_own` says whether a key is the user's."""
    name = str(getattr(model, "model", label))
    modules = {kind.__module__ for kind in type(model).__mro__}
    given: Any = model
    if isinstance(model, OpenAIChatCompletionsModel | OpenAIResponsesModel):
        client = given._client  # noqa: SLF001 - the one place where the SDK says whom it asks
        return CalledModel(await provider_at(str(client.base_url)), name, is_own(client.api_key))
    if not modules & {LITELLM, ANY_LLM}:
        return CalledModel(UNKNOWN, name, own_key=False)
    prefix, slash, rest = name.partition("/")
    if not slash:
        # any-llm takes such a name for one of OpenAI's; LiteLLM looks for it in a list of its own.
        prefix, rest = (OPENAI if ANY_LLM in modules else UNKNOWN), name
    provider = await provider_at(given.base_url) if given.base_url else prefix
    return CalledModel(provider, rest, is_own(given.api_key))
