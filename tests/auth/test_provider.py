"""One provider as a client sees it, in every way in which it may go wrong."""

import asyncio
import gzip
import secrets
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx2
import pytest

from netra.auth.id_token import InvalidIdToken
from netra.auth.provider import (
    KEPT,
    LARGEST_ANSWER,
    PAUSE,
    BoundedTransport,
    ExternalUser,
    OpenIdProvider,
    ProviderUnavailable,
    SignInRefused,
)
from netra.testing.clock import ManualClock
from tests.fixtures.oidc import ProviderProcess, provider, running_provider

__all__ = ["provider", "running_provider"]

REDIRECT = "http://netra.test/auth/callback/idp"
VERIFIER = "v" * 64


@pytest.fixture
async def pool() -> AsyncIterator[httpx2.AsyncHTTPTransport]:
    async with httpx2.AsyncHTTPTransport(trust_env=False) as pool:
        yield pool


@pytest.fixture
def idp(provider: ProviderProcess, pool: httpx2.AsyncHTTPTransport, clock: ManualClock) -> OpenIdProvider:
    return OpenIdProvider(provider.registration(), pool, clock)


async def leave(idp: OpenIdProvider, nonce: str = "nonce") -> str:
    return await idp.authorization_url(redirect_uri=REDIRECT, state="state", nonce=nonce, verifier=VERIFIER)


async def identify(idp: OpenIdProvider, provider: ProviderProcess, user: str = "carol", **wrong: Any) -> ExternalUser:
    nonce = secrets.token_urlsafe()  # the provider gives no second code for one
    brought = await provider.visit(await leave(idp, nonce), user)
    given = {"issuer": None, "redirect_uri": REDIRECT, "verifier": VERIFIER, "nonce": nonce, **wrong}
    return await idp.identify(brought["code"], **given)


async def test_a_code_is_changed_into_who_somebody_is(idp: OpenIdProvider, provider: ProviderProcess) -> None:
    assert await identify(idp, provider) == ExternalUser(
        "idp", provider.issuer, "carol-at-idp", "carol@example.com", email_verified=True, name="Carol"
    )


@pytest.mark.parametrize(
    ("verified", "counts"),
    [
        (True, True),
        ("true", True),
        (False, False),
        ("false", False),
        (None, False),
        ("yes", False),
        ([1], False),
        (1, False),
        (2, False),
    ],
)
async def test_an_address_is_verified_only_when_the_provider_says_so(
    idp: OpenIdProvider, provider: ProviderProcess, verified: Any, counts: bool
) -> None:
    provider.set(claims={"email_verified": verified})
    assert (await identify(idp, provider)).email_verified is counts


@pytest.mark.parametrize(("claim", "name"), [(" Carol ", "Carol"), ("x" * 200, ""), ("a\0b", ""), (7, ""), (None, "")])
async def test_a_name_that_can_be_none_here_is_left_out(
    idp: OpenIdProvider, provider: ProviderProcess, claim: Any, name: str
) -> None:
    provider.set(claims={"name": claim})
    assert (await identify(idp, provider)).name == name


WRONG: dict[str, dict[str, Any]] = {
    "a wrong nonce": {"claims": {"nonce": "another"}},
    "no nonce": {"without": ["nonce"]},
    "another audience": {"claims": {"aud": ["another"]}},
    "another party": {"claims": {"azp": "another"}},
    "another issuer": {"claims": {"iss": "https://evil.example"}},
    "an expired token": {"claims": {"exp": 1_700_000_000}},
    "no subject": {"without": ["sub"]},
    "no signature": {"signature": "none"},
    "a signature with the public key": {"signature": "HS256"},
    "a signature of nobody known": {"signature": "stranger"},
    "a forged signature": {"signature": "forged"},
    "no ID token": {"id_token": False},
}


@pytest.mark.parametrize("wrong", WRONG)
async def test_an_id_token_with_anything_wrong_identifies_nobody(
    idp: OpenIdProvider, provider: ProviderProcess, wrong: str
) -> None:
    provider.set(**WRONG[wrong])
    with pytest.raises(InvalidIdToken):
        await identify(idp, provider)


@pytest.mark.parametrize("wrong", [{"verifier": "w" * 64}, {"redirect_uri": REDIRECT + "/elsewhere"}])
async def test_a_code_is_worth_nothing_to_who_did_not_ask_for_it(
    idp: OpenIdProvider, provider: ProviderProcess, wrong: dict[str, str]
) -> None:
    with pytest.raises(SignInRefused):
        await identify(idp, provider, **wrong)


async def test_a_code_is_good_for_one_exchange(idp: OpenIdProvider, provider: ProviderProcess) -> None:
    brought = await provider.visit(await leave(idp), "carol")

    async def exchange() -> ExternalUser:
        return await idp.identify(brought["code"], issuer=None, redirect_uri=REDIRECT, verifier=VERIFIER, nonce="nonce")

    await exchange()
    with pytest.raises(SignInRefused):
        await exchange()


@pytest.mark.parametrize("endpoint", ["discovery", "token", "keys"])
@pytest.mark.parametrize(
    "fault",
    [
        {"down": True},
        {"moved": True},
        {"broken": "<html>"},
        {"broken": "[]"},
        {"broken": "\xff"},
        {"broken": "[" * 100_000},
        {"broken": '"' + "x" * LARGEST_ANSWER + '"'},
    ],
    ids=["down", "moved", "no JSON", "no object", "no text", "nested without end", "too long"],
)
async def test_a_provider_that_does_not_answer_as_it_should_is_unavailable(
    idp: OpenIdProvider, provider: ProviderProcess, endpoint: str, fault: dict[str, Any]
) -> None:
    # What is read on the way there is read before.
    brought = {"code": "x"} if endpoint == "discovery" else await provider.visit(await leave(idp), "carol")
    ((kind, how),) = fault.items()
    provider.set(**{kind: [endpoint] if how is True else {endpoint: how}})
    with pytest.raises(ProviderUnavailable):
        await idp.identify(brought["code"], issuer=None, redirect_uri=REDIRECT, verifier=VERIFIER, nonce="nonce")
    assert provider.asked("elsewhere") == 0


async def test_a_provider_that_is_not_there_is_unavailable_and_comes_back(
    pool: httpx2.AsyncHTTPTransport, provider: ProviderProcess, clock: ManualClock
) -> None:
    nowhere = OpenIdProvider(provider.registration(issuer="http://127.0.0.1:1"), pool, clock)
    with pytest.raises(ProviderUnavailable):
        await leave(nowhere)
    idp = OpenIdProvider(provider.registration(), pool, clock)
    provider.set(down=["discovery"])
    with pytest.raises(ProviderUnavailable):
        await leave(idp)
    provider.set(down=[])
    # It is not asked again at once: all who want to sign in meanwhile would stand in line for its silence.
    with pytest.raises(ProviderUnavailable) as refused:
        await leave(idp)
    assert refused.value.retry_after == PAUSE
    assert provider.asked("discovery") == 1
    clock.advance(PAUSE)
    await leave(idp)


async def test_a_provider_that_does_not_know_us_is_the_operators_problem(
    pool: httpx2.AsyncHTTPTransport, provider: ProviderProcess, clock: ManualClock
) -> None:
    idp = OpenIdProvider(provider.registration(client_secret="wrong"), pool, clock)
    with pytest.raises(ProviderUnavailable):
        await identify(idp, provider)


@pytest.mark.parametrize(
    ("methods", "changes"),
    [
        (["client_secret_post"], {}),
        (["client_secret_basic", "client_secret_post"], {}),
        (["none"], {"client_secret": None}),
    ],
    ids=str,
)
async def test_we_prove_who_we_are_as_the_provider_wants_it(
    pool: httpx2.AsyncHTTPTransport, provider: ProviderProcess, clock: ManualClock, methods: list[str], changes: Any
) -> None:
    provider.set(auth_methods=methods)
    assert (await identify(OpenIdProvider(provider.registration(**changes), pool, clock), provider)).name == "Carol"


@pytest.mark.parametrize(
    "document",
    [
        {"issuer": "https://evil.example"},
        {"issuer": None},
        {"token_endpoint": "http://evil.example/token"},
        {"token_endpoint": "file:" + "//etc/passwd"},
        {"token_endpoint": 7},
        {"jwks_uri": None},
        {"jwks_uri": "https://"},
        {"authorization_endpoint": "javascript:alert(1)"},
        {"userinfo_endpoint": "http://evil.example"},
    ],
    ids=str,
)
async def test_a_document_that_is_not_the_issuers_or_leads_into_the_open_is_refused(
    idp: OpenIdProvider, provider: ProviderProcess, document: dict[str, Any]
) -> None:
    provider.set(discovery=document)
    with pytest.raises(ProviderUnavailable):
        await leave(idp)


async def test_what_is_published_is_read_once_and_again_when_it_is_old(
    idp: OpenIdProvider, provider: ProviderProcess, clock: ManualClock
) -> None:
    async with asyncio.timeout(30):
        await asyncio.gather(*(identify(idp, provider) for _ in range(8)))
    assert (provider.asked("discovery"), provider.asked("keys")) == (1, 1)
    clock.advance(KEPT + 1)
    await identify(idp, provider)
    assert (provider.asked("discovery"), provider.asked("keys")) == (2, 2)


async def test_keys_that_were_rotated_are_read_once_more_and_an_unknown_one_not_for_ever(
    idp: OpenIdProvider, provider: ProviderProcess
) -> None:
    await identify(idp, provider)
    provider.set(rotate=True)
    assert (await identify(idp, provider)).subject == "carol-at-idp"
    assert provider.asked("keys") == 2
    provider.set(signature="stranger")
    with pytest.raises(InvalidIdToken):
        await identify(idp, provider)
    assert provider.asked("keys") == 3


async def test_what_the_id_token_leaves_out_is_asked_for_and_has_to_be_about_the_same_person(
    idp: OpenIdProvider, provider: ProviderProcess
) -> None:
    provider.set(without=["email", "email_verified", "name"])
    somebody = await identify(idp, provider)
    assert (somebody.email, somebody.email_verified, somebody.name) == ("carol@example.com", True, "Carol")
    assert provider.asked("userinfo") == 1
    provider.set(user_info={"sub": "somebody-else"})
    with pytest.raises(InvalidIdToken):
        await identify(idp, provider)


async def test_one_places_word_for_an_address_is_not_taken_for_anothers(idp: OpenIdProvider, provider: ProviderProcess) -> None:
    provider.set(without=["email"], user_info={"email": "victim@example.com", "email_verified": False})
    somebody = await identify(idp, provider)
    assert (somebody.email, somebody.email_verified) == ("victim@example.com", False)


@pytest.mark.parametrize(
    "answer",
    [
        '{"access_token": "x", "expires_in": []}',
        '{"access_token": "x", "expires_in": 1e400}',
        '{"access_token": 7, "id_token": 7}',
        '{"error": ["invalid_grant"]}',
        '{"error": null}',
        "{}",
    ],
)
async def test_an_answer_of_the_token_endpoint_that_makes_no_sense_is_no_fault_of_ours(
    idp: OpenIdProvider, provider: ProviderProcess, answer: str
) -> None:
    brought = await provider.visit(await leave(idp), "carol")
    provider.set(broken={"token": answer})
    with pytest.raises((ProviderUnavailable, InvalidIdToken)):
        await idp.identify(brought["code"], issuer=None, redirect_uri=REDIRECT, verifier=VERIFIER, nonce="nonce")


async def test_a_provider_that_names_itself_in_its_redirects_has_to(
    pool: httpx2.AsyncHTTPTransport, provider: ProviderProcess, clock: ManualClock
) -> None:
    provider.set(discovery={"authorization_response_iss_parameter_supported": True})
    idp = OpenIdProvider(provider.registration(), pool, clock)
    for issuer in (None, "https://evil.example"):
        with pytest.raises(SignInRefused):
            await identify(idp, provider, issuer=issuer)
    assert (await identify(idp, provider, issuer=provider.issuer)).subject == "carol-at-idp"


async def test_two_exchanges_at_once_share_no_token(idp: OpenIdProvider, provider: ProviderProcess) -> None:
    # The addresses come from /userinfo, which is asked with the access token: the wrong one would be somebody else's.
    provider.set(without=["email"])
    people = ["carol", "dave"] * 6
    async with asyncio.timeout(60):
        found = await asyncio.gather(*(identify(idp, provider, person) for person in people))
    assert [somebody.email for somebody in found] == [f"{person}@example.com" for person in people]


async def test_the_way_there_asks_for_no_more_than_who_somebody_is(idp: OpenIdProvider) -> None:
    asked = parse_qs(urlsplit(await leave(idp)).query)
    assert asked["scope"] == ["openid email profile"]
    assert VERIFIER not in str(asked)


class Compressed(httpx2.AsyncBaseTransport):
    """A server that compresses although nobody asked it to."""

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        assert request.headers["Accept-Encoding"] == "identity"
        return httpx2.Response(200, headers={"Content-Encoding": "gzip"}, content=gzip.compress(b" " * 10**7))


async def test_an_answer_that_would_unfold_without_end_is_not_unfolded() -> None:
    async with httpx2.AsyncClient(transport=BoundedTransport(Compressed())) as client:
        with pytest.raises(httpx2.DecodingError):
            await client.get("http://idp.test/")


async def test_secrets_show_in_no_representation(provider: ProviderProcess) -> None:
    assert str(provider.registration().client_secret) not in repr(provider.registration())
