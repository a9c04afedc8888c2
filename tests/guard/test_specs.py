"""The specifications of the rules: prose whose code blocks are what is tested.

A line that a rule reports ends in `# error: [CODE]`; every other line must be left alone. A block that begins with
`# file: PATH` is one file of several: all such blocks of a section are one program. Such a file with `before` behind its
path is what it was at the earlier revision. A `toml` block is the configuration of its section. Where a rule tells by default
only what it is certain of, a line that it takes for likely ends in `# error: [CODE] when asked`.
"""

import re
import tomllib
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import pytest

from netra.guard import rules
from netra.guard.configuration import GuardConfiguration, of_table
from netra.guard.faults import CERTAIN
from tests.guard.programs import faults

SPECS = Path(__file__).parent / "specs"
BLOCK = re.compile(r"^```(py|toml)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
FILE = re.compile(r"# file: (\S+)( before)?\n")
EXPECTED = re.compile(r"# error: \[([A-Z0-9, ]+)\]( when asked)?")


class Example(NamedTuple):
    """One program of a specification, with what must be found in it."""

    code: str
    line: int
    files: dict[str, str]
    before: dict[str, str]
    configuration: GuardConfiguration


def examples(path: Path) -> Iterator[Example]:
    text = path.read_text("utf-8")
    starts = [0, *(match.start() for match in re.finditer(r"^## ", text, re.MULTILINE)), len(text)]
    for start, end in pairwise(starts):
        section = text[start:end]
        files: dict[str, str] = {}
        before: dict[str, str] = {}
        alone: list[tuple[int, str]] = []
        configuration = GuardConfiguration()
        for block in BLOCK.finditer(section):
            line = text.count("\n", 0, start + block.start()) + 2
            if block[1] == "toml":
                configuration = of_table(tomllib.loads(block[2])["tool"]["netra-guard"])
            elif named := FILE.match(block[2]):
                (before if named[2] else files)[named[1]] = block[2]
            else:
                alone.append((line, block[2]))
        if files:
            yield Example(path.stem, text.count("\n", 0, start) + 1, files, before, configuration)
        for line, block_text in alone:
            yield Example(path.stem, line, {"example.py": block_text}, {}, configuration)


EXAMPLES = [each for path in sorted(SPECS.glob("*.md")) for each in examples(path)]


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda each: f"{each.code}-line-{each.line}")
def test_a_specification_holds(example: Example) -> None:
    expected = {
        (path, number)
        for path, text in example.files.items()
        for number, line in enumerate(text.splitlines(), 1)
        if (match := EXPECTED.search(line)) and example.code in match[1]
    }
    found = faults(example.files, example.code, configuration=example.configuration, before=example.before or None)
    assert {(fault.path, fault.line) for fault in found} == expected, "\n".join(
        f"{each.path}:{each.line}: {each.message}" for each in found
    )


@pytest.mark.parametrize(
    "example", [each for each in EXAMPLES if rules.load()[each.code].hesitant], ids=lambda each: f"{each.code}-line-{each.line}"
)
def test_a_specification_says_what_is_told_to_those_who_ask_only(example: Example) -> None:
    expected = {
        (path, number): bool(match[2])
        for path, text in example.files.items()
        for number, line in enumerate(text.splitlines(), 1)
        if (match := EXPECTED.search(line)) and example.code in match[1]
    }
    found = faults(example.files, example.code, configuration=example.configuration, before=example.before or None)
    assert {(fault.path, fault.line): fault.confidence != CERTAIN for fault in found} == expected


def test_every_rule_has_a_specification_and_every_specification_a_rule() -> None:
    assert {path.stem for path in SPECS.glob("*.md")} == set(rules.load())


@pytest.mark.parametrize("code", sorted(rules.load()))
def test_a_specification_shows_what_is_found_and_what_is_not(code: str) -> None:
    own = [each for each in EXAMPLES if each.code == code]
    lines = [line for each in own for text in each.files.values() for line in text.splitlines()]
    assert any(EXPECTED.search(line) for line in lines)
    assert len(own) > 1


@pytest.mark.parametrize("code", sorted(rules.load()))
def test_a_specification_is_named_after_its_rule(code: str) -> None:
    assert (SPECS / f"{code}.md").read_text("utf-8").startswith(f"# {code} {rules.load()[code].name}\n")
