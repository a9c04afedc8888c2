"""Programs that sign in with a secret: one account each, behind the same walls as people's."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from netra.auth.accounts import InvalidEmail
from netra.auth.api_keys import PersonRequired
from netra.auth.services import InvalidServiceCredentials, Services, user_id_of
from netra.auth.sign_in import InvalidCredentials, SignIn
from netra.auth.throttle import TooManyAttempts
from netra.db.database import Database
from netra.errors import Unauthenticated
from tests.fixtures.sign_in import ISSUER, PASSWORD, fetch, quick_passwords

ADDRESS = "192.0.2.7"
SECRETS = {"billing": "the secret of billing", "search": "the secret of search"}


@pytest.fixture
async def sign_in(database: Database) -> AsyncIterator[SignIn]:
    async with SignIn.open(database, issuer=ISSUER, passwords=quick_passwords(), service_secrets=SECRETS) as sign_in:
        yield sign_in


async def test_a_service_is_an_account_of_its_own_that_keeps_its_id(sign_in: SignIn, database: Database) -> None:
    tokens = [await sign_in.log_in_service("billing", SECRETS["billing"], ADDRESS) for _ in range(2)]
    identities = [await sign_in.identities.authenticate(token.access_token) for token in tokens]
    assert {identity.user_id for identity in identities} == {user_id_of("billing")}
    assert len({identity.session_id for identity in identities}) == 2
    assert (identities[0].email, identities[0].role, identities[0].plan) == ("service:billing", "user", "free")
    assert tokens[0].expires_in == 900
    assert await fetch(database, "SELECT kind, password_hash FROM account") == [("service", None)]
    assert await fetch(database, "SELECT id, kind FROM thread") == [(user_id_of("billing"), "account")]
    other = await sign_in.log_in_service("search", SECRETS["search"], ADDRESS)
    assert (await sign_in.identities.authenticate(other.access_token)).user_id != user_id_of("billing")


async def test_its_session_ends_with_its_token_and_has_nothing_to_refresh(sign_in: SignIn, database: Database) -> None:
    issued = await sign_in.log_in_service("billing", SECRETS["billing"], ADDRESS)
    ((seconds,),) = await fetch(database, "SELECT extract(epoch FROM expires_at - created_at)::int FROM session")
    assert seconds == 900
    assert await fetch(database, "SELECT * FROM refresh_token") == []
    await fetch(database, "UPDATE session SET expires_at = now()")
    with pytest.raises(Unauthenticated):
        await sign_in.identities.authenticate(issued.access_token)
    await sign_in.sessions.sweep()
    assert await fetch(database, "SELECT * FROM session") == []


async def test_every_wrong_sign_in_answers_the_same(sign_in: SignIn, database: Database) -> None:
    await sign_in.log_in_service("search", SECRETS["search"], ADDRESS)
    await sign_in.accounts.disable("service:search")
    answers = set()
    for service_id, secret in (
        ("billing", "wrong"),
        ("billing", ""),
        ("billing", SECRETS["search"]),
        ("nobody", SECRETS["billing"]),
        ("", ""),
        ("x\0\ud800", "\ud800"),
        ("search", SECRETS["search"]),
    ):
        with pytest.raises(InvalidServiceCredentials) as refused:
            await sign_in.log_in_service(service_id, secret, ADDRESS)
        answers.add((refused.value.code, refused.value.detail, str(refused.value.extra)))
    assert len(answers) == 1
    assert await fetch(database, "SELECT failures FROM throttle WHERE key LIKE 'address %%'") == [(7,)]


async def test_guesses_are_counted_as_those_at_a_persons_password(sign_in: SignIn) -> None:
    for number in range(5):
        with pytest.raises(InvalidServiceCredentials):
            await sign_in.log_in_service("billing", f"guess {number}", f"10.0.0.{number}")
    with pytest.raises(TooManyAttempts):
        await sign_in.log_in_service("billing", SECRETS["billing"], ADDRESS)
    await sign_in.log_in_service("search", SECRETS["search"], ADDRESS)


async def test_what_happens_is_in_the_audit_and_no_secret_is(sign_in: SignIn, database: Database) -> None:
    await sign_in.log_in_service("billing", SECRETS["billing"], ADDRESS)
    for service_id in ("billing", "my-password"):
        with pytest.raises(InvalidServiceCredentials):
            await sign_in.log_in_service(service_id, "hunter2-hunter2", ADDRESS)
    billing = user_id_of("billing")
    assert await fetch(database, "SELECT action, user_id, actor_id, detail - 'session_id' FROM audit ORDER BY at, action") == [
        ("account_created", billing, billing, {"role": "user"}),
        ("service_token_issued", billing, billing, {"address": ADDRESS}),
        ("sign_in_failed", billing, None, {"address": ADDRESS, "via": "service"}),
        ("sign_in_failed", None, None, {"address": ADDRESS, "via": "service"}),
    ]
    written = str(await fetch(database, "SELECT audit::text FROM audit"))
    assert not any(secret in written for secret in ("hunter2", "my-password", SECRETS["billing"]))


async def test_nobody_becomes_a_service_by_its_name(sign_in: SignIn) -> None:
    await sign_in.log_in_service("billing", SECRETS["billing"], ADDRESS)
    with pytest.raises(InvalidEmail):
        await sign_in.register("service:billing", PASSWORD)
    for password in ("", PASSWORD, SECRETS["billing"]):
        with pytest.raises(InvalidCredentials):
            await sign_in.log_in("service:billing", password, ADDRESS)


async def test_a_service_makes_no_key_that_would_outlive_it(sign_in: SignIn, database: Database) -> None:
    await sign_in.log_in_service("billing", SECRETS["billing"], ADDRESS)
    with pytest.raises(PersonRequired):
        await sign_in.api_keys.create(user_id_of("billing"), "for ever")
    assert await fetch(database, "SELECT * FROM api_key") == []


async def test_an_operator_gives_a_service_its_plan_and_role_like_anybody_elses(sign_in: SignIn) -> None:
    issued = await sign_in.log_in_service("billing", SECRETS["billing"], ADDRESS)
    await fetch(sign_in.database, "UPDATE account SET plan = 'enterprise'")
    await sign_in.accounts.set_role("service:billing", "admin")
    identity = await sign_in.identities.authenticate(issued.access_token)
    assert (identity.plan, identity.role) == ("enterprise", "admin")
    await sign_in.accounts.disable("service:billing")
    with pytest.raises(Unauthenticated):
        await sign_in.identities.authenticate(issued.access_token)


async def test_twenty_first_tokens_over_two_processes_are_of_one_account(
    sign_in: SignIn, database: Database, database_url: str
) -> None:
    async with (
        Database.open(database_url, pool_size=5) as other,
        SignIn.open(other, issuer=ISSUER, passwords=quick_passwords(), service_secrets=SECRETS) as there,
        asyncio.timeout(60),
    ):
        places = [sign_in, there] * 10
        await asyncio.gather(*(place.log_in_service("billing", SECRETS["billing"], ADDRESS) for place in places))
    assert await fetch(database, "SELECT id FROM account") == [(user_id_of("billing"),)]
    assert await fetch(database, "SELECT count(*) FROM session") == [(20,)]


def test_a_secret_is_compared_whole(sign_in: SignIn) -> None:
    services = Services(sign_in.accounts, SECRETS)
    assert services.prove("billing", SECRETS["billing"])
    for wrong in (SECRETS["billing"][:-1], SECRETS["billing"] + "x", SECRETS["billing"].upper(), "", "\ud800"):
        assert not services.prove("billing", wrong)
    assert not services.prove("nobody", "")
