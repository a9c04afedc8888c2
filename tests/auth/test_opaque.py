"""Secrets that are kept only as a hash."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netra.auth import opaque

KINDS = [opaque.API_KEY, opaque.REFRESH, opaque.TICKET]


@pytest.mark.parametrize("kind", KINDS)
def test_a_minted_secret_has_a_digest_of_its_own_kind_and_no_other(kind: str) -> None:
    secret = opaque.mint(kind)
    assert opaque.digest(kind, secret) is not None
    assert [opaque.digest(other, secret) for other in KINDS if other != kind] == [None, None]


def test_a_thousand_secrets_are_a_thousand_digests() -> None:
    assert len({opaque.digest(opaque.API_KEY, opaque.mint(opaque.API_KEY)) for _ in range(1000)}) == 1000


@given(st.text())
def test_text_that_nobody_minted_has_no_digest_and_raises_nothing(text: str) -> None:
    assert opaque.digest(opaque.TICKET, text) is None
    assert opaque.digest(opaque.TICKET, opaque.TICKET + text) is None or len(text) == opaque.LENGTH


def test_a_secret_outside_ascii_has_no_digest() -> None:
    assert opaque.digest(opaque.TICKET, opaque.TICKET + "é" * opaque.LENGTH) is None
    assert opaque.digest(opaque.TICKET, opaque.TICKET + "\ud800" * opaque.LENGTH) is None
