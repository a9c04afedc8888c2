"""What a person does: register, sign in, stay signed in, sign out."""

import asyncio

import pytest

from netra.auth.accounts import EmailTaken, InvalidEmail, InvalidName
from netra.auth.passwords import Passwords, WeakPassword
from netra.auth.sign_in import InvalidCredentials, SignIn
from netra.auth.throttle import Throttle, TooManyAttempts, TooManyFromAddress
from netra.db.database import Database
from netra.errors import NetraError
from tests.fixtures.sign_in import ISSUER, PASSWORD, fetch, quick_passwords, register

ADDRESS = "192.0.2.7"
WRONG = "not-the-right-one"


async def test_who_registers_is_signed_in(sign_in: SignIn) -> None:
    pair, profile = await sign_in.register(" Carol@Example.com", PASSWORD, " Carol ")
    assert (profile.email, profile.name, pair.expires_in) == ("carol@example.com", "Carol", 900)
    assert (await sign_in.identities.authenticate(pair.access_token)).user_id == profile.user_id


async def test_who_registered_signs_in_with_the_password_and_with_nothing_else(sign_in: SignIn) -> None:
    _, registered = await register(sign_in)
    pair, profile = await sign_in.log_in("CAROL@example.com ", PASSWORD, ADDRESS)
    assert profile.user_id == registered.user_id
    assert (await sign_in.identities.authenticate(pair.access_token)).user_id == registered.user_id
    for password in (WRONG, "", PASSWORD.upper(), PASSWORD[:-1]):
        with pytest.raises(InvalidCredentials):
            await sign_in.log_in("carol@example.com", password, ADDRESS)


@pytest.mark.parametrize(
    ("email", "password", "name", "error"),
    [
        ("nobody", PASSWORD, "", InvalidEmail),
        ("carol@example.com", "short", "", WeakPassword),
        ("carol@example.com", PASSWORD, "a\0b", InvalidName),
    ],
)
async def test_a_bad_registration_stores_nothing(
    sign_in: SignIn, database: Database, email: str, password: str, name: str, error: type[NetraError]
) -> None:
    with pytest.raises(error):
        await sign_in.register(email, password, name)
    assert await fetch(database, "SELECT id FROM account UNION SELECT id FROM session") == []


async def test_every_failed_sign_in_answers_and_costs_the_same(
    sign_in: SignIn, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    await register(sign_in)
    await sign_in.register("dave@example.com", PASSWORD)
    await sign_in.accounts.disable("dave@example.com")
    hashes = []
    run = Passwords._run

    async def counted(self: Passwords, *arguments: object) -> object:
        hashes.append(1)
        return await run(self, *arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(Passwords, "_run", counted)
    answers = set()
    attempts = [
        ("carol@example.com", WRONG),
        ("nobody@example.com", WRONG),
        ("dave@example.com", PASSWORD),
        ("not an address \0\ud800", WRONG),
        ("x" * 300, WRONG),
    ]
    for email, password in attempts:
        with pytest.raises(InvalidCredentials) as refused:
            await sign_in.log_in(email, password, ADDRESS)
        answers.add((refused.value.detail, refused.value.code, str(refused.value.extra)))
    assert len(answers) == 1
    assert len(hashes) == len(attempts)
    assert await fetch(database, "SELECT failures FROM throttle WHERE key LIKE 'address %%'") == [(len(attempts),)]


@pytest.mark.parametrize("email", ["carol@example.com", "nobody@example.com"])
async def test_the_sixth_failure_is_refused_whether_the_account_exists_or_not(sign_in: SignIn, email: str) -> None:
    await register(sign_in)
    for _ in range(5):
        with pytest.raises(InvalidCredentials):
            await sign_in.log_in(email, WRONG, ADDRESS)
    with pytest.raises(TooManyAttempts) as refused:
        await sign_in.log_in(email, WRONG, ADDRESS)
    assert refused.value.retry_after > 890


async def test_a_locked_account_refuses_the_right_password_until_the_lockout_ends(sign_in: SignIn, database: Database) -> None:
    await register(sign_in)
    for _ in range(5):
        with pytest.raises(InvalidCredentials):
            await sign_in.log_in("carol@example.com", WRONG, ADDRESS)
    with pytest.raises(TooManyAttempts):
        await sign_in.log_in("carol@example.com", PASSWORD, "198.51.100.9")
    await fetch(database, "UPDATE throttle SET window_ends_at = now() - interval '1 second'")
    await sign_in.log_in("carol@example.com", PASSWORD, "198.51.100.9")


async def test_of_forty_guesses_at_once_over_two_processes_five_are_answered(
    sign_in: SignIn, database_url: str, database: Database
) -> None:
    await register(sign_in)
    async with (
        Database.open(database_url, pool_size=5) as other,
        SignIn.open(other, issuer=ISSUER, passwords=quick_passwords()) as there,
    ):

        async def guess(number: int) -> type[Exception]:
            try:
                await (there if number % 2 else sign_in).log_in("carol@example.com", f"{WRONG}-{number}", f"10.0.0.{number}")
            except (InvalidCredentials, TooManyAttempts) as refused:
                return type(refused)
            raise AssertionError("a wrong password was right")

        async with asyncio.timeout(60):
            answers = await asyncio.gather(*(guess(number) for number in range(40)))
    assert answers.count(InvalidCredentials) == 5
    assert answers.count(TooManyAttempts) == 35


async def test_a_person_who_signs_in_at_ten_machines_at_once_is_not_taken_for_a_burglar(sign_in: SignIn) -> None:
    await register(sign_in)
    async with asyncio.timeout(60):
        pairs = await asyncio.gather(*(sign_in.log_in("carol@example.com", PASSWORD, ADDRESS) for _ in range(10)))
    sessions = {(await sign_in.identities.authenticate(pair.access_token)).session_id for pair, _ in pairs}
    assert len(sessions) == 10


async def test_a_hash_of_older_rules_is_renewed_by_the_next_sign_in(sign_in: SignIn, database: Database) -> None:
    await register(sign_in)
    stronger = Passwords(memory_kib=128, passes=2)
    async with SignIn.open(database, issuer=ISSUER, passwords=stronger) as later:
        await later.log_in("carol@example.com", PASSWORD, ADDRESS)
        ((hashed,),) = await fetch(database, "SELECT password_hash FROM account")
        assert "m=128,t=2" in hashed
        await later.log_in("carol@example.com", PASSWORD, ADDRESS)


async def test_a_token_of_one_installation_is_nothing_to_another_with_the_same_keys(
    sign_in: SignIn, database: Database
) -> None:
    pair, _ = await register(sign_in)
    async with SignIn.open(database, issuer="http://elsewhere.test", passwords=quick_passwords()) as other:
        with pytest.raises(NetraError) as refused:
            await other.identities.authenticate(pair.access_token)
    assert refused.value.code == "unauthenticated"


async def test_a_sweep_removes_what_has_expired_of_every_kind(sign_in: SignIn, database: Database) -> None:
    pair, _ = await register(sign_in)
    await sign_in.issue_ticket(await sign_in.identities.authenticate(pair.access_token))
    await Throttle(database).fail("x", ADDRESS)
    await sign_in.keys.rotate()
    await fetch(database, "INSERT INTO sign_in_attempt VALUES ('1', '2', 'idp', '', '', now())")
    await fetch(database, "INSERT INTO password_reset SELECT '1', id, now() FROM account")
    await fetch(database, "UPDATE throttle SET window_ends_at = now()")
    await fetch(database, "UPDATE ticket SET expires_at = now()")
    await fetch(database, "UPDATE refresh_token SET expires_at = now()")
    await fetch(database, "UPDATE session SET expires_at = now() - interval '31 days'")
    await fetch(database, "UPDATE signing_key SET retired_at = now() - interval '1 day' WHERE retired_at IS NOT NULL")
    await sign_in.sweep()
    left_of = {"throttle": 0, "ticket": 0, "refresh_token": 0, "session": 0, "signing_key": 1, "account": 1}
    left_of |= {"sign_in_attempt": 0, "password_reset": 0}
    for table, left in left_of.items():
        assert await fetch(database, f"SELECT count(*) FROM {table}") == [(left,)], table


async def test_one_address_registers_so_often_in_an_hour_and_failures_count(database: Database) -> None:
    async with SignIn.open(database, issuer=ISSUER, passwords=quick_passwords(), registrations_per_address=3) as sign_in:
        await sign_in.register("one@example.com", PASSWORD, address=ADDRESS)
        with pytest.raises(EmailTaken):
            await sign_in.register("one@example.com", PASSWORD, address=ADDRESS)
        with pytest.raises(WeakPassword):  # costs nothing, tells nothing
            await sign_in.register("two@example.com", "short", address=ADDRESS)
        await sign_in.register("two@example.com", PASSWORD, address=ADDRESS)
        with pytest.raises(TooManyFromAddress):
            await sign_in.register("three@example.com", PASSWORD, address=ADDRESS)
        await sign_in.register("three@example.com", PASSWORD, address="198.51.100.9")
        await sign_in.log_in("one@example.com", PASSWORD, ADDRESS)
    assert await fetch(database, "SELECT count(*) FROM account") == [(3,)]
