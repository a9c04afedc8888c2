"""Pages of a list by the key of the last item seen: no item is shown twice or passed over while others come and go.

A cursor is opaque to clients. It holds nothing but the place, so it needs no signature: the rows it leads to are picked by
row-level security as always.
"""

import base64
import binascii
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Annotated, Final, TypeVar
from uuid import UUID

from fastapi import Query

from netra.errors import InvalidInput

Item = TypeVar("Item")

LARGEST_PAGE: Final = 100

Limit = Annotated[int, Query(ge=1, le=LARGEST_PAGE, description="Items of a page.")]
After = Annotated[str | None, Query(max_length=200, description="The `next_cursor` of the page before.")]


def page_of(
    found: Sequence[Item], limit: int, place: Callable[[Item], tuple[datetime, UUID]]
) -> tuple[Sequence[Item], str | None]:
    """The items of a page and its `next_cursor`, out of one item more than a page has: where it was found, more follow."""
    shown = found[:limit]
    return shown, encode_place(*place(shown[-1])) if len(found) > limit else None


def encode_place(at: datetime, item_id: UUID) -> str:
    """A cursor that leads to what comes after this item."""
    return base64.urlsafe_b64encode(f"{at.isoformat()}|{item_id}".encode()).decode().rstrip("=")


def decode_place(cursor: str) -> tuple[datetime, UUID]:
    """Where a cursor leads. Raises `InvalidInput`."""
    try:
        text = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True).decode("ascii")
        at, _, item_id = text.partition("|")
        place = datetime.fromisoformat(at), UUID(item_id)
    except (binascii.Error, ValueError):
        raise InvalidInput("The cursor is not one that a page gave.", field="cursor") from None
    if place[0].tzinfo is None:
        raise InvalidInput("The cursor is not one that a page gave.", field="cursor")
    return place
