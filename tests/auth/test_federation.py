"""To an OpenID provider and back: a real one, in a process of its own, that can be told to misbehave."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from netra.auth.external import AccountDisabled, AddressNotProven, EmailNotVerified
from netra.auth.federation import (
    Departure,
    Federation,
    InvalidSignInAttempt,
    Return,
    SignInCancelled,
    UnknownProvider,
)
from netra.auth.id_token import InvalidIdToken
from netra.auth.provider import ProviderUnavailable, SignInRefused
from netra.auth.sign_in import SignIn
from netra.auth.throttle import TooManyFromAddress
from netra.db.database import Database
from netra.errors import NetraError
from netra.testing.clock import ManualClock
from tests.fixtures.oidc import CAROL, ProviderProcess, provider, running_provider
from tests.fixtures.sign_in import ISSUER, fetch, quick_passwords

__all__ = ["provider", "running_provider"]

ADDRESS = "192.0.2.7"


@pytest.fixture
async def sign_in(database: Database, clock: ManualClock, provider: ProviderProcess) -> AsyncIterator[SignIn]:
    """Sign-in with two names for the same provider, so that one can be mistaken for the other."""
    registrations = [provider.registration("idp"), provider.registration("other")]
    async with SignIn.open(
        database, issuer=ISSUER, passwords=quick_passwords(), providers=registrations, clock=clock
    ) as sign_in:
        yield sign_in


async def go(sign_in: SignIn, provider: ProviderProcess, user: str = "carol") -> tuple[Departure, Return]:
    """Leave for the provider, sign in there, and come back to the door."""
    departure = await sign_in.federation.begin("idp", ADDRESS)
    brought = await provider.visit(departure.url, user)
    return departure, Return(
        brought["state"], brought.get("code"), brought.get("error"), brought.get("iss"), browser=departure.browser
    )


async def come(sign_in: SignIn, provider: ProviderProcess, user: str = "carol") -> Any:
    _, returned = await go(sign_in, provider, user)
    pair, profile = await sign_in.log_in_externally("idp", returned, ADDRESS)
    assert (await sign_in.identities.authenticate(pair.access_token)).user_id == profile.user_id
    return profile


async def test_who_comes_the_first_time_gets_an_account_and_the_next_time_the_same(
    sign_in: SignIn, provider: ProviderProcess, database: Database
) -> None:
    first, again = await come(sign_in, provider), await come(sign_in, provider)
    assert first == again
    assert (first.email, first.name, first.role, first.plan) == ("carol@example.com", "Carol", "user", "free")
    assert await fetch(database, "SELECT password_hash, kind, email_verified_at IS NOT NULL FROM account") == [
        (None, "person", True)
    ]
    assert await fetch(database, "SELECT issuer, subject, provider FROM external_identity") == [
        (provider.issuer, "carol-at-idp", "idp")
    ]
    lines = await fetch(database, "SELECT action, detail ->> 'via', actor_id FROM audit ORDER BY at, action")
    assert lines == [
        ("account_created", None, first.user_id),
        ("identity_linked", None, first.user_id),
        ("signed_in", "oidc", first.user_id),
        ("signed_in", "oidc", first.user_id),
    ]


async def test_the_browser_is_sent_with_a_challenge_and_never_with_what_answers_it(
    sign_in: SignIn, provider: ProviderProcess, database: Database
) -> None:
    departure = await sign_in.federation.begin("idp", ADDRESS)
    asked = {name: values[0] for name, values in parse_qs(urlsplit(departure.url).query).items()}
    assert departure.url.startswith(f"{provider.issuer}/authorize?")
    assert asked.keys() == {
        *("response_type", "client_id", "redirect_uri", "scope", "state", "nonce", "code_challenge", "code_challenge_method")
    }
    assert asked["redirect_uri"] == f"{ISSUER}/auth/callback/idp"
    assert (asked["response_type"], asked["code_challenge_method"], len(asked["code_challenge"])) == ("code", "S256", 43)
    ((kept, verifier),) = await fetch(database, "SELECT sign_in_attempt::text, code_verifier FROM sign_in_attempt")
    assert verifier not in departure.url
    assert asked["state"] not in kept
    assert departure.browser not in kept


async def test_an_identity_is_its_subject_whatever_becomes_of_its_address(
    sign_in: SignIn, provider: ProviderProcess, database: Database
) -> None:
    first = await come(sign_in, provider)
    provider.set(users={"carol": {**CAROL, "email": "married@example.com", "email_verified": False}})
    assert await come(sign_in, provider) == first
    # And somebody who is given her old address there is not her: linked to the account, but by proof of the address alone.
    provider.set(users={"heir": {**CAROL, "sub": "somebody-else", "email": "fresh@example.com"}})
    assert (await come(sign_in, provider, "heir")).user_id != first.user_id


async def test_two_people_at_once_get_their_own(sign_in: SignIn, provider: ProviderProcess) -> None:
    people = ["carol", "dave"] * 4
    async with asyncio.timeout(60):
        profiles = await asyncio.gather(*(come(sign_in, provider, person) for person in people))
    assert [profile.email for profile in profiles] == [f"{person}@example.com" for person in people]
    assert len({profile.user_id for profile in profiles}) == 2


async def test_a_return_counts_once(sign_in: SignIn, provider: ProviderProcess, database: Database) -> None:
    _, returned = await go(sign_in, provider)
    await sign_in.log_in_externally("idp", returned, ADDRESS)
    with pytest.raises(InvalidSignInAttempt):
        await sign_in.log_in_externally("idp", returned, ADDRESS)
    assert await fetch(database, "SELECT count(*) FROM session") == [(1,)]


async def test_of_ten_simultaneous_returns_with_one_state_one_signs_in(sign_in: SignIn, provider: ProviderProcess) -> None:
    _, returned = await go(sign_in, provider)

    async def attempt() -> bool:
        try:
            await sign_in.log_in_externally("idp", returned, ADDRESS)
        except InvalidSignInAttempt:
            return False
        return True

    async with asyncio.timeout(30):
        assert sum(await asyncio.gather(*(attempt() for _ in range(10)))) == 1


async def test_nobody_is_signed_in_with_a_return_that_began_in_another_browser(
    sign_in: SignIn, provider: ProviderProcess, database: Database
) -> None:
    _, attackers = await go(sign_in, provider, "dave")
    victims, _ = await go(sign_in, provider, "carol")
    for browser in (victims.browser, "", "browser_" + "A" * 43):
        lured = Return(attackers.state, attackers.code, None, None, browser=browser)
        with pytest.raises(InvalidSignInAttempt):
            await sign_in.log_in_externally("idp", lured, ADDRESS)
    assert await fetch(database, "SELECT count(*) FROM session") == [(0,)]
    # The attacker's own way back was not used up by it; it only ever leads to the attacker.
    _, profile = await sign_in.log_in_externally("idp", attackers, ADDRESS)
    assert profile.email == "dave@example.com"


async def test_a_return_belongs_to_the_provider_it_left_for(sign_in: SignIn, provider: ProviderProcess) -> None:
    _, returned = await go(sign_in, provider)
    with pytest.raises(InvalidSignInAttempt):
        await sign_in.log_in_externally("other", returned, ADDRESS)


async def test_a_return_that_took_too_long_is_refused_and_swept(
    sign_in: SignIn, provider: ProviderProcess, database: Database
) -> None:
    _, returned = await go(sign_in, provider)
    await fetch(database, "UPDATE sign_in_attempt SET expires_at = now() - interval '1 second'")
    with pytest.raises(InvalidSignInAttempt):
        await sign_in.log_in_externally("idp", returned, ADDRESS)
    await sign_in.federation.begin("idp", ADDRESS)
    assert await sign_in.federation.sweep() == 1
    assert await fetch(database, "SELECT count(*) FROM sign_in_attempt") == [(1,)]


@pytest.mark.parametrize("state", ["", "x", "state_" + "A" * 43, "state_\ud800", "s" * 4096])
async def test_a_state_that_was_never_given_out_is_refused(sign_in: SignIn, state: str) -> None:
    with pytest.raises(InvalidSignInAttempt):
        await sign_in.log_in_externally("idp", Return(state, "code", None, None, "browser_" + "A" * 43), ADDRESS)


@pytest.mark.parametrize(
    ("error", "refusal"),
    [
        ("access_denied", SignInCancelled),
        ("login_required", SignInCancelled),
        ("temporarily_unavailable", ProviderUnavailable),
        ("invalid_scope", SignInRefused),
        ("<script>", SignInRefused),
    ],
)
async def test_what_the_provider_says_instead_of_a_code_is_told_apart(
    sign_in: SignIn, error: str, refusal: type[NetraError]
) -> None:
    departure = await sign_in.federation.begin("idp", ADDRESS)
    state = parse_qs(urlsplit(departure.url).query)["state"][0]
    with pytest.raises(refusal) as refused:
        await sign_in.log_in_externally("idp", Return(state, None, error, None, departure.browser), ADDRESS)
    assert error not in refused.value.detail


async def test_somebody_who_is_not_signed_in_by_the_provider_is_not_by_us(sign_in: SignIn, provider: ProviderProcess) -> None:
    _, returned = await go(sign_in, provider, "a stranger")
    assert returned.error == "access_denied"
    with pytest.raises(SignInCancelled):
        await sign_in.log_in_externally("idp", returned, ADDRESS)


@pytest.mark.parametrize("code", [None, "", "invented", "x\0y", "ü\ud800"])
async def test_a_code_that_the_provider_did_not_give_is_refused(sign_in: SignIn, code: str | None) -> None:
    departure = await sign_in.federation.begin("idp", ADDRESS)
    state = parse_qs(urlsplit(departure.url).query)["state"][0]
    with pytest.raises((SignInRefused, ProviderUnavailable)):
        await sign_in.log_in_externally("idp", Return(state, code, None, None, departure.browser), ADDRESS)


async def test_a_code_that_was_stolen_is_worth_nothing_without_the_verifier(sign_in: SignIn, provider: ProviderProcess) -> None:
    _, victims = await go(sign_in, provider, "carol")
    departure = await sign_in.federation.begin("idp", ADDRESS)
    own = await provider.visit(departure.url, "dave")
    injected = Return(own["state"], victims.code, None, None, departure.browser)
    with pytest.raises(SignInRefused):
        await sign_in.log_in_externally("idp", injected, ADDRESS)


async def test_a_return_that_names_another_issuer_is_refused(sign_in: SignIn, provider: ProviderProcess) -> None:
    _, returned = await go(sign_in, provider)
    elsewhere = Return(returned.state, returned.code, None, "https://evil.example", returned.browser)
    with pytest.raises(SignInRefused):
        await sign_in.log_in_externally("idp", elsewhere, ADDRESS)


async def test_an_unknown_provider_is_unknown(sign_in: SignIn) -> None:
    with pytest.raises(UnknownProvider):
        await sign_in.federation.begin("nobody", ADDRESS)
    with pytest.raises(UnknownProvider):
        await sign_in.federation.end("nobody", Return())
    assert sign_in.federation.names == ["idp", "other"]


async def test_departures_of_one_address_are_counted(
    sign_in: SignIn, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("netra.auth.federation.BEGUN_PER_ADDRESS", 2)
    for _ in range(2):
        await sign_in.federation.begin("idp", ADDRESS)
    with pytest.raises(TooManyFromAddress) as refused:
        await sign_in.federation.begin("idp", ADDRESS)
    assert 590 < refused.value.retry_after <= 600
    assert await fetch(database, "SELECT count(*) FROM sign_in_attempt") == [(2,)]
    await sign_in.federation.begin("idp", "198.51.100.9")


async def test_a_wrong_id_token_signs_nobody_in(sign_in: SignIn, provider: ProviderProcess, database: Database) -> None:
    provider.set(claims={"nonce": "another"})
    _, returned = await go(sign_in, provider)
    with pytest.raises(InvalidIdToken):
        await sign_in.log_in_externally("idp", returned, ADDRESS)
    assert await fetch(database, "SELECT id FROM account UNION SELECT id FROM session") == []


@pytest.mark.parametrize(("change", "error"), [({"email_verified": False}, EmailNotVerified), ({}, AddressNotProven)])
async def test_who_is_refused_leaves_nothing_behind(
    sign_in: SignIn, provider: ProviderProcess, database: Database, change: dict[str, Any], error: type[NetraError]
) -> None:
    await sign_in.register("carol@example.com", "the-attackers-own")
    provider.set(users={"carol": {**CAROL, **change}})
    before = await fetch(database, "SELECT id FROM account UNION SELECT id FROM session UNION SELECT id FROM audit")
    _, returned = await go(sign_in, provider)
    with pytest.raises(error):
        await sign_in.log_in_externally("idp", returned, ADDRESS)
    after = await fetch(database, "SELECT id FROM account UNION SELECT id FROM session UNION SELECT id FROM audit")
    assert (after, await fetch(database, "SELECT * FROM external_identity")) == (before, [])


async def test_a_disabled_account_stays_out(sign_in: SignIn, provider: ProviderProcess) -> None:
    profile = await come(sign_in, provider)
    await sign_in.accounts.disable(profile.email)
    _, returned = await go(sign_in, provider)
    with pytest.raises(AccountDisabled):
        await sign_in.log_in_externally("idp", returned, ADDRESS)


async def test_cookies_are_for_this_host_only_where_there_is_tls(database: Database, clock: ManualClock) -> None:
    async with Federation.open(database, None, clock, (), public_url="https://netra.example") as safe:  # type: ignore[arg-type]
        assert safe.secure
        assert safe.cookie_of("state_x").startswith("__Host-")
        assert safe.cookie_of("state_x") != safe.cookie_of("state_y")
        assert safe.names == []
