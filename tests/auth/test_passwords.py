"""What makes a password acceptable, and that hashing it holds nobody else up."""

import asyncio
import threading
import unicodedata
from collections.abc import Iterator

import pytest
from argon2 import extract_parameters

from netra.auth.passwords import MEMORY_KIB, WEAK, HashingBusy, Passwords, WeakPassword
from tests.fixtures.sign_in import PASSWORD, quick_passwords

EMAIL = "alice@example.com"


@pytest.fixture
def passwords() -> Iterator[Passwords]:
    passwords = quick_passwords()
    yield passwords
    passwords.close()


@pytest.mark.parametrize(
    ("password", "complaint"),
    [
        ("short-words", "at least 12 characters"),
        ("", "at least 12 characters"),
        ("x1y2" * 257, "at most 1024"),
        ("abababababab", "different characters"),
        ("Password1234", "first that an attacker tries"),
        ("alice@example.com", "name in your e-mail"),
        ("I am ALICE, hello", "name in your e-mail"),
        # Twelve code points that are eleven characters once they are composed.
        ("e\u0301bcdefghijk", "at least 12 characters"),
    ],
)
def test_a_weak_password_is_refused_in_words(passwords: Passwords, password: str, complaint: str) -> None:
    with pytest.raises(WeakPassword) as refused:
        passwords.check(password, email=EMAIL)
    assert complaint in refused.value.detail
    assert refused.value.extra == {"field": "password"}
    assert not password or password not in refused.value.detail


def test_a_good_password_is_accepted(passwords: Passwords) -> None:
    for password in (PASSWORD, "пароль из нескольких слов", "x" * 1000 + "abcd", "\0 nul is a character"):
        passwords.check(password, email=EMAIL)


def test_a_name_of_three_letters_may_occur_in_a_password(passwords: Passwords) -> None:
    passwords.check("bobsled weather", email="bob@example.com")


def test_every_weak_password_is_long_enough_to_need_the_list(passwords: Passwords) -> None:
    assert [weak for weak in WEAK if len(weak) < passwords.minimum_length or weak != weak.casefold()] == []


async def test_the_right_password_is_right_and_any_other_wrong(passwords: Passwords) -> None:
    hashed = await passwords.hash(PASSWORD)
    assert await passwords.verify(PASSWORD, hashed) == (True, None)
    assert await passwords.verify(PASSWORD + " ", hashed) == (False, None)
    assert PASSWORD not in hashed
    assert hashed != await passwords.hash(PASSWORD)


async def test_one_password_in_two_unicode_spellings_is_one_password(passwords: Passwords) -> None:
    composed = unicodedata.normalize("NFC", "crème brûlée à la maison")
    decomposed = unicodedata.normalize("NFD", composed)
    assert composed != decomposed
    assert (await passwords.verify(decomposed, await passwords.hash(composed)))[0]


async def test_the_hash_is_argon2id_at_the_cost_that_is_documented() -> None:
    passwords = Passwords()
    hashed = await passwords.hash(PASSWORD)
    passwords.close()
    parameters = extract_parameters(hashed)
    assert (parameters.type.name, parameters.memory_cost, parameters.time_cost) == ("ID", MEMORY_KIB, 2)


async def test_a_hash_of_older_rules_is_replaced_at_the_next_use(passwords: Passwords) -> None:
    stronger = Passwords(memory_kib=128, passes=2)
    right, renewed = await stronger.verify(PASSWORD, await passwords.hash(PASSWORD))
    assert right
    assert renewed is not None
    assert await stronger.verify(PASSWORD, renewed) == (True, None)
    stronger.close()


async def test_an_account_without_a_password_admits_nobody(passwords: Passwords) -> None:
    assert await passwords.verify("no password", "no password") == (False, None)


async def test_the_event_loop_goes_on_while_a_hash_is_made_and_only_so_many_run_at_once() -> None:
    passwords = Passwords(threads=2, waiting=2, memory_kib=64, passes=1)
    loop, both = asyncio.get_running_loop(), asyncio.Event()
    release, running = threading.Event(), []

    def slow() -> None:
        running.append(threading.current_thread().name)
        if len(running) == 2:
            loop.call_soon_threadsafe(both.set)
        release.wait(10)

    tasks = [asyncio.create_task(passwords._run(slow)) for _ in range(4)]
    async with asyncio.timeout(10):
        await both.wait()
        with pytest.raises(HashingBusy):
            await passwords.hash(PASSWORD)
        assert len(running) == 2  # the third and the fourth wait
        release.set()
        await asyncio.gather(*tasks)
        await passwords.hash(PASSWORD)  # there is room again
    passwords.close()


async def test_a_cancelled_caller_gives_its_place_back() -> None:
    passwords = Passwords(threads=1, waiting=1, memory_kib=64, passes=1)
    release = threading.Event()
    tasks = [asyncio.create_task(passwords._run(release.wait, 10)) for _ in range(2)]
    await asyncio.sleep(0)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    release.set()
    async with asyncio.timeout(10):
        assert (await passwords.verify(PASSWORD, await passwords.hash(PASSWORD)))[0]
    passwords.close()
