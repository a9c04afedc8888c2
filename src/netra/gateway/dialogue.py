"""What each frame of a client does, once it is understood.

Every frame that reaches for something asks the database first whether its user still may: an access token that was good when
the socket opened may belong to a session that has ended since.
"""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from sqlalchemy import select

from netra.db.tables import Run
from netra.errors import Conflict, Unauthenticated
from netra.gateway.connection import ENDED, POLICY, Connection
from netra.gateway.parts import Parts
from netra.ids import RunId, ThreadId
from netra.protocols.websocket import (
    Ack,
    Answer,
    Authenticate,
    Frame,
    Ping,
    Pong,
    RefreshToken,
    StartAgent,
    StopAgent,
    Subscribe,
    Unsubscribe,
    UserMessage,
    error_frame,
)
from netra.runs.runs import Accepted
from netra.streams import log
from netra.streams.cursor import Cursor


class AlreadyAuthenticated(Conflict):
    """This socket has said who it is; to go on with a newer token, send refresh_token."""

    code = "already_authenticated"


class IdentityFixed(Unauthenticated):
    """That token is somebody else's; a socket's user never changes."""

    code = "identity_fixed"


class AccessEnded(Unauthenticated):
    """The session, key or account behind this connection has ended."""

    code = "access_ended"


class NothingToContinue(Conflict):
    """No agent has run in this thread yet; start one."""

    code = "nothing_to_continue"


async def act(parts: Parts, connection: Connection, frame: Frame) -> None:
    """Do what a frame asks and reply. Raises a `NetraError` when it cannot be done."""
    match frame:
        case Ping():
            connection.tell(Pong(ref=frame.ref))
        case Unsubscribe():
            connection.unfollow(_thread(frame.thread_id))
            connection.tell(Ack(ref=frame.ref, thread_id=frame.thread_id.lower()))
        case Authenticate():
            raise AlreadyAuthenticated
        case RefreshToken():
            await _refresh(parts, connection, frame)
        case _:
            await _still(parts, connection)
            await _reach(parts, connection, frame)


async def _reach(
    parts: Parts, connection: Connection, frame: Subscribe | StartAgent | UserMessage | StopAgent | Answer
) -> None:
    """Do what needs the user's rows."""
    user_id = connection.identity.user_id
    match frame:
        case Subscribe():
            cursor = Cursor(frame.after, frame.epoch) if frame.after is not None else None
            await connection.subscribe(_thread(frame.thread_id), cursor, frame.ref)
        case StartAgent():
            accepted = await parts.runs.accept(
                user_id,
                _thread(frame.thread_id) if frame.thread_id is not None else None,
                frame.agent,
                frame.input,
                idempotency_key=frame.idempotency_key,
                on_busy=frame.on_busy,
            )
            await _accepted(connection, accepted, frame)
        case UserMessage():
            await _say(parts, connection, frame)
        case StopAgent():
            state = await parts.runs.cancel(user_id, _run(frame.run_id))
            connection.tell(Ack(ref=frame.ref, run_id=frame.run_id.lower(), state=state))
        case Answer():
            state = await parts.runs.answer(user_id, _run(frame.run_id), frame.request_id, frame.value)
            connection.tell(Ack(ref=frame.ref, run_id=frame.run_id.lower(), state=state))


async def _still(parts: Parts, connection: Connection) -> None:
    """Raise `AccessEnded`, and end the connection, unless its user still may; else take note of their plan."""
    proof = connection.identity.proof
    standing = (await parts.sign_in.identities.recheck([proof])).get(proof)
    if standing is None:
        connection.close(ENDED)
        raise AccessEnded
    connection.access_is(standing)


async def _refresh(parts: Parts, connection: Connection, frame: RefreshToken) -> None:
    identity = await parts.sign_in.identities.authenticate(frame.token)
    if identity.user_id != connection.identity.user_id:
        # Told before the close, so that whoever mixed up two users' tokens learns that.
        parts.presence.tally.identity_swaps += 1
        connection.tell(error_frame(IdentityFixed(), frame.ref))
        connection.close(POLICY, flush=True)
        return
    connection.renew(identity)
    connection.tell(Ack(ref=frame.ref))


async def _accepted(connection: Connection, accepted: Accepted, frame: StartAgent | UserMessage) -> None:
    """Acknowledge a run, and follow its thread from there: who starts a run wants to see it."""
    connection.tell(
        Ack(
            ref=frame.ref,
            run_id=str(accepted.run_id),
            thread_id=str(accepted.thread_id),
            state=accepted.state,
            seq=accepted.seq,
        )
    )
    if not connection.follows(accepted.thread_id):
        await connection.subscribe(accepted.thread_id, Cursor(accepted.seq - 1))


async def _say(parts: Parts, connection: Connection, frame: UserMessage) -> None:
    """Take a message for what it is: the answer to the thread's open question, or the next thing for its latest agent."""
    user_id, thread_id = connection.identity.user_id, _thread(frame.thread_id)
    latest = select(Run).where(Run.user_id == user_id, Run.thread_id == thread_id).order_by(Run.created_at.desc()).limit(1)
    waiting = latest.where(Run.waits_for.is_not(None))
    async with parts.database.for_user(user_id).session() as session:
        asks, last = await session.scalar(waiting), await session.scalar(latest)
    if asks is not None and asks.waits_for is not None:
        state = await parts.runs.answer(user_id, RunId(asks.id), asks.waits_for, frame.content)
        connection.tell(Ack(ref=frame.ref, run_id=str(asks.id), thread_id=str(thread_id), state=state))
        return
    if last is None:
        await log.read_position(parts.database.for_user(user_id), thread_id)  # NotFound comes before NothingToContinue
        raise NothingToContinue
    agent = parts.agents.get(last.agent)
    said = next_input(agent.input_schema if agent else {}, last.input, frame.content)
    accepted = await parts.runs.accept(user_id, thread_id, last.agent, said)
    await _accepted(connection, accepted, frame)


def next_input(schema: Mapping[str, Any], before: Any, message: str) -> Any:
    """The input of an agent's next run in a thread, made of a user's message.

    An agent that takes a text gets it. One that takes an object gets the input of its run before, with the message in the
    field `content`, else in the first field that is plain text; if there is none, `content` it is, and the agent will say
    that it knows no such field.
    """
    if schema.get("type") == "string":
        return message
    fields = schema.get("properties", {})
    texts = [name for name, field in fields.items() if field.get("type") == "string" and not field.keys() & {"format", "enum"}]
    name = "content" if "content" in fields or not texts else texts[0]
    return {**(before if isinstance(before, dict) else {}), name: message}


def _thread(text: str) -> ThreadId:
    return ThreadId(UUID(text))


def _run(text: str) -> RunId:
    return RunId(UUID(text))
