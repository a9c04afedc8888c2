"""What an endpoint asks for by the type of a parameter: the parts of this process, who is asking, their database session."""

from collections.abc import AsyncIterator
from typing import Annotated, Any, cast
from uuid import UUID

import structlog
from fastapi import Depends, Path
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from pydantic import BeforeValidator
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.requests import HTTPConnection

from netra.auth.identity import Identity
from netra.auth.sign_in import SignIn, session_of
from netra.errors import NotFound, Unauthenticated
from netra.gateway.parts import Parts
from netra.ids import parse_uuid

bearer = HTTPBearer(auto_error=False, description="An access token of `/auth/login`, or an API key of `/auth/api-keys`.")


async def get_parts(connection: HTTPConnection) -> Parts:
    """What `gateway.app` put together for this process."""
    return cast(Parts, connection.app.state.parts)


ThisProcess = Annotated[Parts, Depends(get_parts)]


async def get_sign_in(parts: ThisProcess) -> SignIn:
    """Everything about identity that this process has."""
    return parts.sign_in


WithSignIn = Annotated[SignIn, Depends(get_sign_in)]


async def note_trespass(connection: HTTPConnection, parts: ThisProcess) -> AsyncIterator[None]:
    """For routes with ids in their path: what is not found may be somebody else's, and that is counted."""
    try:
        yield
    except NotFound:
        found = (parse_uuid(str(value)) for value in connection.path_params.values())
        parts.trespass.suspect("http", [suspected for suspected in found if suspected is not None])
        raise


OwnOnly = Depends(note_trespass)


async def get_identity(
    connection: HTTPConnection,
    sign_in: WithSignIn,
    parts: ThisProcess,
    credentials: Annotated[HTTPAuthorizationCredentials | None, Depends(bearer)],
) -> Identity:
    """Who is asking. Raises `Unauthenticated`, and `TooManyAtOnce` of somebody with too many requests before the door."""
    # Two headers would be read as one by us and as the other by a proxy.
    if credentials is None or len(connection.headers.getlist("authorization")) > 1:
        raise Unauthenticated
    claim = await sign_in.identities.read(credentials.credentials)
    async with parts.doors.of(claim.whose):
        identity = await sign_in.identities.confirm(claim)
    structlog.contextvars.bind_contextvars(user_id=str(identity.user_id))
    return identity


async def take_turn(identity: Annotated[Identity, Depends(get_identity)], parts: ThisProcess) -> AsyncIterator[None]:
    """Wait until it is this user's turn. Raises `TooManyAtOnce`."""
    async with parts.turns.of(identity.user_id):
        yield


async def get_current_user(
    identity: Annotated[Identity, Depends(get_identity)],
    # It ends with the endpoint: an answer that is streamed for hours holds nobody up.
    _turn: Annotated[None, Depends(take_turn, scope="function")],
) -> Identity:
    """Who is asking, once it is their turn."""
    return identity


CurrentUser = Annotated[Identity, Depends(get_current_user)]


async def get_signed_in_user(user: CurrentUser) -> Identity:
    """Who is asking, with a session of their own: for what an API key must not do. Raises `SessionRequired`."""
    session_of(user)
    return user


SignedInUser = Annotated[Identity, Depends(get_signed_in_user)]


async def get_db(user: CurrentUser, parts: ThisProcess) -> AsyncIterator[AsyncSession]:
    """A session that sees this user's rows only, in one transaction.

    It commits when the endpoint has returned, and rolls back when it raises or is cancelled.
    """
    async with parts.database.for_user(user.user_id).session() as session:
        yield session


# scope="function": the commit comes before the answer, so one that fails is an error and not a success already sent.
UserSession = Annotated[AsyncSession, Depends(get_db, scope="function")]


async def get_client_address(connection: HTTPConnection) -> str:
    """The network address of the client.

    Headers such as X-Forwarded-For are not read here: anybody can send them. The server itself believes them of the proxies
    that the operator trusts.
    """
    return connection.client.host if connection.client else "local"


ClientAddress = Annotated[str, Depends(get_client_address)]


def _read_id(text: Any) -> Any:
    if isinstance(text, str):
        if (value := parse_uuid(text)) is None:
            raise NotFound
        return value
    return text


PathId = Annotated[UUID, BeforeValidator(_read_id), Path()]
"""An id in a path. One that is malformed is unknown, like any other that is not the asker's: 404, the same body."""
