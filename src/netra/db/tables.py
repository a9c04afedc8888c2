"""The rows as classes. The schema itself is `migrations/versions/`; a test holds the two together.

Only ordinary reads and writes go through these classes. What the log and the runs do is in the `.sql` files beside them.
"""

from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    Computed,
    Double,
    ForeignKey,
    ForeignKeyConstraint,
    Integer,
    Numeric,
    Text,
    UniqueConstraint,
    func,
)
from sqlalchemy.dialects.postgresql import ARRAY, BYTEA, JSONB, REGCONFIG, TIMESTAMP, TSVECTOR
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


class PlanRow(Row):
    """A plan by name. What it holds is in its versions."""

    __tablename__ = "plan"

    name: Mapped[str] = mapped_column(primary_key=True)
    hidden: Mapped[bool] = mapped_column(server_default="false")


class PlanVersionRow(Row):
    """What a plan holds; of several versions the highest is in force."""

    __tablename__ = "plan_version"

    plan: Mapped[str] = mapped_column(ForeignKey("plan.name"), primary_key=True)
    version: Mapped[int] = mapped_column(Integer, primary_key=True)
    price_usd: Mapped[Decimal | None] = mapped_column(Numeric(10, 2))
    permissions: Mapped[list[str]]
    allowances: Mapped[dict[str, Any]]
    rate_multiplier: Mapped[Decimal] = mapped_column(Numeric(8, 2))
    threads: Mapped[int | None] = mapped_column(Integer)
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())


class Account(Row):
    """A person who can sign in, or a program that acts for itself.

    Role and plan are read from here at each request, never from a token.
    """

    __tablename__ = "account"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    email: Mapped[str] = mapped_column(unique=True)
    name: Mapped[str] = mapped_column(default="")
    # Deferred: the role that serves users may not read it, and nobody needs it but the sign-in.
    password_hash: Mapped[str | None] = mapped_column(deferred=True)
    role: Mapped[str] = mapped_column(default="user")
    plan: Mapped[str] = mapped_column(ForeignKey("plan.name"), default="free")
    plan_expires_at: Mapped[datetime | None]
    feature_flags: Mapped[list[str]] = mapped_column(default=list)
    disabled_at: Mapped[datetime | None]
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    migrated_role: Mapped[str | None]
    kind: Mapped[str] = mapped_column(server_default="person")
    email_verified_at: Mapped[datetime | None]


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


class ExternalIdentity(Row):
    """Somebody's account with an OpenID provider, by which they sign in here."""

    __tablename__ = "external_identity"
    __table_args__ = (UniqueConstraint("issuer", "subject"),)

    user_id: Mapped[UUID] = mapped_column(ForeignKey("account.id"), primary_key=True)
    issuer: Mapped[str] = mapped_column(primary_key=True)
    subject: Mapped[str] = mapped_column(primary_key=True)
    provider: Mapped[str]
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    last_used_at: Mapped[datetime] = mapped_column(server_default=func.now())


class SignInAttempt(Row):
    """A sign-in that was sent to a provider and has not come back."""

    __tablename__ = "sign_in_attempt"

    state_hash: Mapped[bytes] = mapped_column(primary_key=True)
    browser_hash: Mapped[bytes]
    provider: Mapped[str]
    nonce: Mapped[str]
    code_verifier: Mapped[str]
    expires_at: Mapped[datetime]


class PasswordReset(Row):
    """The hash of a single-use link that sets a new password."""

    __tablename__ = "password_reset"

    hash: Mapped[bytes] = mapped_column(primary_key=True)
    user_id: Mapped[UUID] = mapped_column(ForeignKey("account.id"))
    expires_at: Mapped[datetime]


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
    plan_version: Mapped[int] = mapped_column(Integer)
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


class ToolUsageRow(Row):
    """How often something was used in one window of time."""

    __tablename__ = "tool_usage"

    user_id: Mapped[UUID] = mapped_column(ForeignKey("account.id"), primary_key=True)
    counter: Mapped[str] = mapped_column(primary_key=True)
    starts_at: Mapped[datetime] = mapped_column(primary_key=True)
    used: Mapped[int] = mapped_column(Integer)
    allowed: Mapped[int | None] = mapped_column(Integer)


class ToolCallRow(Row):
    """One call of a tool that was admitted."""

    __tablename__ = "tool_call"

    user_id: Mapped[UUID] = mapped_column(ForeignKey("account.id"), primary_key=True)
    id: Mapped[UUID] = mapped_column(primary_key=True)
    tool: Mapped[str]
    via: Mapped[str]
    run_id: Mapped[UUID | None]
    at: Mapped[datetime] = mapped_column(server_default=func.now())
    ended_at: Mapped[datetime | None]
    status: Mapped[str | None]


class ModelCallRow(Row):
    """One request to a language model."""

    __tablename__ = "model_call"

    user_id: Mapped[UUID] = mapped_column(ForeignKey("account.id"), primary_key=True)
    id: Mapped[UUID] = mapped_column(primary_key=True)
    run_id: Mapped[UUID]
    agent: Mapped[str]
    purpose: Mapped[str]
    model: Mapped[str]
    own_key: Mapped[bool]
    at: Mapped[datetime] = mapped_column(server_default=func.now())
    status: Mapped[str | None]
    latency_ms: Mapped[float | None] = mapped_column(Double)
    input_tokens: Mapped[int | None]
    output_tokens: Mapped[int | None]
    cached_tokens: Mapped[int | None]
    cost_usd: Mapped[Decimal | None] = mapped_column(Numeric(20, 10))


class SecretRow(Row):
    """A user's secret, sealed."""

    __tablename__ = "secret"

    user_id: Mapped[UUID] = mapped_column(ForeignKey("account.id"), primary_key=True)
    name: Mapped[str] = mapped_column(primary_key=True)
    key_id: Mapped[str]
    sealed: Mapped[bytes]
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    updated_at: Mapped[datetime] = mapped_column(server_default=func.now())


class CorpusRow(Row):
    """A named collection of documents."""

    __tablename__ = "corpus"
    __table_args__ = (UniqueConstraint("user_id", "name"),)

    user_id: Mapped[UUID] = mapped_column(ForeignKey("account.id"), primary_key=True)
    id: Mapped[UUID] = mapped_column(primary_key=True)
    name: Mapped[str]
    description: Mapped[str] = mapped_column(server_default="")
    language: Mapped[str] = mapped_column(REGCONFIG, server_default="english")
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    updated_at: Mapped[datetime] = mapped_column(server_default=func.now())


class DocumentRow(Row):
    """A text in a corpus, and the words that it is found by."""

    __tablename__ = "document"
    __table_args__ = (ForeignKeyConstraint(["user_id", "corpus_id"], ["corpus.user_id", "corpus.id"]),)

    user_id: Mapped[UUID] = mapped_column(primary_key=True)
    corpus_id: Mapped[UUID] = mapped_column(primary_key=True)
    id: Mapped[str] = mapped_column(primary_key=True)
    title: Mapped[str] = mapped_column(server_default="")
    body: Mapped[str]
    # `metadata` is SQLAlchemy's own word.
    details: Mapped[dict[str, Any]] = mapped_column("metadata", server_default="{}")
    language: Mapped[str] = mapped_column(REGCONFIG)
    words: Mapped[Any] = mapped_column(
        TSVECTOR,
        Computed("setweight(to_tsvector(language, title), 'A') || setweight(to_tsvector(language, body), 'B')", persisted=True),
        deferred=True,
    )
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    updated_at: Mapped[datetime] = mapped_column(server_default=func.now())


class ArtifactRow(Row):
    """A file that a tool made."""

    __tablename__ = "artifact"

    user_id: Mapped[UUID] = mapped_column(ForeignKey("account.id"), primary_key=True)
    id: Mapped[UUID] = mapped_column(primary_key=True)
    name: Mapped[str]
    media_type: Mapped[str]
    tool: Mapped[str]
    body: Mapped[bytes] = mapped_column(deferred=True)
    bytes: Mapped[int]
    sha256: Mapped[str]
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
