"""Which account somebody has who comes from a provider: an address is believed only when both sides have had it proved."""

import asyncio
from dataclasses import replace

import pytest

from netra.auth.external import AccountDisabled, AddressNotProven, EmailNotVerified
from netra.auth.provider import ExternalUser
from netra.auth.sign_in import SignIn
from netra.db.database import Database
from netra.ids import UserId
from tests.fixtures.sign_in import PASSWORD, fetch

CAROL = ExternalUser("idp", "https://idp.example", "carol-at-idp", "Carol@Example.com", email_verified=True, name="Carol")


async def admit(sign_in: SignIn, who: ExternalUser) -> UserId:
    async with sign_in.database.system().session() as session:
        return UserId((await sign_in.external.admit(session, who)).id)


async def test_a_verified_address_without_an_account_makes_one(sign_in: SignIn, database: Database) -> None:
    user_id = await admit(sign_in, CAROL)
    assert await fetch(database, "SELECT id, email, name, password_hash FROM account") == [
        (user_id, "carol@example.com", "Carol", None)
    ]
    assert await fetch(database, "SELECT id, kind FROM thread") == [(user_id, "account")]


@pytest.mark.parametrize("email", [None, "", "carol", "carol@localhost", "cаrol@example.com", "c\0@example.com"])
async def test_who_has_no_address_that_can_be_one_is_refused(sign_in: SignIn, database: Database, email: str | None) -> None:
    with pytest.raises(EmailNotVerified):
        await admit(sign_in, replace(CAROL, email=email))
    assert await fetch(database, "SELECT * FROM account") == []


async def test_an_address_that_the_provider_does_not_vouch_for_takes_over_no_account(
    sign_in: SignIn, database: Database
) -> None:
    await sign_in.register("carol@example.com", PASSWORD)
    await sign_in.accounts.verify_email("carol@example.com")
    with pytest.raises(EmailNotVerified):
        await admit(sign_in, replace(CAROL, email_verified=False))
    assert await fetch(database, "SELECT * FROM external_identity") == []


async def test_an_account_that_somebody_else_may_have_registered_is_not_shared(sign_in: SignIn, database: Database) -> None:
    await sign_in.register("carol@example.com", "the-attackers-own")
    with pytest.raises(AddressNotProven):
        await admit(sign_in, CAROL)
    assert await fetch(database, "SELECT * FROM external_identity") == []


async def test_an_account_whose_address_was_proved_is_linked_once(sign_in: SignIn, database: Database) -> None:
    _, registered = await sign_in.register("carol@example.com", PASSWORD)
    await sign_in.accounts.verify_email("carol@example.com")
    assert [await admit(sign_in, CAROL) for _ in range(2)] == [registered.user_id] * 2
    linked = await fetch(database, "SELECT user_id, actor_id, detail FROM audit WHERE action = 'identity_linked'")
    assert linked == [(registered.user_id, registered.user_id, {"provider": "idp"})]
    assert await fetch(database, "SELECT last_used_at > created_at FROM external_identity") == [(True,)]


async def test_two_providers_of_one_person_are_one_account_and_two_identities(sign_in: SignIn, database: Database) -> None:
    first = await admit(sign_in, CAROL)
    assert await admit(sign_in, replace(CAROL, provider="work", issuer="https://work.example")) == first
    assert await fetch(database, "SELECT count(*) FROM external_identity") == [(2,)]


async def test_one_subject_of_two_issuers_is_two_people(sign_in: SignIn) -> None:
    first = await admit(sign_in, CAROL)
    other = replace(CAROL, issuer="https://work.example", email="other@example.com")
    assert await admit(sign_in, other) != first


async def test_a_disabled_account_is_neither_used_nor_linked(sign_in: SignIn, database: Database) -> None:
    await sign_in.register("carol@example.com", PASSWORD)
    await sign_in.accounts.verify_email("carol@example.com")
    await sign_in.accounts.disable("carol@example.com")
    with pytest.raises(AccountDisabled):
        await admit(sign_in, CAROL)
    assert await fetch(database, "SELECT * FROM external_identity") == []
    await sign_in.accounts.enable("carol@example.com")
    await admit(sign_in, CAROL)
    await sign_in.accounts.disable("carol@example.com")
    with pytest.raises(AccountDisabled):
        await admit(sign_in, CAROL)


async def test_simultaneous_first_times_make_one_account(sign_in: SignIn, database: Database) -> None:
    async with asyncio.timeout(30):
        ids = await asyncio.gather(*(admit(sign_in, CAROL) for _ in range(12)))
    assert len(set(ids)) == 1
    for table in ("account", "thread", "external_identity"):
        assert await fetch(database, f"SELECT count(*) FROM {table}") == [(1,)], table


async def test_a_registration_at_the_same_moment_is_not_linked(sign_in: SignIn, database: Database) -> None:
    async def arrive() -> bool:
        try:
            await admit(sign_in, CAROL)
        except AddressNotProven:
            return False
        return True

    async with asyncio.timeout(30):
        arrived, *_ = await asyncio.gather(
            arrive(), sign_in.register("carol@example.com", "the-attackers-own"), return_exceptions=True
        )
    # Whoever was first: an account has a password or an identity, and never both.
    ((hashed,),) = await fetch(database, "SELECT password_hash FROM account")
    assert (hashed is None) == arrived
    assert await fetch(database, "SELECT count(*) FROM external_identity") == [(int(bool(arrived)),)]
