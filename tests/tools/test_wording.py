"""What a prompt can do without, and what it must keep."""

import re
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netra.tools.wording import APPLICABLE, FILLERS, Kind, Remark, estimate_tokens, improve

RULE = "Never tell the user what you think."


def kinds(prompt: str, *, applied: bool) -> list[str]:
    return [finding.kind for finding in improve(prompt).findings if finding.applied == applied]


def the(kind: Kind, prompt: str) -> Remark:
    (finding,) = (finding for finding in improve(prompt).findings if finding.kind == kind)
    return finding


@pytest.mark.parametrize(
    ("prompt", "shorter"),
    [
        ("Answer  in   French.  ", "Answer in French."),
        ("  - keep  the indent", "  - keep the indent"),
        ("one\n\n\n\ntwo\n\n", "one\n\ntwo"),
        ("==========\nRules\n----------\nUse them.", "===\nRules\n---\nUse them."),
        ("Please note that answers are in French.", "Answers are in French."),
        ("Use tools in order to answer, kindly be exact.", "Use tools to answer, be exact."),
        ("In order to win, play.", "To win, play."),
        ("Stop due to the fact that it rains.", "Stop because it rains."),
        ("- Please summarize it. Please be nice.", "- Summarize it. Be nice."),
        (f"{RULE} Smile. {RULE}", f"{RULE} Smile."),
        (f"{RULE}\n{RULE.replace('the', ' the')}", RULE),
    ],
    ids=range(11),
)  # fmt: skip
def test_what_says_nothing_is_left_out(prompt: str, shorter: str) -> None:
    assert improve(prompt).text == shorter


@pytest.mark.parametrize(
    "prompt",
    [
        "Deliver the parcels in order to the customers.",  # another `in order to`
        "Ask them kindly and wait.",
        "If it rains, stay at home today. Otherwise, go out and play. If it snows, sing. Otherwise, go out and play.",
        "1. Read the whole text to the end.\n2. Read the whole text to the end.",
        "## Adults\nAnswer politely and in whole sentences.\n## Children\nAnswer politely and in whole sentences.",
        "Output: this is all of the text.\nOutput: this is all of the text.",
        "Tools help, e.g. to find out what is there. Tools harm, e.g. to find out what is there.",
        "| a |  b |\n|---|----|\n| the whole of a row |\n| the whole of a row |".replace("  b", " b"),
        'Say "please note that it  rains" now.',
        "Use `please  do` now.",
        "Call https://example.com/please--note now.",
        "```\nplease  keep\n\n\n\nthis ==========\n```",
        "~~~\nplease\n```\nplease\n~~~",
        "<example>\nplease  keep this\n</example>",
        "Yes. Yes. Yes.",
        "Pay 5 dollars to the man next door. Pay 5 dollars to the man next door.",
        "Greet {{name}} at the door of the house. Greet {{name}} at the door of the house.",
    ],
    ids=range(17),
)
def test_what_may_mean_something_stays(prompt: str) -> None:
    assert improve(prompt).text == prompt


def test_each_kind_can_be_switched_off() -> None:
    prompt = f"Please note that  it rains in the whole of Spain.\n========\nTell them. {RULE} {RULE}"
    assert {*kinds(prompt, applied=True)} == {*APPLICABLE}
    for kind in APPLICABLE:
        found = improve(prompt, [other for other in APPLICABLE if other != kind]).findings
        assert kind not in {finding.kind for finding in found}
    assert improve(prompt, []).text == prompt


def test_a_finding_names_its_line_in_the_prompt_as_it_came() -> None:
    prompt = "\n\n\nPlease go.\n\n\n\nWe all live here in the house.\nWe all live here in the house.\n"
    assert the("filler", prompt).line == 4
    again = the("repetition", prompt)
    assert (again.line, again.reason, again.tokens_saved) == (9, "line 8 says so already", estimate_tokens(again.text))


def test_near_repetitions_are_named_and_left() -> None:
    prompt = "Always answer in the language of the user. Be kind.\nAlways answer in the very language of the user."
    finding = the("near_repetition", prompt)
    assert (finding.line, finding.applied) == (2, False)
    assert improve(prompt).text == prompt


def test_an_example_that_is_given_twice_is_named() -> None:
    prompt = "Example 1:\nInput: a cat\nOutput: animal\n\nExample 2:\nInput: a cat\nOutput: animal\n\nExample 3:\nInput: a rose"
    assert the("repeated_example", prompt).line == 5
    assert improve(prompt).text == prompt


@pytest.mark.parametrize(
    "volatile", ["Today is 2026-05-04.", "User: {{user}}", "It is May 4, 2026.", "Id ab12cd34ef56ab12cd34."]
)
def test_what_changes_before_what_does_not_is_named_with_what_a_cache_would_gain(volatile: str) -> None:
    prompt = f"{volatile}\n\nYou are the clerk of a bank.\n\nNever tell what somebody owns."
    finding = the("volatile_order", prompt)
    assert (finding.line, finding.applied) == (1, False)
    gained = estimate_tokens("You are the clerk of a bank.\nNever tell what somebody owns.")
    assert f"about {gained} tokens" in finding.reason
    turned = f"You are the clerk of a bank.\n\nNever tell what somebody owns.\n\n{volatile}"
    assert "volatile_order" not in kinds(turned, applied=False)


def test_an_answer_without_an_end_is_named() -> None:
    assert the("unbounded", "You are a clerk.\nSummarize the text.").line == 2
    for bounded in ("Summarize the text in three sentences.", "Summarize it briefly.", "Answer yes or no.", "You are a clerk."):
        assert "unbounded" not in kinds(bounded, applied=False)


def test_every_filler_is_found_and_what_takes_its_place_is_shorter() -> None:
    assert all(len(instead) < len(words) for words, instead in FILLERS)


def test_tokens_are_estimated_by_characters_and_words() -> None:
    assert estimate_tokens("") == estimate_tokens(" \n ") == 0
    assert estimate_tokens("word " * 100) == round((500 / 4 + 100 * 4 / 3) / 2)
    assert estimate_tokens("漢字仮名") > 4


# -- Laws -------------------------------------------------------------------------------------------------------------------

KEPT = [
    "{{user}}",
    "${amount}",
    "{name}",
    "%(city)s",
    "`x  = 1`",
    "https://example.com/a--b",
    "3.14",
    "2026-05-04",
    "42",
    '"please  go"',
]
PHRASES = [
    "Please note that it rains.", "In order to win, play on.", "Always answer in the language of the user.", "kindly", "please",
    "  ", "\n", "\n\n\n", "==========", "-----", "# Rules", "- item", "```", "```python", "<example>", "</example>",
    "Example 1: a", "Otherwise, stay where you are now.", "due to the fact that", "e.g.", "List all of them", "\t",
    "| a | b |", ". ", ", ",
]  # fmt: skip
PROMPTS = st.lists(st.sampled_from([*KEPT, *PHRASES]) | st.text(max_size=12), max_size=25).flatmap(
    lambda pieces: st.sampled_from([" ", "\n", ""]).map(lambda between: between.join(pieces))
)
PRECIOUS = re.compile(r"\{\{[^{}\n]*\}\}|https?://[^\s<>\"')\]]+|\d+")


def blocks(text: str) -> list[str]:
    """What stands in fences, as Markdown has it."""
    found: list[str] = []
    block: list[str] = []
    fence = ""
    for line in text.replace("\r\n", "\n").split("\n"):
        mark = re.match(r" {0,3}(```+|~~~+)", line)
        if not fence and mark:
            fence, block = mark[1], []
        elif fence and mark and mark[1].startswith(fence) and line.strip() == mark[1]:
            found.append("\n".join(block))
            fence = ""
        elif fence:
            block.append(line)
    return found


@given(prompt=PROMPTS)
def test_to_do_it_again_finds_nothing_more(prompt: str) -> None:
    once = improve(prompt)
    again = improve(once.text)
    assert again.text == once.text
    assert [finding for finding in again.findings if finding.applied] == []


@given(prompt=PROMPTS, off=st.sets(st.sampled_from(APPLICABLE)))
def test_no_placeholder_code_address_or_number_is_lost(prompt: str, off: Any) -> None:
    shorter = improve(prompt, [kind for kind in APPLICABLE if kind not in off]).text
    assert PRECIOUS.findall(shorter) == PRECIOUS.findall(prompt)
    assert blocks(shorter) == blocks(prompt)


@given(prompt=PROMPTS)
def test_a_prompt_only_ever_gets_shorter_and_only_known_words_go(prompt: str) -> None:
    shorter = improve(prompt, ["whitespace", "markup"]).text
    assert len(shorter) <= len(prompt)
    assert re.sub(r"[\s=*_#~-]", "", shorter) == re.sub(r"[\s=*_#~-]", "", prompt)


@given(prompt=PROMPTS)
def test_every_line_of_a_finding_exists(prompt: str) -> None:
    lines = prompt.replace("\r\n", "\n").split("\n")
    assert all(1 <= finding.line <= len(lines) for finding in improve(prompt).findings)


@pytest.mark.parametrize("repeated", ["please ", "A. ", "e.g. ", "{{", "<", "a\n", "``` ", f"{RULE} "])
def test_a_prompt_of_one_thing_again_and_again_takes_no_longer_than_another(repeated: str) -> None:
    begun = time.process_time()
    improve((repeated * 60_000)[:60_000])
    assert time.process_time() - begun < 20  # it was minutes before each change went on from the last one
