"""Forgotten passwords over HTTP, with a link that a mail server took."""

import asyncio
import email
import re
from email.policy import default
from pathlib import Path
from typing import Any

import httpx

from netra.db.database import Database
from tests.auth.test_mail import mail_server
from tests.fixtures.sign_in import fetch
from tests.fixtures.world import ORIGIN, PASSWORD, World, open_world

NEW = "another-long-secret"


async def request(client: httpx.AsyncClient, address: str) -> tuple[int, bytes]:
    answer = await client.post("/auth/password-reset/request", json={"email": address})
    assert answer.headers["cache-control"] == "no-store"
    return answer.status_code, answer.content


async def test_a_forgotten_password_is_set_anew_by_what_the_mail_says(database_url: str, tmp_path: Path) -> None:
    with mail_server() as (inbox, sender):
        mail: dict[str, Any] = {"mail_url": f"smtp://127.0.0.1:{sender.port}", "mail_from": "netra@example.com"}
        async with open_world(database_url, tmp_path, with_worker=False, **mail) as world:
            ann, client = await world.sign_up("ann"), world.client()
            async with ann.socket() as socket:
                assert await request(client, ann.email) == (202, b'{"status":"requested"}')
                async with asyncio.timeout(20):
                    await world.parts.sign_in.resets._requests.join()
                content = inbox.envelopes[0].content
                assert isinstance(content, bytes)
                message = email.message_from_bytes(content, policy=default)
                assert message["to"] == ann.email
                text = message.get_content()
                token = re.search(rf"{re.escape(ORIGIN)}/reset#token=(\S+)", text)
                assert token is not None
                weak = {"token": token[1], "password": "short"}
                assert (await client.post("/auth/password-reset/confirm", json=weak)).json()["code"] == "weak_password"
                form = {"token": token[1], "password": NEW}
                done = await client.post("/auth/password-reset/confirm", json=form)
                assert (done.status_code, done.content) == (204, b"")
                # The session that it belonged to has ended, so the socket ends at once.
                assert (await socket.closed())[0] == 4401
            again = await client.post("/auth/password-reset/confirm", json=form)
            assert (again.status_code, again.json()["code"]) == (401, "invalid_reset_token")
            for password, status in ((PASSWORD, 401), (NEW, 200)):
                answer = await client.post("/auth/login", json={"email": ann.email, "password": password})
                assert answer.status_code == status


async def test_every_request_has_the_same_answer(world: World, database: Database) -> None:
    ann = await world.sign_up("ann")
    client = world.client()
    answers = {await request(client, address) for address in (ann.email, "nobody@example.com", "nonsense", "", "x" * 5000)}
    assert answers == {(202, b'{"status":"requested"}')}
    answers = {await request(client, ann.email) for _ in range(10)}
    assert answers == {(202, b'{"status":"requested"}')}
    async with asyncio.timeout(20):
        await world.parts.sign_in.resets._requests.join()
    assert await fetch(database, "SELECT count(*) FROM password_reset") == [(3,)]


async def test_a_request_without_an_address_is_malformed(world: World) -> None:
    for form in ({}, {"email": None}, {"email": ["ann@example.com"]}):
        answer = await world.client().post("/auth/password-reset/request", json=form)
        assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, "email")
