import ipaddress
from collections.abc import Callable
from datetime import date, datetime
from typing import Any
from uuid import UUID

import pytest
from jsonschema import Draft202012Validator

from netra.tools.dice import Dice
from netra.tools.synthesis.formats import FORMATS, words
from tests.tools.synthesis.making import values


@pytest.mark.parametrize(
    ("name", "read"),
    [
        ("date-time", datetime.fromisoformat),
        ("date", date.fromisoformat),
        ("uuid", UUID),
        ("ipv4", ipaddress.IPv4Address),
        ("ipv6", ipaddress.IPv6Address),
        ("time", lambda text: datetime.fromisoformat(f"2020-01-01T{text}")),
    ],
)
def test_a_format_is_what_others_read(name: str, read: Callable[[str], Any]) -> None:
    made = values({"type": "string", "format": name})
    assert len({*map(read, made)}) > 20


@pytest.mark.parametrize("name", FORMATS)
def test_every_format_is_one_of_json_schema_and_its_texts_are_valid(name: str) -> None:
    dice, check = Dice(2), Draft202012Validator.FORMAT_CHECKER
    made = [FORMATS[name](dice) for _ in range(50)]
    assert len({*made}) > 25
    assert all(check.conforms(text, name) for text in made)


def test_addresses_belong_to_nobody() -> None:
    assert all(ipaddress.ip_address(made).is_private for made in values({"type": "string", "format": "ipv4"}))
    for made in values({"type": "string", "format": "email"}):
        assert made.rpartition("@")[2] in {"example.com", "example.net", "example.org"}
    assert all(made.startswith("https://example.com/") for made in values({"type": "string", "format": "uri"}))


def test_words_have_exactly_the_length_that_is_asked_for_and_end_in_a_letter() -> None:
    dice = Dice(1)
    for length in range(200):
        text = words(dice, length)
        assert len(text) == length
        assert text == text.strip()
