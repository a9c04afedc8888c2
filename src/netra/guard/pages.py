"""The documentation of the rules, out of their docstrings. `python -m netra.guard.pages FOLDER` writes docs/rules/ anew."""

import sys
from collections.abc import Mapping
from pathlib import Path

from netra.guard import rules
from netra.guard.faults import CERTAIN
from netra.guard.rule import FAMILIES, Rule


def page(rule: Rule) -> str:
    """One rule as Markdown."""
    switch = "`owner` in the configuration, or `--select`, switches" if rule.owned else "`--select` switches"
    note = "" if rule.default else f"\nThis rule is off by default; {switch} it on.\n"
    if rule.default and rule.hesitant:
        note = f"\nBy default it tells only what it is certain of (confidence `{CERTAIN}`); {switch} the rest on.\n"
    return f"# {rule.code} {rule.name}\n{note}\n{rule.page}\n"


def index(known: Mapping[str, Rule]) -> str:
    """The table of all rules as Markdown."""
    parts = ["# Rules of netra guard\n\nWritten out of the rules themselves by `make pages`.\n"]
    for family, what in FAMILIES.items():
        found = [rule for rule in known.values() if rule.code[0] == family]
        if found:
            parts.append(
                f"\n## {family}: {what.partition(': ')[2] or what}\n\n| code | name | what it finds |\n|---|---|---|\n"
            )
            parts += [f"| [{each.code}]({each.code}.md) | {each.name}{each.switched} | {each.summary} |\n" for each in found]
    return "".join(parts)


def write(folder: Path) -> None:
    """Write the page of each rule and the table; pages of rules that are gone are removed."""
    known = rules.load()
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.glob("*.md"):
        old.unlink()
    (folder / "README.md").write_text(index(known), "utf-8")
    for rule in known.values():
        (folder / f"{rule.code}.md").write_text(page(rule), "utf-8")


if __name__ == "__main__":
    write(Path(sys.argv[1]))
