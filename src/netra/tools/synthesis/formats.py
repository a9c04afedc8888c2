"""Texts that look like something, and belong to nobody: words that mean nothing, and what each `format` asks for."""

import ipaddress
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Final
from uuid import UUID

from netra.tools.dice import Dice

SYLLABLES: Final = tuple("ba da fe go hu ka le mi no pa qui ro sa te vu wen xa yo zi lor nam est".split())
EPOCH: Final = datetime(2020, 1, 1, tzinfo=UTC)
TEN_YEARS: Final = 3653 * 86_400
"""Seconds: times are made from 2020 to the end of 2029."""


def word(dice: Dice) -> str:
    """A word that means nothing."""
    return "".join(dice.choice(SYLLABLES) for _ in range(dice.randint(2, 4)))


def words(dice: Dice, length: int) -> str:
    """Words that mean nothing, exactly so many characters of them."""
    text = ""
    while len(text) < length:
        text += f" {word(dice)}" if text else word(dice)
    text = text[:length]
    return f"{text[:-1]}a" if text.endswith(" ") else text


def _time(dice: Dice) -> datetime:
    return EPOCH + timedelta(seconds=dice.below(TEN_YEARS))


# Names and addresses are of those that are reserved for examples and for private networks (RFC 2606, 3849, 1918).
FORMATS: Final[Mapping[str, Callable[[Dice], str]]] = {
    "date-time": lambda dice: f"{_time(dice):%Y-%m-%dT%H:%M:%SZ}",
    "date": lambda dice: f"{_time(dice):%Y-%m-%d}",
    "time": lambda dice: f"{_time(dice):%H:%M:%SZ}",
    "email": lambda dice: f"{word(dice)}.{word(dice)}@example.{dice.choice(('com', 'net', 'org'))}",
    "uuid": lambda dice: str(UUID(int=dice.below(2**128), version=4)),
    "uri": lambda dice: f"https://example.com/{word(dice)}/{dice.below(100_000)}",
    "ipv4": lambda dice: str(ipaddress.IPv4Address((10 << 24) + dice.below(2**24))),
    "ipv6": lambda dice: str(ipaddress.IPv6Address((0x20010DB8 << 96) + dice.below(2**96))),
    "hostname": lambda dice: f"{word(dice)}-{dice.below(1000)}.example.com",
}
