"""A forgotten password: asked for without an answer that tells anything, and set once by who reads the mail."""

import asyncio
import logging
import re
from collections.abc import AsyncIterator

import pytest

from netra.auth.mail import Mail, MailFailed
from netra.auth.passwords import WeakPassword
from netra.auth.reset import MAILS_PER_ACCOUNT, MAILS_PER_ADDRESS, WAITING, InvalidResetToken
from netra.auth.sign_in import InvalidCredentials, SignIn
from netra.auth.throttle import TooManyAttempts
from netra.db.database import Database
from netra.errors import Unauthenticated
from netra.streams.background import beside
from tests.fixtures.sign_in import ISSUER, PASSWORD, Heard, fetch, quick_passwords, register

ADDRESS = "192.0.2.7"
NEW = "another-long-secret"


class Postbox:
    """A mail sender that keeps what it is given, or fails."""

    def __init__(self) -> None:
        self.mails: list[Mail] = []
        self.fails = False

    async def send(self, mail: Mail) -> None:
        if self.fails:
            raise MailFailed
        self.mails.append(mail)

    @property
    def token(self) -> str:
        """What the last mail's link carries."""
        found = re.search(r"#token=(reset_\S+)", self.mails[-1].text)
        assert found is not None
        return found[1]


@pytest.fixture
def postbox() -> Postbox:
    return Postbox()


@pytest.fixture
async def idle(database: Database, heard: Heard, postbox: Postbox) -> AsyncIterator[SignIn]:
    """Sign-in in a process that does not work on what is requested."""
    async with SignIn.open(
        database, issuer=ISSUER, passwords=quick_passwords(), mail=postbox, on_access_change=heard
    ) as sign_in:
        yield sign_in


@pytest.fixture
async def sign_in(idle: SignIn) -> AsyncIterator[SignIn]:
    async with beside(password_resets=idle.resets.serve()):
        yield idle


async def settled(sign_in: SignIn) -> None:
    """Return once all that was requested has been worked on."""
    async with asyncio.timeout(30):
        await sign_in.resets._requests.join()


async def forget(sign_in: SignIn, postbox: Postbox, email: str = "carol@example.com") -> str:
    """Ask for a reset and return the token of the mail."""
    sign_in.resets.request(email, ADDRESS)
    await settled(sign_in)
    return postbox.token


async def test_the_mail_leads_to_a_new_password_and_out_of_every_session(
    sign_in: SignIn, postbox: Postbox, database: Database, heard: Heard
) -> None:
    pair, profile = await register(sign_in)
    token = await forget(sign_in, postbox, " Carol@Example.com")
    mail = postbox.mails[0]
    assert (mail.to, len(postbox.mails)) == ("carol@example.com", 1)
    assert f"{ISSUER}/reset#token={token}\n" in mail.text
    assert f"\n{token}\n" in mail.text
    assert "30 minutes" in mail.text
    await sign_in.resets.confirm(token, NEW)
    with pytest.raises(Unauthenticated):
        await sign_in.identities.authenticate(pair.access_token)
    with pytest.raises(Unauthenticated):
        await sign_in.refresh(pair.refresh_token)
    assert (profile.user_id, None) in heard.changes
    with pytest.raises(InvalidCredentials):
        await sign_in.log_in("carol@example.com", PASSWORD, ADDRESS)
    await sign_in.log_in("carol@example.com", NEW, ADDRESS)
    assert await fetch(database, "SELECT email_verified_at IS NOT NULL FROM account") == [(True,)]
    lines = await fetch(
        database, "SELECT action, user_id, actor_id, detail FROM audit WHERE action LIKE 'password%%' ORDER BY at"
    )
    assert lines == [
        ("password_reset_requested", profile.user_id, None, {"address": ADDRESS}),
        ("password_reset", profile.user_id, profile.user_id, {"api_keys_revoked": 0}),
    ]


async def test_a_link_is_good_once_and_takes_the_others_with_it(sign_in: SignIn, postbox: Postbox) -> None:
    await register(sign_in)
    first, second = await forget(sign_in, postbox), await forget(sign_in, postbox)
    await sign_in.resets.confirm(second, NEW)
    for token in (first, second):
        with pytest.raises(InvalidResetToken):
            await sign_in.resets.confirm(token, "a-third-long-secret")
    await sign_in.log_in("carol@example.com", NEW, ADDRESS)


async def test_of_ten_simultaneous_uses_of_a_link_one_sets_the_password(sign_in: SignIn, postbox: Postbox) -> None:
    await register(sign_in)
    token = await forget(sign_in, postbox)

    async def use(number: int) -> int | None:
        try:
            await sign_in.resets.confirm(token, f"{NEW}-{number}")
        except InvalidResetToken:
            return None
        return number

    async with asyncio.timeout(30):
        winners = [number for number in await asyncio.gather(*map(use, range(10))) if number is not None]
    assert len(winners) == 1
    await sign_in.log_in("carol@example.com", f"{NEW}-{winners[0]}", ADDRESS)


async def test_a_weak_password_does_not_use_the_link_up(sign_in: SignIn, postbox: Postbox) -> None:
    await register(sign_in)
    token = await forget(sign_in, postbox)
    for weak in ("short", "carol-is-my-name", "x1y2z" * 300):
        with pytest.raises(WeakPassword):
            await sign_in.resets.confirm(token, weak)
    await sign_in.resets.confirm(token, NEW)


@pytest.mark.parametrize("token", ["", "x", "reset_" + "A" * 43, "netra_" + "A" * 43, "reset_\ud800", "r" * 5000])
async def test_a_token_that_was_never_sent_is_refused(sign_in: SignIn, token: str) -> None:
    with pytest.raises(InvalidResetToken):
        await sign_in.resets.confirm(token, NEW)


async def test_a_link_ends_after_its_lifetime_and_is_swept(sign_in: SignIn, postbox: Postbox, database: Database) -> None:
    await register(sign_in)
    token = await forget(sign_in, postbox)
    ((seconds,),) = await fetch(database, "SELECT extract(epoch FROM expires_at - now())::int FROM password_reset")
    assert 1700 < seconds <= 1800
    await fetch(database, "UPDATE password_reset SET expires_at = now() - interval '1 second'")
    with pytest.raises(InvalidResetToken):
        await sign_in.resets.confirm(token, NEW)
    assert await sign_in.resets.sweep() == 1


async def test_the_database_holds_no_token(sign_in: SignIn, postbox: Postbox, database: Database) -> None:
    await register(sign_in)
    token = await forget(sign_in, postbox)
    rows = await fetch(database, "SELECT password_reset::text FROM password_reset UNION SELECT audit::text FROM audit")
    assert not any(token in text or token.encode().hex() in text for (text,) in rows)


async def test_keys_of_the_time_before_the_address_was_proved_end_and_later_ones_do_not(
    sign_in: SignIn, postbox: Postbox, database: Database
) -> None:
    _, profile = await register(sign_in)
    somebodys, _ = await sign_in.api_keys.create(profile.user_id, "perhaps an attacker's")
    await sign_in.resets.confirm(await forget(sign_in, postbox), NEW)
    with pytest.raises(Unauthenticated):
        await sign_in.identities.authenticate(somebodys)
    assert await fetch(database, "SELECT detail FROM audit WHERE action = 'password_reset'") == [({"api_keys_revoked": 1},)]
    own, _ = await sign_in.api_keys.create(profile.user_id, "the owner's")
    await sign_in.resets.confirm(await forget(sign_in, postbox), NEW + "-2")
    assert (await sign_in.identities.authenticate(own)).user_id == profile.user_id


async def test_who_locked_the_account_does_not_keep_its_owner_out(sign_in: SignIn, postbox: Postbox) -> None:
    await register(sign_in)
    for _ in range(5):
        with pytest.raises(InvalidCredentials):
            await sign_in.log_in("carol@example.com", "a wrong guess", "198.51.100.9")
    with pytest.raises(TooManyAttempts):
        await sign_in.log_in("carol@example.com", PASSWORD, ADDRESS)
    await sign_in.resets.confirm(await forget(sign_in, postbox), NEW)
    await sign_in.log_in("carol@example.com", NEW, ADDRESS)


async def test_a_disabled_account_gets_no_mail_and_its_link_is_worth_nothing(
    sign_in: SignIn, postbox: Postbox, database: Database
) -> None:
    await register(sign_in)
    token = await forget(sign_in, postbox)
    await sign_in.accounts.disable("carol@example.com")
    with pytest.raises(InvalidResetToken):
        await sign_in.resets.confirm(token, NEW)
    sign_in.resets.request("carol@example.com", ADDRESS)
    await settled(sign_in)
    assert len(postbox.mails) == 1


async def test_an_address_without_an_account_gets_no_mail(sign_in: SignIn, postbox: Postbox, database: Database) -> None:
    for email in ("nobody@example.com", "not an address", "service:billing", "", "x\0@example.com", "\ud800@example.com"):
        sign_in.resets.request(email, ADDRESS)
    await settled(sign_in)
    assert postbox.mails == []
    assert await fetch(database, "SELECT * FROM audit") == []


async def test_nobody_fills_a_mailbox(sign_in: SignIn, postbox: Postbox) -> None:
    await register(sign_in)
    for number in range(MAILS_PER_ACCOUNT + 3):
        sign_in.resets.request("carol@example.com", f"192.0.2.{number}")
    await settled(sign_in)
    assert len(postbox.mails) == MAILS_PER_ACCOUNT


async def test_nobody_tries_a_list_of_addresses(sign_in: SignIn, postbox: Postbox, database: Database) -> None:
    await fetch(
        database,
        "INSERT INTO throttle VALUES (%s, %s, now() + interval '1 hour')",
        f"reset address {ADDRESS}",
        MAILS_PER_ADDRESS,
    )
    await register(sign_in)
    sign_in.resets.request("carol@example.com", ADDRESS)
    await settled(sign_in)
    assert postbox.mails == []


async def test_a_mail_that_fails_is_told_to_the_operator_and_the_next_goes_out(
    sign_in: SignIn, postbox: Postbox, caplog: pytest.LogCaptureFixture
) -> None:
    await register(sign_in)
    postbox.fails = True
    with caplog.at_level(logging.WARNING):
        sign_in.resets.request("carol@example.com", ADDRESS)
        await settled(sign_in)
    assert "was lost" in caplog.text
    assert "reset_" not in caplog.text
    postbox.fails = False
    assert await forget(sign_in, postbox)


async def test_a_flood_of_requests_is_dropped_and_takes_no_room(idle: SignIn, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        for number in range(WAITING + 5):
            idle.resets.request(f"user{number}@example.com", ADDRESS)
    assert idle.resets._requests.qsize() == WAITING
    assert caplog.text.count("was dropped") == 5
