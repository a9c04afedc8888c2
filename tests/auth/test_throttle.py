"""Failed sign-ins are counted once for all processes, and no burst of guesses gets more answers than a queue of them would."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netra.auth.throttle import Counter, Throttle, TooManyAttempts, TooManyFromAddress, network
from netra.db.database import Database
from netra.ids import UserId
from tests.fixtures.sign_in import fetch

EMAIL = "alice@example.com"
HOME, AWAY = "192.0.2.7", "198.51.100.9"


@pytest.fixture
async def processes(database: Database, database_url: str) -> AsyncIterator[tuple[Throttle, Throttle]]:
    """The throttles of two processes: two pools of connections, one database."""
    async with Database.open(database_url, pool_size=5) as other:
        yield Throttle(database), Throttle(other)


async def let_windows_pass(database: Database) -> None:
    await fetch(database, "UPDATE throttle SET window_ends_at = now() - interval '1 second'")


async def test_five_failures_are_answered_and_then_the_account_is_locked_for_the_lockout(database: Database) -> None:
    throttle = Throttle(database, lockout=600)
    for _ in range(5):
        await throttle.admit(EMAIL, HOME)
        await throttle.fail(EMAIL, HOME)
    for question in (throttle.admit, throttle.fail, throttle.succeed):
        with pytest.raises(TooManyAttempts) as refused:
            await question(EMAIL, AWAY)
        assert 590 <= refused.value.retry_after <= 600


async def test_a_refused_attempt_does_not_prolong_the_lockout(database: Database) -> None:
    throttle = Throttle(database, lockout=600)
    for _ in range(5):
        await throttle.fail(EMAIL, HOME)
    before = await fetch(database, "SELECT * FROM throttle ORDER BY key")
    with pytest.raises(TooManyAttempts):
        await throttle.fail(EMAIL, AWAY)
    assert await fetch(database, "SELECT * FROM throttle ORDER BY key") == before


async def test_the_lockout_ends(database: Database) -> None:
    throttle = Throttle(database)
    for _ in range(5):
        await throttle.fail(EMAIL, HOME)
    await let_windows_pass(database)
    await throttle.admit(EMAIL, HOME)
    await throttle.fail(EMAIL, HOME)
    counts = await fetch(database, "SELECT failures FROM throttle")
    assert counts == [(1,), (1,)]  # a new window, not a sixth failure in the old one


async def test_failures_further_apart_than_the_window_never_lock(database: Database) -> None:
    throttle = Throttle(database)
    for _ in range(12):
        await throttle.fail(EMAIL, HOME)
        await let_windows_pass(database)
    await throttle.admit(EMAIL, HOME)


async def test_a_window_ends_when_it_was_to_end_however_often_one_fails(database: Database) -> None:
    throttle = Throttle(database)
    await throttle.fail(EMAIL, HOME)
    first = await fetch(database, "SELECT window_ends_at FROM throttle ORDER BY key")
    await throttle.fail(EMAIL, HOME)
    assert await fetch(database, "SELECT window_ends_at FROM throttle ORDER BY key") == first


async def test_a_success_clears_the_account_and_not_the_address(database: Database) -> None:
    throttle = Throttle(database, per_account=3, per_address=4)
    await throttle.fail(EMAIL, HOME)
    await throttle.fail(EMAIL, HOME)
    await throttle.succeed(EMAIL, HOME)
    await throttle.fail(EMAIL, HOME)
    await throttle.fail(EMAIL, HOME)
    await throttle.admit(EMAIL, AWAY)  # two failures since the success
    with pytest.raises(TooManyAttempts):
        await throttle.admit("mallory@example.com", HOME)  # four failures from this address


async def test_an_address_that_tries_many_accounts_is_locked_and_its_neighbour_is_not(database: Database) -> None:
    throttle = Throttle(database, per_address=3)
    for number in range(3):
        await throttle.fail(f"user{number}@example.com", HOME)
    with pytest.raises(TooManyAttempts):
        await throttle.admit(EMAIL, HOME)
    await throttle.admit(EMAIL, AWAY)


@pytest.mark.parametrize("attempts", [1, 5])
async def test_of_sixty_simultaneous_guesses_over_two_processes_five_are_answered(
    processes: tuple[Throttle, Throttle], database: Database, attempts: int
) -> None:
    throttles = [Throttle(throttle._database, per_account=attempts, per_address=1000) for throttle in processes]

    async def guess(number: int) -> bool:
        try:
            await throttles[number % 2].fail(EMAIL, f"10.0.0.{number}")
        except TooManyAttempts:
            return False
        return True

    async with asyncio.timeout(30):
        answered = await asyncio.gather(*(guess(number) for number in range(60)))
    assert sum(answered) == attempts
    assert (await fetch(database, "SELECT failures FROM throttle WHERE key LIKE 'account %%'")) == [(attempts,)]


async def test_a_right_guess_behind_the_last_wrong_one_is_refused_although_it_was_admitted_before(
    processes: tuple[Throttle, Throttle],
) -> None:
    here, there = processes
    await here.admit(EMAIL, HOME)  # and now its password is being checked, while elsewhere
    for _ in range(5):
        await there.fail(EMAIL, AWAY)
    with pytest.raises(TooManyAttempts):
        await here.succeed(EMAIL, HOME)


async def test_forty_people_behind_one_address_sign_in_at_once(processes: tuple[Throttle, Throttle]) -> None:
    async def sign_in(number: int) -> None:
        throttle = processes[number % 2]
        await throttle.admit(f"user{number}@example.com", HOME)
        await throttle.succeed(f"user{number}@example.com", HOME)

    async with asyncio.timeout(30):
        await asyncio.gather(*(sign_in(number) for number in range(40)))


async def test_nothing_that_was_typed_into_the_form_is_kept(database: Database) -> None:
    for typed in ("my password, in the wrong field", "\0\ud800"):
        await Throttle(database).fail(typed, HOME)
    keys = [key for (key,) in await fetch(database, "SELECT key FROM throttle")]
    assert len(keys) == 3
    assert not any("password" in key for key in keys)


async def test_a_sweep_removes_the_windows_that_have_passed_and_no_others(database: Database) -> None:
    throttle = Throttle(database)
    await throttle.fail(EMAIL, HOME)
    await let_windows_pass(database)
    await throttle.fail(EMAIL, AWAY)
    assert await throttle.sweep() == 1
    assert await fetch(database, "SELECT count(*) FROM throttle") == [(2,)]


async def test_what_is_counted_is_in_the_audit_and_so_is_the_lockout_and_what_is_refused_is_not(
    database: Database, alice: UserId
) -> None:
    throttle = Throttle(database, per_account=2, per_address=3)
    for _ in range(2):
        await throttle.fail(EMAIL, HOME, user_id=alice)
    for _ in range(3):
        with pytest.raises(TooManyAttempts):
            await throttle.fail(EMAIL, HOME, user_id=alice)
    await throttle.fail("my password, in the wrong field", HOME)
    lines = await fetch(database, "SELECT action, user_id, actor_id, detail FROM audit ORDER BY at, action")
    failed, place = {"via": "password", "address": HOME}, {"address": HOME}
    assert lines == [
        ("sign_in_failed", alice, None, failed),
        ("sign_in_failed", alice, None, failed),
        ("sign_in_locked", alice, None, {"locked": "account", **place}),
        ("sign_in_failed", None, None, failed),
        ("sign_in_locked", None, None, {"locked": "address", **place}),
    ]


async def test_of_sixty_simultaneous_uses_over_two_processes_there_is_room_for_so_many(
    processes: tuple[Throttle, Throttle],
) -> None:
    counters = (Counter.of_address("registrations", HOME, 7),)

    async def use(number: int) -> bool:
        try:
            await processes[number % 2].take(counters, 3600)
        except TooManyFromAddress:
            return False
        return True

    async with asyncio.timeout(30):
        assert sum(await asyncio.gather(*(use(number) for number in range(60)))) == 7
    with pytest.raises(TooManyFromAddress) as refused:
        await processes[0].take(counters, 3600)
    assert 3500 < refused.value.retry_after <= 3600
    await processes[0].take((Counter.of_address("registrations", AWAY, 7),), 3600)
    await processes[0].take((Counter.of_address("departures", HOME, 7),), 3600)


async def test_a_use_counts_with_all_its_counters_or_with_none(database: Database) -> None:
    throttle = Throttle(database)
    wide, narrow = Counter.of_address("wide", HOME, 10), Counter.of_account("narrow", EMAIL, 1)
    await throttle.take((wide, narrow), 60)
    with pytest.raises(TooManyFromAddress):
        await throttle.take((wide, narrow), 60)
    assert await fetch(database, "SELECT failures FROM throttle WHERE key LIKE 'wide%%'") == [(1,)]


async def test_an_account_that_is_forgiven_is_not_locked_any_more(database: Database) -> None:
    throttle = Throttle(database)
    for _ in range(5):
        await throttle.fail(EMAIL, HOME)
    with pytest.raises(TooManyAttempts):
        await throttle.admit(EMAIL, AWAY)
    await throttle.forgive(EMAIL)
    await throttle.admit(EMAIL, AWAY)
    assert await fetch(database, "SELECT failures FROM throttle") == [(5,)]  # the address's stay


@pytest.mark.parametrize(
    ("address", "counted_as"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2::ffff", "2001:db8:1:2::/64"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("fe80::1%eth0", "fe80::/64"),
        ("testclient", "testclient"),
    ],
)
def test_an_address_counts_as_what_one_client_can_hold(address: str, counted_as: str) -> None:
    assert network(address) == counted_as


@given(st.text())
def test_no_address_is_too_strange_to_be_counted(address: str) -> None:
    assert len(network(address)) <= 64
