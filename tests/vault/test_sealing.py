"""What is sealed opens for its owner, its name and its key, and for nobody else."""

import base64
import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netra.ids import UserId, new_uuid
from netra.vault.sealing import (
    KEY_BYTES,
    NONCE_BYTES,
    Sealed,
    SealingKeys,
    SecretUnreadable,
    UnreadableKey,
    generate_key,
    read_key,
)

ALICE, BOB = UserId(new_uuid()), UserId(new_uuid())
OLD, NEW = os.urandom(KEY_BYTES), os.urandom(KEY_BYTES)
KEYS = SealingKeys({"new": NEW, "old": OLD})

TEXT = st.text(st.characters(exclude_categories=["Cs"]))


@given(TEXT, TEXT)
def test_what_is_sealed_opens_and_shows_nothing(name: str, value: str) -> None:
    sealed = KEYS.seal(ALICE, name, value)
    assert sealed.key_id == "new"
    assert KEYS.open(ALICE, name, sealed) == value
    assert len(value) < 4 or value.encode() not in sealed.data


@given(TEXT, st.data())
def test_whatever_is_changed_nothing_opens(value: str, data: st.DataObject) -> None:
    sealed = KEYS.seal(ALICE, "NAME", value)
    at = data.draw(st.integers(0, len(sealed.data) - 1))
    bit = 1 << data.draw(st.integers(0, 7))
    changed = bytearray(sealed.data)
    changed[at] ^= bit
    for tampered in (bytes(changed), sealed.data[:at], sealed.data + b"\0"):
        with pytest.raises(SecretUnreadable):
            KEYS.open(ALICE, "NAME", Sealed("new", tampered))


@given(TEXT, TEXT)
def test_a_row_that_is_copied_to_another_user_or_name_does_not_open(name: str, other: str) -> None:
    sealed = KEYS.seal(ALICE, name, "a value of mine")
    with pytest.raises(SecretUnreadable):
        KEYS.open(BOB, name, sealed)
    if other != name:
        with pytest.raises(SecretUnreadable):
            KEYS.open(ALICE, other, sealed)


def test_every_key_opens_what_it_has_sealed_and_the_first_seals() -> None:
    earlier = SealingKeys({"old": OLD}).seal(ALICE, "NAME", "a value of mine")
    assert KEYS.open(ALICE, "NAME", earlier) == "a value of mine"
    assert KEYS.seal(ALICE, "NAME", "a value of mine").key_id == "new" == KEYS.first


@pytest.mark.parametrize("keys", [{"new": NEW}, {"new": NEW, "old": NEW}], ids=["the key is gone", "the key is another"])
def test_without_its_key_a_secret_is_refused_by_name_and_without_a_word_of_it(keys: dict[str, bytes]) -> None:
    sealed = SealingKeys({"old": OLD}).seal(ALICE, "NAME", "a value of mine")
    with pytest.raises(SecretUnreadable, match="NAME") as caught:
        SealingKeys(keys).open(ALICE, "NAME", sealed)
    assert "a value" not in caught.value.detail
    assert caught.value.code == "secret_unreadable"


def test_no_two_seals_are_alike() -> None:
    sealed = {KEYS.seal(ALICE, "NAME", "a value of mine").data for _ in range(1000)}
    assert len({data[:NONCE_BYTES] for data in sealed}) == 1000


def test_a_generated_key_can_be_read_and_is_never_the_same() -> None:
    made = [generate_key() for _ in range(100)]
    assert len({key for _, key in made}) == len({read_key(key_id, key) for key_id, key in made}) == 100


@pytest.mark.parametrize("text", ["", "hunter2", base64.b64encode(b"x" * 31).decode(), "ö" * 44, "*" * 44])
def test_what_is_no_key_is_refused_without_being_shown(text: str) -> None:
    with pytest.raises(UnreadableKey, match="the key k is not base64 of 32 bytes") as caught:
        SealingKeys.read({"k": text})
    assert not text or text not in caught.value.detail


def test_keys_show_their_ids_alone() -> None:
    assert repr(KEYS) == "SealingKeys(new, old)"
