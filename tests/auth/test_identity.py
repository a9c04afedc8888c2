"""Who is asking is read from the database each time, and open sockets are asked about in one query."""

from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from netra.auth.identity import Proof, Standing
from netra.auth.sign_in import SignIn
from netra.db.database import Database
from netra.errors import Unauthenticated
from netra.ids import SessionId, UserId, new_uuid
from tests.fixtures.sign_in import PASSWORD, count_transactions, fetch, register


async def test_an_identity_says_what_the_database_says_now(sign_in: SignIn, database: Database) -> None:
    pair, profile = await sign_in.register("carol@example.com", PASSWORD, "Carol")
    await fetch(database, "UPDATE account SET role = 'developer', plan = 'pro', feature_flags = '{a,b}'")
    identity = await sign_in.identities.authenticate(pair.access_token)
    assert (identity.user_id, identity.email, identity.name) == (profile.user_id, "carol@example.com", "Carol")
    assert (identity.role, identity.plan, identity.feature_flags) == ("developer", "pro", ("a", "b"))
    assert (identity.via, identity.api_key_id) == ("token", None)
    assert identity.expires_at is not None


async def test_what_a_bearer_says_is_read_without_the_database_and_admits_nobody(
    sign_in: SignIn, database: Database, alice: UserId, monkeypatch: pytest.MonkeyPatch
) -> None:
    pair, profile = await register(sign_in)
    key, _ = await sign_in.api_keys.create(alice, "laptop")
    await sign_in.identities.authenticate(pair.access_token)  # the keys that sign are known from here on
    asked = count_transactions(database, monkeypatch)
    claim, of_key = await sign_in.identities.read(pair.access_token), await sign_in.identities.read(key)
    assert asked == []
    assert claim.whose == profile.user_id != of_key.whose
    assert (await sign_in.identities.confirm(of_key)).user_id == alice
    await sign_in.log_out(await sign_in.identities.confirm(claim))
    with pytest.raises(Unauthenticated):
        await sign_in.identities.confirm(await sign_in.identities.read(pair.access_token))


async def test_a_plan_that_has_run_out_is_free(sign_in: SignIn, database: Database) -> None:
    pair, _ = await register(sign_in)
    await fetch(database, "UPDATE account SET plan = 'pro', plan_expires_at = now() + interval '1 minute'")
    identity = await sign_in.identities.authenticate(pair.access_token)
    assert identity.plan == "pro"
    await fetch(database, "UPDATE account SET plan_expires_at = now() - interval '1 second'")
    assert (await sign_in.identities.authenticate(pair.access_token)).plan == "free"
    assert (await sign_in.identities.recheck([identity.proof]))[identity.proof].plan == "free"


async def test_a_well_signed_token_of_no_live_session_is_refused(sign_in: SignIn, alice: UserId) -> None:
    pair, profile = await register(sign_in)
    session_id = (await sign_in.identities.authenticate(pair.access_token)).session_id
    assert session_id is not None
    key = await sign_in.keys.signing()
    for user_id, session in ((alice, session_id), (profile.user_id, SessionId(new_uuid())), (UserId(new_uuid()), session_id)):
        with pytest.raises(Unauthenticated):
            await sign_in.identities.authenticate(sign_in.tokens.issue(key, user_id, session))


Ending = Callable[[SignIn, Database], Coroutine[Any, Any, Any]]

ENDINGS: dict[str, Ending] = {
    "signed out": lambda sign_in, database: fetch(database, "UPDATE session SET revoked_at = now()"),
    "session expired": lambda sign_in, database: fetch(database, "UPDATE session SET expires_at = now()"),
    "disabled": lambda sign_in, database: sign_in.accounts.disable("carol@example.com"),
    "deleted": lambda sign_in, database: fetch(database, "DELETE FROM account"),
}


@pytest.mark.parametrize("end", ENDINGS.values(), ids=ENDINGS)
async def test_whatever_ends_a_session_ends_its_token_and_its_sockets(sign_in: SignIn, database: Database, end: Ending) -> None:
    pair, _ = await register(sign_in)
    proof = (await sign_in.identities.authenticate(pair.access_token)).proof
    assert proof in await sign_in.identities.recheck([proof])
    await end(sign_in, database)
    with pytest.raises(Unauthenticated) as refused:
        await sign_in.identities.authenticate(pair.access_token)
    assert refused.value.detail == Unauthenticated().detail
    assert await sign_in.identities.recheck([proof]) == {}


async def test_one_recheck_answers_for_every_kind_of_proof_and_mixes_nobody_up(
    sign_in: SignIn, database: Database, alice: UserId, bob: UserId, monkeypatch: pytest.MonkeyPatch
) -> None:
    pairs = [(await sign_in.register(f"user{number}@example.com", PASSWORD))[0] for number in range(4)]
    sessions = [(await sign_in.identities.authenticate(pair.access_token)).proof for pair in pairs]
    keys = [(await sign_in.api_keys.create(alice, "laptop"))[1].id for _ in range(2)]
    await fetch(database, "UPDATE account SET role = 'admin', feature_flags = '{x}' WHERE id = %s", sessions[1].user_id)
    assert sessions[2].session_id is not None
    await sign_in.sessions.revoke(sessions[2].user_id, sessions[2].session_id)
    await sign_in.api_keys.revoke(alice, keys[1])
    proofs = [
        *sessions,
        *(Proof(alice, None, key) for key in keys),
        Proof(bob, None, keys[0]),  # somebody else's key
        Proof(bob, sessions[0].session_id, None),  # somebody else's session
        Proof(alice, None, None),  # an account alone proves nothing
        Proof(UserId(new_uuid()), SessionId(new_uuid()), None),
    ]
    transactions = count_transactions(database, monkeypatch)
    assert await sign_in.identities.recheck(proofs) == {
        sessions[0]: Standing("user", "free", ()),
        sessions[1]: Standing("admin", "free", ("x",)),
        sessions[3]: Standing("user", "free", ()),
        Proof(alice, None, keys[0]): Standing("user", "free", ()),
    }
    assert len(transactions) == 1


async def test_a_recheck_of_nobody_asks_nothing(sign_in: SignIn) -> None:
    assert await sign_in.identities.recheck([]) == {}


async def test_a_recheck_of_two_thousand_sockets_is_one_answer(sign_in: SignIn) -> None:
    pair, _ = await register(sign_in)
    proof = (await sign_in.identities.authenticate(pair.access_token)).proof
    strangers = [Proof(UserId(new_uuid()), SessionId(new_uuid()), None) for _ in range(2000)]
    assert list(await sign_in.identities.recheck([*strangers, proof])) == [proof]
