"""Server-sent events (WHATWG HTML, section 9.2): the same log as lines of text. No I/O.

`id` is the cursor `EPOCH/SEQ`, so that a browser's own `Last-Event-ID` is all that a resume needs.
"""

from netra.protocols.websocket import ServerFrame

HEARTBEAT = b":\n\n"
"""A comment, which readers skip: keeps proxies from closing a silent stream."""


def event(cursor: str, kind: str, wire: bytes) -> bytes:
    """One event of a log. `wire` is its envelope: JSON on one line."""
    return b"".join((b"id: ", cursor.encode(), b"\nevent: ", kind.encode(), b"\ndata: ", wire, b"\n\n"))


def notice(kind: str, frame: ServerFrame, cursor: str | None = None) -> bytes:
    """What the server says beside the log, as on a WebSocket. With `cursor`, a reader resumes from there."""
    head = f"id: {cursor}\n" if cursor is not None else ""
    return head.encode() + message(kind, frame.encode())


def message(kind: str, wire: bytes) -> bytes:
    """What is of no log. `wire` is JSON on one line."""
    return b"".join((b"event: ", kind.encode(), b"\ndata: ", wire, b"\n\n"))


def retry(milliseconds: int) -> bytes:
    """How long a reader waits before it connects again."""
    return f"retry: {milliseconds}\n\n".encode()
