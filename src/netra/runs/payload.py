"""What a run takes in and gives out must be JSON that can be stored, delivered and read back; here is where that is said."""

import json
from typing import Any, Final

import msgspec

from netra.errors import InvalidInput
from netra.events.codec import encode
from netra.protocols.value import objection

LARGEST: Final = 256 * 1024
"""Bytes of one event's data: a quarter of what may wait unsent for one connection, so that every event can be delivered."""


class NotStorable(InvalidInput):
    """That value cannot be kept in the log."""

    code = "not_storable"


def as_json(value: Any, what: str, *, largest: int = LARGEST) -> Any:
    """Return `value` in plain JSON types, as a reader of the log will see it. Raises `NotStorable`, which names `what`.

    Takes what msgspec can encode: plain types, dataclasses, structs, datetimes, UUIDs, enums.
    """
    try:
        # Through the standard library's text, because it alone refuses NaN, which everybody else silently makes null.
        plain = json.loads(json.dumps(msgspec.to_builtins(value, str_keys=True), allow_nan=False))
        complaint = objection(plain)
        size = 0 if complaint else len(encode(plain))
    except (TypeError, ValueError, OverflowError, RecursionError) as error:
        raise NotStorable(f"{what} is not JSON: {error}", field=what) from error
    if complaint:
        raise NotStorable(f"{what} {complaint}.", field=what)
    if size > largest:
        raise NotStorable(f"{what} has {size:,} bytes as JSON; {largest:,} are the most.", field=what)
    return plain


def as_text(value: str, what: str, longest: int) -> str:
    """Return `value` if it can be kept. Raises `NotStorable`. `longest` is in characters."""
    if not isinstance(value, str):
        raise NotStorable(f"{what} is text, not {type(value).__name__}.", field=what)
    if len(value) > longest:
        raise NotStorable(f"{what} has {len(value):,} characters; {longest:,} are the most.", field=what)
    if (complaint := objection(value)) is not None:
        raise NotStorable(f"{what} {complaint}.", field=what)
    return value
