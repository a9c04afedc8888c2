"""Signing in with an OpenID provider as a browser does it: a real provider, a real server, cookies and all."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from netra.db.database import Database
from tests.fixtures.oidc import CAROL, CLIENT_ID, CLIENT_SECRET, ProviderProcess, provider, running_provider
from tests.fixtures.sign_in import fetch
from tests.fixtures.world import ORIGIN, World, open_world

__all__ = ["provider", "running_provider"]


@pytest.fixture
async def world(database_url: str, tmp_path: Path, provider: ProviderProcess) -> AsyncIterator[World]:
    settings: dict[str, Any] = {
        "oidc_providers": {"idp": provider.issuer, "gone": "http://127.0.0.1:1"},
        "oidc_clients": {"idp": CLIENT_ID, "gone": "x"},
        "oidc_secrets": {"idp": CLIENT_SECRET},
    }
    async with open_world(database_url, tmp_path, with_worker=False, **settings) as world:
        yield world


async def leave(browser: httpx.AsyncClient) -> httpx.Response:
    answer = await browser.get("/auth/login/idp")
    assert answer.status_code == 303
    return answer


async def go(browser: httpx.AsyncClient, provider: ProviderProcess, user: str = "carol") -> dict[str, str]:
    """Leave, sign in there, and return what the provider sends back."""
    return await provider.visit((await leave(browser)).headers["location"], user)


def refused(answer: httpx.Response, status: int, code: str) -> None:
    assert (answer.status_code, answer.json()["code"]) == (status, code), answer.text
    assert answer.headers["content-type"] == "application/problem+json"


async def test_a_browser_goes_there_and_back_and_is_signed_in(world: World, provider: ProviderProcess) -> None:
    browser = world.client()
    assert (await browser.get("/auth/config")).json()["providers"] == ["idp", "gone"]
    departure = await leave(browser)
    assert departure.headers["cache-control"] == "no-store"
    assert departure.headers["location"].startswith(provider.issuer)
    answer = await browser.get("/auth/callback/idp", params=await provider.visit(departure.headers["location"], "carol"))
    assert answer.status_code == 200, answer.text
    assert answer.headers["cache-control"] == "no-store"
    body = answer.json()
    assert set(body) == {"access_token", "refresh_token", "token_type", "expires_in", "user"}
    assert (body["user"]["email"], body["user"]["plan"]) == ("carol@example.com", "free")
    me = await browser.get("/auth/me", headers={"Authorization": f"Bearer {body['access_token']}"})
    assert me.json()["id"] == body["user"]["id"]
    assert (await browser.post("/auth/refresh", json={"refresh_token": body["refresh_token"]})).status_code == 200
    assert not browser.cookies  # taken back


async def test_the_cookie_is_kept_from_scripts_and_from_other_sites(world: World) -> None:
    cookie = (await leave(world.client())).headers["set-cookie"]
    assert cookie.startswith("netra_sign_in_")
    for word in ("HttpOnly", "SameSite=lax", "Max-Age=600", "Path=/"):
        assert word in cookie
    assert "Secure" not in cookie  # the test's server is reached without TLS
    assert ORIGIN.startswith("http:")


async def test_two_tabs_of_one_browser_do_not_take_each_others_way_back(world: World, provider: ProviderProcess) -> None:
    browser = world.client()
    first, second = await go(browser, provider), await go(browser, provider)
    for brought in (first, second):
        assert (await browser.get("/auth/callback/idp", params=brought)).status_code == 200


async def test_somebody_elses_way_back_signs_nobody_in(world: World, provider: ProviderProcess) -> None:
    attacker, victim = world.client(), world.client()
    brought = await go(attacker, provider, "dave")
    await leave(victim)
    refused(await victim.get("/auth/callback/idp", params=brought), 400, "invalid_sign_in_attempt")
    refused(await world.client().get("/auth/callback/idp", params=brought), 400, "invalid_sign_in_attempt")


async def test_a_way_back_is_gone_once(world: World, provider: ProviderProcess) -> None:
    browser = world.client()
    brought = await go(browser, provider)
    cookies = dict(browser.cookies)
    assert (await browser.get("/auth/callback/idp", params=brought)).status_code == 200
    replay = world.client()
    replay.cookies.update(cookies)
    refused(await replay.get("/auth/callback/idp", params=brought), 400, "invalid_sign_in_attempt")


async def test_every_refusal_has_a_code(world: World, provider: ProviderProcess, database: Database) -> None:
    browser = world.client()
    refused(await browser.get("/auth/login/nobody"), 404, "unknown_provider")
    refused(await browser.get("/auth/callback/nobody"), 404, "unknown_provider")
    refused(await browser.get("/auth/login/gone"), 503, "provider_unavailable")
    refused(await browser.get("/auth/callback/idp"), 400, "invalid_sign_in_attempt")
    refused(await browser.get("/auth/callback/idp", params={"state": "x" * 5000}), 422, "invalid_input")
    refused(await browser.get("/auth/callback/idp", params=await go(browser, provider, "x")), 403, "sign_in_cancelled")
    brought = await go(browser, provider)
    refused(await browser.get("/auth/callback/idp", params={**brought, "code": "wrong"}), 400, "sign_in_refused")
    provider.set(claims={"aud": "another"})
    refused(await browser.get("/auth/callback/idp", params=await go(browser, provider)), 401, "invalid_id_token")
    provider.set(claims={}, users={"carol": {**CAROL, "email_verified": False}})
    refused(await browser.get("/auth/callback/idp", params=await go(browser, provider)), 403, "email_not_verified")
    form = {"email": "carol@example.com", "password": "the-attackers-own"}
    assert (await browser.post("/auth/register", json=form)).status_code == 201
    provider.set(users={"carol": CAROL})
    refused(await browser.get("/auth/callback/idp", params=await go(browser, provider)), 409, "address_not_proven")
    await world.parts.sign_in.accounts.verify_email("carol@example.com")
    await world.parts.sign_in.accounts.disable("carol@example.com")
    refused(await browser.get("/auth/callback/idp", params=await go(browser, provider)), 403, "account_disabled")
    brought = await go(browser, provider)
    provider.set(down=["token"])
    answer = await browser.get("/auth/callback/idp", params=brought)
    refused(answer, 503, "provider_unavailable")
    assert answer.headers["retry-after"] == "1"
    assert await fetch(database, "SELECT * FROM external_identity") == []
