"""Which account somebody has who comes from an OpenID provider.

Who they are is (issuer, subject), never the e-mail address: that changes hands, and a provider may let anybody claim one. The
address only decides what happens the first time, and then both sides have to have proved it:

- The provider has to vouch for it, or anybody could take over an account by claiming its address there.
- Our account has to have had it proved. Otherwise an attacker registers the victim's address first, with a password of their
  own; the victim comes later with the provider, is linked to that account, and works in it, while the attacker still has the
  password (pre-hijacking: Sudhodanan and Paverd, USENIX Security 2022). Resetting the password proves the address and throws
  everybody else out, so that is what the victim is told to do.
"""

from contextlib import suppress

from sqlalchemy import func, insert, select, text, update
from sqlalchemy.ext.asyncio import AsyncSession

from netra.auth.accounts import Accounts, EmailTaken, InvalidEmail, normalise_email
from netra.auth.audit import record
from netra.auth.provider import ExternalUser
from netra.db.tables import Account, ExternalIdentity
from netra.errors import Conflict, Forbidden
from netra.ids import UserId, new_uuid


class AccountDisabled(Forbidden):
    """This account is disabled."""

    code = "account_disabled"


class EmailNotVerified(Forbidden):
    """The provider does not vouch for your e-mail address. Verify it there, then sign in again."""

    code = "email_not_verified"


class AddressNotProven(Conflict):
    """There is an account with your e-mail address, and nobody has proved yet that it is theirs.

    Reset its password first: that proves it. Then sign in with the provider again.
    """

    code = "address_not_proven"


class ExternalAccounts:
    """Accounts by their identities with providers."""

    def __init__(self, accounts: Accounts) -> None:
        self._accounts = accounts

    async def admit(self, session: AsyncSession, who: ExternalUser) -> Account:
        """The account of `who`, linked or made in the caller's transaction (system scope) if this is the first time.

        Raises `AccountDisabled`, `EmailNotVerified` or `AddressNotProven`.
        """
        # Two first sign-ins of one person at once take turns: the second finds what the first has made.
        await session.execute(
            text("SELECT pg_advisory_xact_lock(hashtextextended('external identity/' || :issuer || ' ' || :subject, 0))"),
            {"issuer": who.issuer, "subject": who.subject},
        )
        theirs = (ExternalIdentity.issuer == who.issuer, ExternalIdentity.subject == who.subject)
        known = select(Account).join(ExternalIdentity, ExternalIdentity.user_id == Account.id).where(*theirs)
        account = await session.scalar(known)
        if account is None:
            account = await self._link(session, who)
        elif account.disabled_at is not None:
            raise AccountDisabled
        else:
            await session.execute(update(ExternalIdentity).where(*theirs).values(last_used_at=func.now()))
        return account

    async def _link(self, session: AsyncSession, who: ExternalUser) -> Account:
        try:
            email = normalise_email(who.email or "")
        except InvalidEmail:
            raise EmailNotVerified("The provider gives no e-mail address for you that Netra accepts.") from None
        if not who.email_verified:
            raise EmailNotVerified
        account = await self._find(session, email)
        if account is None:
            # Taken by somebody who registered at this moment, and who is judged like any other below.
            with suppress(EmailTaken):
                await self._accounts.add(session, UserId(new_uuid()), email, None, name=who.name, verified=True)
            account = await self._find(session, email)
            assert account is not None
        if account.disabled_at is not None:
            raise AccountDisabled
        if account.email_verified_at is None:
            raise AddressNotProven
        user_id = UserId(account.id)
        await session.execute(
            insert(ExternalIdentity).values(user_id=user_id, issuer=who.issuer, subject=who.subject, provider=who.provider)
        )
        record(session, "identity_linked", user_id, actor_id=user_id, provider=who.provider)
        return account

    async def _find(self, session: AsyncSession, email: str) -> Account | None:
        """The account of that address, locked: it must not be disabled while it is linked."""
        found = select(Account).where(Account.email == email).with_for_update(key_share=True)
        return await session.scalar(found)
