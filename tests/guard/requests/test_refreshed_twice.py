"""`netra.guard.requests.refreshed_twice`: a refresh token that several spend."""

import pytest

from netra.guard.requests.refreshed_twice import refreshed_twice
from tests.guard.programs import analysed

TEXT = """
class Client:
    async def request(self, url):
        {test}:
            {call}

    async def refresh(self, given=None):
        {body}
"""
GIVEN = {
    "test": "if self.token.is_expired()",
    "call": "await self.refresh()",
    "body": "await self.http.post('/token', refresh_token=self.token.refresh)",
}


def found(**other: str) -> list[str]:
    return [each.scope.name for each in refreshed_twice(analysed(TEXT.format(**GIVEN | other)))]


def test_who_finds_it_expired_refreshes_it_beside_others() -> None:
    assert found() == ["request"]
    assert found(call="await self.refresh(refresh_token=self.spare)", body="pass") == ["request"]
    assert found(body="await self.http.post('/token', data={'refresh_token': given})") == ["request"]


@pytest.mark.parametrize(
    "other",
    [
        {"test": "if self.token.is_empty()"},
        {"test": "if url.expired"},
        {"test": "async with self._lock"},
        {"call": "self.refresh()"},
        {"call": "await self.forget()"},
        {"body": "await self.http.post('/token', password=self.password)"},
        {"body": "await self._lock.acquire(); await self.http.post('/token', refresh_token=1)"},
    ],
)
def test_otherwise_nothing_is_spent_twice(other: dict[str, str]) -> None:
    assert found(**other) == []
