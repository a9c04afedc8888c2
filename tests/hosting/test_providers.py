"""The provider of a model is whose address it is asked at, or unknown."""

import pytest

from netra.hosting.providers import provider_at


@pytest.mark.parametrize(
    ("url", "provider"),
    [
        ("https://api.openai.com/v1/", "openai"),
        ("https://mine.openai.azure.com/openai/", "azure"),
        ("https://openrouter.ai/api/v1", "openrouter"),
        ("https://api.groq.com/openai/v1", "groq"),
        ("http://127.0.0.1:8080/v1", "unknown"),
        ("https://gateway.example/api.openai.com/v1", "unknown"),
        ("", "unknown"),
    ],
)
async def test_a_provider_is_known_by_its_address_and_nobody_is_taken_for_openai(url: str, provider: str) -> None:
    assert await provider_at(url) == provider
