"""What may be known of this process's sockets by anybody: counts without ids, and the limits that a client needs."""

from collections.abc import Iterable

from fastapi import APIRouter
from pydantic import BaseModel, Field

from netra.events.codec import format_time
from netra.gateway.dependencies import ThisProcess
from netra.protocols.websocket import VERSION

router = APIRouter(prefix="/ws", tags=["sockets"])


class ConnectionCounts(BaseModel):
    """WebSockets: open now, and ever opened."""

    active: int
    total: int


class UserCounts(BaseModel):
    """Users with an open connection."""

    active: int


class EventCounts(BaseModel):
    """Events: committed here, handed to readers, read again for readers who had missed them."""

    appended: int
    delivered: int
    replayed: int


class Lag(BaseModel):
    """From an event's making to its hand-over to a reader, in milliseconds; null before there was one."""

    p50: float | None
    p99: float | None


class SocketStats(BaseModel):
    """Counts of this process since it started."""

    timestamp: str
    connections: ConnectionCounts
    users: UserCounts
    events: EventCounts
    closes: dict[str, int] = Field(description="Closed WebSockets by close code.", examples=[{"1000": 3, "4401": 1}])
    lag_ms: Lag
    uptime_s: float


class SocketConfig(BaseModel):
    """What a client of `/ws` is held to: seconds, bytes, counts."""

    protocol: str
    heartbeat_interval: float
    pong_timeout: float
    authenticate_timeout: float
    max_message_size: int
    max_connections_per_user: int
    messages_per_second: float
    messages_burst: int
    max_unsent_bytes: int
    token_grace: float


@router.get("/stats", operation_id="get_socket_stats")
async def get_socket_stats(parts: ThisProcess) -> SocketStats:
    """Counts of this process's connections and events. No ids."""
    presence, counts = parts.presence, parts.streams.counts
    return SocketStats(
        timestamp=format_time(parts.clock.now()),
        connections=ConnectionCounts(active=presence.sockets, total=presence.tally.opened),
        users=UserCounts(active=presence.users),
        events=EventCounts(appended=counts.appended, delivered=presence.tally.delivered, replayed=counts.replayed),
        closes=dict(sorted(presence.tally.closes.items())),
        lag_ms=Lag(p50=_quantile(presence.tally.lags, 0.50), p99=_quantile(presence.tally.lags, 0.99)),
        uptime_s=round(parts.clock.monotonic() - parts.started, 3),
    )


@router.get("/config", operation_id="get_socket_config")
async def get_socket_config(parts: ThisProcess) -> SocketConfig:
    """The limits that a client of `/ws` needs to know."""
    limits = parts.limits
    return SocketConfig(
        protocol=VERSION,
        heartbeat_interval=limits.heartbeat_interval,
        pong_timeout=limits.pong_timeout,
        authenticate_timeout=limits.authenticate_timeout,
        max_message_size=limits.max_message_size,
        max_connections_per_user=limits.max_connections,
        messages_per_second=limits.messages_per_second,
        messages_burst=limits.messages_burst,
        max_unsent_bytes=limits.bounds.unsent_bytes,
        token_grace=limits.bounds.token_grace,
    )


def _quantile(seconds: Iterable[float], share: float) -> float | None:
    """The value, in milliseconds, that a `share` of the samples is not above."""
    ordered = sorted(seconds)
    return round(ordered[min(len(ordered) - 1, int(share * len(ordered)))] * 1000, 3) if ordered else None
