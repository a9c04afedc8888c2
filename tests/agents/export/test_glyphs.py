"""Which characters no font can show, and what is said of them."""

import pytest

from netra.agents.export.glyphs import glyphless, in_words

pytest.importorskip("typst", reason="needs the extra pdf")


@pytest.mark.parametrize(
    "text", ["plain", "größer, ő, naïve", "Кириллица", "Ελληνικά", "עברית", "العربية", "½ → ≤ ’“”–… • €", "a\u200db\u200b"]
)
def test_what_typst_brings_fonts_for_is_shown(text: str) -> None:
    assert glyphless(text, system_fonts=False) == ""


def test_what_no_font_has_is_found_among_what_some_have() -> None:
    text = "Где 中文, 日本語 カタ, 한국어, ไทย 😀🚀 → 中 'x\"\\\\"
    assert glyphless(text, system_fonts=False) == "".join(sorted(set("中文日本語カタ한국어ไทย😀🚀")))


def test_a_reader_is_told_what_is_missing_in_characters_that_are_there() -> None:
    told = in_words("中文日カ한국😀")
    for part in ("3 Chinese or Japanese characters", "2 Korean letters", "1 Japanese letters", "grinning face", "HTML"):
        assert part in told
    assert glyphless(told, system_fonts=False) == ""
    assert "4 other signs" in in_words("😀🚀🎉🔥")
