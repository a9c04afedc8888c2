"""Programs that sign in with a secret of their own, given by the operator, and act for themselves.

A service is an account like any other, so every wall that holds between people holds for it: it has its own rows, its plan
and its role, and `netra user` changes both. Its account is made when it first asks for a token. Instead of an e-mail address
it has `service:ID`, which is no address and which nobody can register.
"""

import hashlib
import hmac
import secrets
from collections.abc import Mapping
from contextlib import suppress
from typing import Final
from uuid import UUID, uuid5

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from netra.auth.accounts import Accounts, EmailTaken
from netra.db.tables import Account
from netra.errors import Unauthenticated
from netra.ids import UserId

SERVICES: Final = UUID("6c4f1d0e-52c8-4a53-9d0c-8a2f6f3f7f51")
"""The namespace of services' account ids: a service keeps its id, and with it its rows, wherever its name is configured."""


class InvalidServiceCredentials(Unauthenticated):
    """The service id or its secret is wrong, or the service is disabled."""

    code = "invalid_service_credentials"


def address_of(service_id: str) -> str:
    """What stands for a service where people have an e-mail address."""
    return f"service:{service_id}"


def user_id_of(service_id: str) -> UserId:
    """The account id of a service."""
    return UserId(uuid5(SERVICES, service_id))


class Services:
    """The services of this installation: `secrets_by_id` as the operator gave them."""

    def __init__(self, accounts: Accounts, secrets_by_id: Mapping[str, str]) -> None:
        self._accounts = accounts
        self._digests = {service_id: _digest(secret) for service_id, secret in secrets_by_id.items()}
        self._nobody = secrets.token_bytes(32)

    def find(self, service_id: str) -> UserId | None:
        """The account id of a service that the operator knows of."""
        return user_id_of(service_id) if service_id in self._digests else None

    def prove(self, service_id: str, secret: str) -> bool:
        """Say whether `secret` is that of the service, in the same time whatever is wrong."""
        return hmac.compare_digest(_digest(secret), self._digests.get(service_id, self._nobody))

    async def admit(self, session: AsyncSession, service_id: str) -> None:
        """See to it that a service that has proved itself has its account, made in the caller's transaction if it has none.

        Raises `InvalidServiceCredentials` if it is disabled.
        """
        user_id = user_id_of(service_id)
        disabled = select(Account.disabled_at).where(Account.id == user_id)
        if (account := (await session.execute(disabled)).one_or_none()) is None:
            # Taken by itself, in another process, a moment ago.
            with suppress(EmailTaken):
                await self._accounts.add(session, user_id, address_of(service_id), None, name=service_id, kind="service")
        elif account.disabled_at is not None:
            raise InvalidServiceCredentials


def _digest(secret: str) -> bytes:
    """All of one length, so that a comparison tells nothing of a secret's own."""
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).digest()
