"""Real accounts for the benchmark, signed up over HTTP like anybody."""

import asyncio
import uuid
from typing import Any

import httpx

PASSWORD = "a long enough benchmark password"


class Person:
    """A signed-in user of the server under measurement."""

    def __init__(self, client: httpx.AsyncClient, token: str) -> None:
        self._client = client
        self.token = token
        self._headers = {"Authorization": f"Bearer {token}"}

    async def post(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        answer = await self._client.post(path, json=body, headers=self._headers)
        answer.raise_for_status()
        content: dict[str, Any] = answer.json()
        return content

    async def get(self, path: str) -> dict[str, Any]:
        answer = await self._client.get(path, headers=self._headers)
        answer.raise_for_status()
        content: dict[str, Any] = answer.json()
        return content

    async def thread(self) -> str:
        return str((await self.post("/api/threads", {"title": "bench"}))["id"])

    async def run(self, thread_id: str, agent: str, **input: Any) -> dict[str, Any]:
        return await self.post(f"/api/threads/{thread_id}/runs", {"agent": agent, "input": input})


async def sign_up(client: httpx.AsyncClient, count: int) -> list[Person]:
    """Register `count` people, a few at a time: a password hash is meant to be slow."""
    gate = asyncio.Semaphore(4)

    async def one() -> Person:
        async with gate:
            body = {"email": f"{uuid.uuid4().hex}@bench.example", "password": PASSWORD}
            answer = await client.post("/auth/register", json=body)
            answer.raise_for_status()
            return Person(client, answer.json()["access_token"])

    return list(await asyncio.gather(*(one() for _ in range(count))))
