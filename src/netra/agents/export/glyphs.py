"""Which characters of a text no font of this machine can show.

Typst brings fonts for Latin, Greek, Cyrillic, Hebrew, Arabic and mathematics; everything else comes from the fonts of the
system, where there are some.

A character without a glyph is set as an empty box, and Typst says nothing of it, except where the standard of the PDF forbids
such boxes. So a document of nothing but the characters in question is set by such a standard, and its errors are read.
"""

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable
from typing import Final

TEMPLATE: Final = b"""#set text(font: ("Libertinus Serif", "DejaVu Sans"))
#for each in sys.inputs.doubtful.split() { [#each #linebreak()] }"""
"""The fonts are those of `report.typ`: which others are tried behind them depends on them."""

STANDARD: Final = "a-2u"
"""The archive standard by which every character has to be shown."""

FIRST_DOUBTFUL: Final = 0x250
"""Below it are Latin letters and signs, which the fonts that Typst brings have."""

REFUSED: Final = re.compile(r'the text `"(.+?)"` could not be displayed')
ESCAPED: Final = re.compile(r"\\u\{([0-9a-fA-F]+)\}")

SCRIPTS: Final = {"CJK": "Chinese or Japanese characters", "HANGUL": "Korean letters", "HIRAGANA": "Japanese letters"}
"""How some scripts are called, by the first word of their characters' names."""

NAMED: Final = 3
"""Signs of no script that are called by their names; of more there is only said how many."""


def glyphless(text: str, *, system_fonts: bool = True) -> str:
    """The characters of `text` that no font has, each once, in order. Blocks, some hundredths of a second."""
    import typst

    doubtful = sorted({character for character in text if ord(character) >= FIRST_DOUBTFUL and _visible(character)})
    if not doubtful:
        return ""
    try:
        typst.compile(
            TEMPLATE,
            format="pdf",
            sys_inputs={"doubtful": " ".join(doubtful)},
            pdf_standards=STANDARD,
            ignore_system_fonts=not system_fonts,
        )
    except typst.TypstError as error:
        found = "".join(map(_unescaped, REFUSED.findall(error.diagnostic)))
        return "".join(character for character in doubtful if character in found)
    return ""


def in_words(characters: Iterable[str]) -> str:
    """What a reader is told of such characters, without any of them."""
    counts = Counter(map(_script, characters))
    signs = sorted(name for name in counts if name.isupper())
    parts = [f"{count} {name}" for name, count in counts.most_common() if name not in signs]
    if signs:
        count = sum(counts[name] for name in signs)
        parts.append(f"{count} other signs" if len(signs) > NAMED else ", ".join(name.lower() for name in signs))
    return (
        f"Shown as empty boxes, because the server that set this has no font for them: {'; '.join(parts)}. "
        "The report as HTML or Markdown has them."
    )


def _visible(character: str) -> bool:
    """Whether a character would be seen by itself: no mark, no joiner, no space."""
    return unicodedata.category(character)[0] in "LNPS"


def _script(character: str) -> str:
    """The script of a letter, in words; of any other sign its name."""
    name = unicodedata.name(character, f"U+{ord(character):04X}")
    first = name.split(" ")[0].split("-")[0]
    if first in SCRIPTS:
        return SCRIPTS[first]
    if unicodedata.category(character).startswith("L"):
        return "Japanese letters" if first == "KATAKANA" else f"{first.capitalize()} letters"
    return name


def _unescaped(text: str) -> str:
    return ESCAPED.sub(lambda match: chr(int(match[1], 16)), text)
