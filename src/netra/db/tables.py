"""The rows as classes. The schema itself is `migrations/versions/`; a test holds the two together.

Only ordinary reads and writes go through these classes. What the log and the runs do is in the `.sql` files beside them.
"""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, ForeignKey, ForeignKeyConstraint, Integer, Text, func
from sqlalchemy.dialects.postgresql import ARRAY, BYTEA, JSONB, TIMESTAMP
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column


class Row(DeclarativeBase):
    """A row of one of Netra's tables."""

    type_annotation_map = {  # noqa: RUF012 - SQLAlchemy reads a plain class attribute
        int: BigInteger(),
        datetime: TIMESTAMP(timezone=True),
        str: Text(),
        bytes: BYTEA(),
        dict[str, Any]: JSONB(),
        list[Any]: JSONB(),
        list[str]: ARRAY(Text()),
    }


class Account(Row):
    """A person who can sign in. Role and plan are read from here at each request, never from a token."""

    __tablename__ = "account"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    email: Mapped[str] = mapped_column(unique=True)
    name: Mapped[str] = mapped_column(default="")
    # Deferred: the role that serves users may not read it, and nobody needs it but the sign-in.
    password_hash: Mapped[str] = mapped_column(deferred=True)
    role: Mapped[str] = mapped_column(default="user")
    plan: Mapped[str] = mapped_column(default="free")
    plan_expires_at: Mapped[datetime | None]
    feature_flags: Mapped[list[str]] = mapped_column(default=list)
    disabled_at: Mapped[datetime | None]
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())


class SessionRow(Row):
    """A sign-in: the family of every token refreshed from it."""

    __tablename__ = "session"

    user_id: Mapped[UUID] = mapped_column(ForeignKey("account.id"), primary_key=True)
    id: Mapped[UUID] = mapped_column(primary_key=True)
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    expires_at: Mapped[datetime]
    revoked_at: Mapped[datetime | None]
    revoked_because: Mapped[str | None]


class RefreshTokenRow(Row):
    """The hash of a refresh token; kept after its use, because a second use is how theft shows."""

    __tablename__ = "refresh_token"

    hash: Mapped[bytes] = mapped_column(primary_key=True)
    user_id: Mapped[UUID] = mapped_column(ForeignKey("account.id"))
    session_id: Mapped[UUID]
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    expires_at: Mapped[datetime]
    used_at: Mapped[datetime | None]


class Ticket(Row):
    """The hash of a single-use WebSocket ticket."""

    __tablename__ = "ticket"

    hash: Mapped[bytes] = mapped_column(primary_key=True)
    user_id: Mapped[UUID] = mapped_column(ForeignKey("account.id"))
    session_id: Mapped[UUID | None]
    expires_at: Mapped[datetime]


class ApiKey(Row):
    """A personal key, kept as a hash."""

    __tablename__ = "api_key"

    user_id: Mapped[UUID] = mapped_column(ForeignKey("account.id"), primary_key=True)
    id: Mapped[UUID] = mapped_column(primary_key=True)
    name: Mapped[str]
    prefix: Mapped[str]
    hash: Mapped[bytes] = mapped_column(unique=True)
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    last_used_at: Mapped[datetime | None]
    expires_at: Mapped[datetime | None]
    revoked_at: Mapped[datetime | None]


class SigningKey(Row):
    """A private key that signs access tokens, or did."""

    __tablename__ = "signing_key"

    kid: Mapped[str] = mapped_column(primary_key=True)
    private_key: Mapped[str]
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    retired_at: Mapped[datetime | None]


class ThrottleRow(Row):
    """Failures counted against one key (an account, an address) in one window."""

    __tablename__ = "throttle"

    key: Mapped[str] = mapped_column(primary_key=True)
    failures: Mapped[int] = mapped_column(Integer)
    window_ends_at: Mapped[datetime]


class Audit(Row):
    """What somebody did to an account."""

    __tablename__ = "audit"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    at: Mapped[datetime] = mapped_column(server_default=func.now())
    actor_id: Mapped[UUID | None]
    user_id: Mapped[UUID | None]
    action: Mapped[str]
    detail: Mapped[dict[str, Any]] = mapped_column(default=dict)


class Thread(Row):
    """A conversation, and the counters of its log."""

    __tablename__ = "thread"

    user_id: Mapped[UUID] = mapped_column(ForeignKey("account.id"), primary_key=True)
    id: Mapped[UUID] = mapped_column(primary_key=True)
    kind: Mapped[str] = mapped_column(default="conversation")
    title: Mapped[str] = mapped_column(default="")
    epoch: Mapped[int] = mapped_column(Integer, server_default="1")
    tail: Mapped[int] = mapped_column(server_default="0")
    head: Mapped[int] = mapped_column(server_default="0")
    fence: Mapped[int] = mapped_column(server_default="0")
    append_id: Mapped[UUID | None]
    append_fence: Mapped[int | None]
    append_base: Mapped[int | None]
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    updated_at: Mapped[datetime] = mapped_column(server_default=func.now())


class Run(Row):
    """One execution of an agent in a thread."""

    __tablename__ = "run"
    __table_args__ = (ForeignKeyConstraint(["user_id", "thread_id"], ["thread.user_id", "thread.id"]),)

    user_id: Mapped[UUID] = mapped_column(primary_key=True)
    id: Mapped[UUID] = mapped_column(primary_key=True)
    thread_id: Mapped[UUID]
    agent: Mapped[str]
    state: Mapped[str]
    input: Mapped[Any] = mapped_column(JSONB)
    plan: Mapped[str]
    idempotency_key: Mapped[str | None]
    request_digest: Mapped[bytes | None]
    attempt: Mapped[int] = mapped_column(Integer, server_default="0")
    fence: Mapped[int | None]
    turn: Mapped[bool] = mapped_column(server_default="false")
    lane: Mapped[int | None] = mapped_column(Integer)
    dispatches: Mapped[int] = mapped_column(Integer, server_default="0")
    cancel_by: Mapped[str | None]
    waits_for: Mapped[str | None]
    answers: Mapped[dict[str, Any]] = mapped_column(server_default="{}")
    result: Mapped[Any | None] = mapped_column(JSONB)
    error: Mapped[dict[str, Any] | None]
    usage: Mapped[dict[str, Any] | None]
    accepted_seq: Mapped[int]
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    started_at: Mapped[datetime | None]
    finished_at: Mapped[datetime | None]


class Dataset(Row):
    """An uploaded usage log; its rows are a Parquet file beside the original."""

    __tablename__ = "dataset"

    user_id: Mapped[UUID] = mapped_column(ForeignKey("account.id"), primary_key=True)
    id: Mapped[UUID] = mapped_column(primary_key=True)
    name: Mapped[str]
    format: Mapped[str]
    mapping: Mapped[dict[str, Any]]
    rows: Mapped[int]
    rejected: Mapped[int] = mapped_column(server_default="0")
    problems: Mapped[list[Any]] = mapped_column(server_default="[]")
    notes: Mapped[list[Any]] = mapped_column(server_default="[]")
    bytes: Mapped[int]
    sha256: Mapped[str]
    first_at: Mapped[datetime | None]
    last_at: Mapped[datetime | None]
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())


class ReportRow(Row):
    """A report that a run wrote."""

    __tablename__ = "report"

    user_id: Mapped[UUID] = mapped_column(ForeignKey("account.id"), primary_key=True)
    id: Mapped[UUID] = mapped_column(primary_key=True)
    run_id: Mapped[UUID]
    title: Mapped[str]
    body: Mapped[dict[str, Any]]
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
