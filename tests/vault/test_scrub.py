"""A secret is masked wherever it stands and however it comes, at its own length, and nothing else is."""

import itertools
import json
import time
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from netra.vault.scrub import MASK, MOST_TRIES, Scrubber, spellings

SECRET = "sk-1234567890"

# Few letters, so that texts hold secrets, their beginnings, and secrets that lie on each other.
LETTERS = st.text("ab", min_size=1, max_size=6)
SECRETS = st.lists(LETTERS, min_size=1, max_size=4)


def reference(text: str, secrets: list[str]) -> str:
    """The law, without a thought for speed: a character is masked if an occurrence covers it."""
    covered = {
        at
        for secret in secrets
        for begin in range(len(text))
        if text.startswith(secret, begin)
        for at in range(begin, begin + len(secret))
    }
    return "".join(MASK if at in covered else letter for at, letter in enumerate(text))


def pieces(text: str, cuts: list[int]) -> list[str]:
    places = sorted({0, len(text), *(cut % (len(text) + 1) for cut in cuts)})
    return [text[begin:end] for begin, end in itertools.pairwise(places)]


def streamed(scrubber: Scrubber, parts: list[str]) -> str:
    stream = scrubber.stream()
    return "".join(stream.feed(part) for part in parts) + stream.end()


@given(st.text("abc", max_size=60), SECRETS)
@example("aabaaabaa", ["aabaa"])  # they lie on each other by less than a period
def test_a_character_is_masked_if_and_only_if_a_secret_covers_it(text: str, secrets: list[str]) -> None:
    assert Scrubber(secrets).text(text) == reference(text, secrets)


@given(st.text("abc", max_size=60), SECRETS, st.lists(st.integers(0, 60), max_size=12))
def test_however_a_text_is_cut_what_is_shown_joined_is_the_whole_masked(text: str, secrets: list[str], cuts: list[int]) -> None:
    assert streamed(Scrubber(secrets), pieces(text, cuts)) == reference(text, secrets)


@given(st.text(), st.lists(st.text(min_size=8, max_size=40), max_size=5), st.data())
def test_the_law_of_pieces_holds_for_every_letter_and_spelling(text: str, secrets: list[str], data: st.DataObject) -> None:
    known = [spelling for secret in secrets for spelling in spellings(secret)]
    text = "".join(data.draw(st.lists(st.sampled_from([text, "x", *known]), max_size=6)))
    cuts = data.draw(st.lists(st.integers(0, 300), max_size=12))
    scrubber = Scrubber(secrets)
    assert streamed(scrubber, pieces(text, cuts)) == scrubber.text(text)
    assert len(scrubber.text(text)) == len(text)
    assert [secret for secret in secrets if secret in scrubber.text(text) and set(secret) != {MASK}] == []


@pytest.mark.parametrize("cut", range(len(SECRET) + 1))
def test_a_secret_that_is_cut_in_two_is_not_shown(cut: int) -> None:
    scrubber = Scrubber([SECRET])
    stream = scrubber.stream()
    shown = [stream.feed(f"key {SECRET[:cut]}"), stream.feed(f"{SECRET[cut:]} end")]
    assert shown[0] == "key " + (MASK * cut if cut == len(SECRET) else "")
    assert "".join(shown) == f"key {MASK * len(SECRET)} end"


def test_a_secret_that_comes_letter_by_letter_is_not_shown() -> None:
    text = f"a {SECRET} b {SECRET}{SECRET} c {SECRET[:-1]}"
    assert streamed(Scrubber([SECRET]), list(text)) == reference(text, [SECRET])


def test_what_cannot_begin_a_secret_is_shown_at_once() -> None:
    stream = Scrubber([SECRET]).stream()
    assert stream.feed("Here are the result") == "Here are the result"
    assert stream.feed("s") == ""
    assert stream.feed(".") == "s."


def test_what_belongs_to_one_secret_and_could_begin_another_stays_masked() -> None:
    stream = Scrubber(["abcdefgh", "ghijklmn"]).stream()
    assert stream.feed("abcdefgh") == MASK * 6
    assert stream.feed("!") == MASK * 2 + "!"
    assert stream.feed("abcdefgh") + stream.feed("ijklmn") + stream.end() == MASK * 14


def test_a_value_is_masked_in_texts_lists_members_and_their_names() -> None:
    value = {"a": [SECRET, 1, None, {f"x{SECRET}": f"{SECRET}!"}], "b": True, "c": 1.5}
    mask = MASK * len(SECRET)
    assert Scrubber([SECRET]).value(value) == {"a": [mask, 1, None, {f"x{mask}": f"{mask}!"}], "b": True, "c": 1.5}


JSON: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text("ab"),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text("ab"), inner, max_size=4),
)


@given(JSON, st.lists(st.text("ab", min_size=3, max_size=4), max_size=3))
def test_no_value_holds_a_secret_afterwards_and_one_without_is_itself(value: Any, secrets: list[str]) -> None:
    masked = Scrubber(secrets).value(value)
    text = json.dumps(value)
    assert [secret for secret in secrets if secret in json.dumps(masked, ensure_ascii=False)] == []
    if not any(secret in text for secret in secrets):
        assert masked is value


def test_two_members_that_become_one_keep_no_name_in_clear() -> None:
    value = {MASK * 8: 1, "abcdefgh": 1}
    assert Scrubber(["abcdefgh"]).value(value) == {MASK * 8: 1}


def test_a_number_that_spells_a_secret_is_masked() -> None:
    assert Scrubber(["1234567890"]).value([1234567890, 12345678901, 0.5, True]) == [MASK * 10, MASK * 10 + "1", 0.5, True]


def test_a_secret_is_known_in_a_url_in_json_in_a_repr_and_without_its_lines_end() -> None:
    secret = 'p@ss/wörd "1"\n'
    for text in (
        f"postgresql://u:{quote(secret.strip(), safe='')}@db",
        json.dumps({"token": secret}),
        repr([secret]),
        f"<{secret.strip()}>",
    ):
        masked = Scrubber([secret]).text(text)
        assert "ss" not in masked and "rd" not in masked, text
        assert len(masked) == len(text)


def test_without_secrets_nothing_changes_and_nothing_is_held() -> None:
    scrubber = Scrubber()
    assert not scrubber
    assert scrubber.text("abc") == "abc"
    assert scrubber.stream().feed("abc") == "abc"


def test_a_scrubber_shows_no_secret_of_its_own() -> None:
    scrubber = Scrubber([SECRET])
    stream = scrubber.stream()
    stream.feed(SECRET[:-1])
    assert "1234" not in f"{scrubber!r} {stream!r}"


@pytest.mark.parametrize(
    ("secret", "text"),
    [
        ("a" * 16_000, "a" * 1_000_000),
        ("a" * 15_999 + "b", "a" * 1_000_000),
        ("a" * 8_000 + "b" + "a" * 7_999, ("a" * 8_000 + "b") * 100),
        ("ab" * 8_000, "ab" * 500_000),
    ],
    ids=["one letter", "one letter but the last", "half", "two letters"],
)
def test_no_secret_makes_a_text_expensive(secret: str, text: str) -> None:
    # Comparing all of a secret at each letter would be 16,000,000,000 comparisons: minutes. The bound only tells these apart.
    scrubber = Scrubber([secret])
    begun = time.process_time()
    stream = scrubber.stream()
    shown = stream.feed(text) + stream.end()
    assert time.process_time() - begun < 5
    assert len(shown) == len(text)


def test_a_text_full_of_false_beginnings_is_held_back_rather_than_searched() -> None:
    scrubber = Scrubber(["a" * 40 + "b"])
    text = "a" * 12 + "c" + "a" * (MOST_TRIES + 30)
    stream = scrubber.stream()
    assert text.startswith(stream.feed(text))
    assert scrubber.text(text + "b") == streamed(scrubber, [text, "b"])
