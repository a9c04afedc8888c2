"""Accounts: one for each address, and every change audited and told."""

import asyncio
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netra.auth.accounts import EmailTaken, InvalidEmail, InvalidName, Role, UnknownAccount, normalise_email, normalise_name
from netra.auth.sign_in import InvalidCredentials, SignIn
from netra.db.database import Database
from netra.errors import Unauthenticated
from netra.ids import UserId, new_uuid
from tests.fixtures.sign_in import PASSWORD, Heard, fetch, register


@pytest.mark.parametrize(
    ("given", "stored"),
    [
        ("carol@example.com", "carol@example.com"),
        ("  Carol.Smith+netra@Example.COM\n", "carol.smith+netra@example.com"),
        ("o'brien@mail.example.co.uk", "o'brien@mail.example.co.uk"),
        ("x@xn--bcher-kva.example", "x@xn--bcher-kva.example"),
        ("a" * 64 + "@example.com", "a" * 64 + "@example.com"),
    ],
)
def test_an_address_has_one_spelling(given: str, stored: str) -> None:
    assert normalise_email(given) == stored


@pytest.mark.parametrize(
    "text",
    [
        "",
        "carol",
        "carol@",
        "@example.com",
        "carol@example",
        "carol@@example.com",
        "ca rol@example.com",
        ".carol@example.com",
        "carol.@example.com",
        "ca..rol@example.com",
        "carol@-example.com",
        "carol@example-.com",
        "carol@example..com",
        "carol@example.com.",
        "carol@192.0.2.7",
        "carol@[192.0.2.7]",
        '"carol"@example.com',
        "carol@example.com\0",
        "carol@example.com, dave@example.com",
        "carol@example.com\nBcc: dave@example.com",
        "cаrol@example.com",  # the second letter is Cyrillic
        "carol@exämple.com",
        "\ud800@example.com",
        "a" * 65 + "@example.com",
        "a@" + "b" * 64 + ".com",
        "a@" + "b." * 130 + "com",
        "x" * 10_000,
    ],
)
def test_what_is_no_address_is_refused_with_the_field_named(text: str) -> None:
    with pytest.raises(InvalidEmail) as refused:
        normalise_email(text)
    assert refused.value.extra == {"field": "email"}


@given(st.text())
def test_normalising_an_address_twice_changes_nothing_more(text: str) -> None:
    try:
        email = normalise_email(text)
    except InvalidEmail:
        return
    assert normalise_email(email) == email


@given(st.from_regex(re.compile(r"[a-z0-9+_-]{1,20}@[a-z0-9]{1,10}\.[a-z]{2,6}", re.ASCII), fullmatch=True))
def test_every_ordinary_address_is_accepted_in_any_case(text: str) -> None:
    assert normalise_email(text.upper()) == text


@pytest.mark.parametrize("name", ["", "Carol", "Zoë", "李小龍", "O'Brien-Smith Jr.", "نیم\u200cفاصله", "👩\u200d💻", "x" * 100])
def test_a_persons_name_is_kept_as_it_is(name: str) -> None:
    assert normalise_name(f"  {name} ") == name


@pytest.mark.parametrize("name", ["x" * 101, "a\0b", "a\nb", "a\u2028b", "a\u202eb", "\ud800", "a\x1b[31mb"])
def test_a_name_that_would_harm_where_it_is_shown_is_refused(name: str) -> None:
    with pytest.raises(InvalidName) as refused:
        normalise_name(name)
    assert refused.value.extra == {"field": "name"}


async def test_an_account_comes_with_its_account_thread(sign_in: SignIn, database: Database) -> None:
    _, profile = await register(sign_in)
    assert await fetch(database, "SELECT user_id, id, kind FROM thread") == [(profile.user_id, profile.user_id, "account")]
    assert (profile.role, profile.plan) == ("user", "free")
    made = await fetch(database, "SELECT actor_id FROM audit WHERE action = 'account_created'")
    assert made == [(profile.user_id,)]


async def test_an_address_can_be_taken_once_whatever_its_case(sign_in: SignIn, database: Database) -> None:
    await sign_in.register("carol@example.com", PASSWORD)
    with pytest.raises(EmailTaken):
        await sign_in.register("Carol@Example.com", PASSWORD)
    for table in ("account", "thread", "session", "refresh_token"):
        assert await fetch(database, f"SELECT count(*) FROM {table}") == [(1,)], table
    assert await fetch(database, "SELECT action FROM audit ORDER BY action") == [("account_created",), ("signed_in",)]


async def test_of_twenty_simultaneous_registrations_of_one_address_one_succeeds(sign_in: SignIn, database: Database) -> None:
    async def attempt() -> bool:
        try:
            await register(sign_in)
        except EmailTaken:
            return False
        return True

    async with asyncio.timeout(30):
        results = await asyncio.gather(*(attempt() for _ in range(20)))
    assert results.count(True) == 1
    for table in ("account", "thread", "session"):
        assert await fetch(database, f"SELECT count(*) FROM {table}") == [(1,)], table


async def test_an_account_whose_transaction_fails_leaves_nothing_behind(sign_in: SignIn, database: Database) -> None:
    with pytest.raises(ZeroDivisionError):
        async with database.system().session() as session:
            await sign_in.accounts.add(session, UserId(new_uuid()), "carol@example.com", "hash")
            raise ZeroDivisionError
    for table in ("account", "thread", "audit"):
        assert await fetch(database, f"SELECT count(*) FROM {table}") == [(0,)], table


async def test_a_change_of_role_is_audited_told_and_in_force_at_once(sign_in: SignIn, database: Database, heard: Heard) -> None:
    pair, profile = await register(sign_in)
    await sign_in.accounts.set_role("Carol@Example.com ", "admin", actor_id=profile.user_id)
    assert (await sign_in.identities.authenticate(pair.access_token)).role == "admin"
    assert heard.changes == [(profile.user_id, None)]
    assert await fetch(database, "SELECT action, actor_id, detail FROM audit WHERE detail ? 'old' ORDER BY action") == [
        ("role_changed", profile.user_id, {"old": "user", "new": "admin"}),
    ]


async def test_a_change_to_what_already_is_writes_no_audit_line(sign_in: SignIn, database: Database) -> None:
    _, profile = await register(sign_in)
    await sign_in.accounts.set_role(profile.email, "user")
    await sign_in.accounts.enable(profile.email)
    assert await fetch(database, "SELECT action FROM audit ORDER BY action") == [("account_created",), ("signed_in",)]


async def test_simultaneous_changes_are_audited_as_one_chain(sign_in: SignIn, database: Database) -> None:
    _, profile = await register(sign_in)
    roles: tuple[Role, ...] = ("developer", "admin", "super_admin")
    async with asyncio.timeout(30):
        await asyncio.gather(*(sign_in.accounts.set_role(profile.email, role) for role in roles))
    changes = {
        (detail["old"], detail["new"])
        for (detail,) in await fetch(database, "SELECT detail FROM audit WHERE action = 'role_changed'")
    }
    # Each old value is the new one of another change, and the first is the role that the account began with.
    assert {new for _, new in changes} == set(roles)
    assert {old for old, _ in changes} - {new for _, new in changes} == {"user"}


async def test_a_disabled_account_is_shut_out_and_its_sessions_do_not_come_back(sign_in: SignIn, heard: Heard) -> None:
    pair, profile = await register(sign_in)
    await sign_in.accounts.disable(profile.email)
    assert heard.changes == [(profile.user_id, None)]
    await sign_in.accounts.enable(profile.email)
    with pytest.raises(Unauthenticated):
        await sign_in.identities.authenticate(pair.access_token)
    again, _ = await sign_in.log_in(profile.email, PASSWORD, "192.0.2.7")
    assert (await sign_in.identities.authenticate(again.access_token)).user_id == profile.user_id


async def test_an_unknown_address_changes_nothing(sign_in: SignIn, heard: Heard) -> None:
    accounts = sign_in.accounts
    for change in (accounts.find, accounts.disable, accounts.enable):
        with pytest.raises(UnknownAccount):
            await change("nobody@example.com")
    with pytest.raises(UnknownAccount):
        await accounts.set_role("nobody@example.com", "admin")
    assert heard.changes == []


async def test_accounts_are_listed_by_address_page_by_page(sign_in: SignIn, alice: UserId, bob: UserId) -> None:
    await sign_in.accounts.disable("bob@example.com")
    first = await sign_in.accounts.list(limit=1)
    rest = await sign_in.accounts.list(after=first[-1].email)
    assert [(profile.user_id, profile.disabled_at is None) for profile in [*first, *rest]] == [(alice, True), (bob, False)]


async def test_an_operator_vouches_for_an_address_once(sign_in: SignIn, database: Database, heard: Heard) -> None:
    _, registered = await register(sign_in)
    assert (await sign_in.accounts.find("carol@example.com")).email_verified_at is None
    first = await sign_in.accounts.verify_email("Carol@example.com")
    assert await sign_in.accounts.verify_email("carol@example.com") == first
    assert first.email_verified_at is not None
    assert await fetch(database, "SELECT user_id, actor_id FROM audit WHERE action = 'email_verified'") == [
        (registered.user_id, None)
    ]
    with pytest.raises(UnknownAccount):
        await sign_in.accounts.verify_email("nobody@example.com")


async def test_an_account_without_a_password_is_not_signed_in_with_any(sign_in: SignIn, database: Database) -> None:
    async with database.system().session() as session:
        await sign_in.accounts.add(session, UserId(new_uuid()), "carol@example.com", None, verified=True)
    for password in ("", PASSWORD):
        with pytest.raises(InvalidCredentials):
            await sign_in.log_in("carol@example.com", password, "192.0.2.7")
    assert (await sign_in.accounts.find("carol@example.com")).email_verified_at is not None
