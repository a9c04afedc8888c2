from pathlib import Path

from netra.guard import rules
from netra.guard.pages import index, page, write

DOCS = Path(__file__).parents[2] / "docs/rules"


def test_the_pages_are_what_the_rules_say() -> None:
    known = rules.load()
    written = {path.name: path.read_text("utf-8") for path in DOCS.glob("*.md")}
    expected = {f"{code}.md": page(rule) for code, rule in known.items()} | {"README.md": index(known)}
    assert written == expected, "write them anew with: make pages"


def test_the_page_of_a_rule_that_is_gone_is_removed(tmp_path: Path) -> None:
    (tmp_path / "X999.md").write_text("gone")
    write(tmp_path)
    assert not (tmp_path / "X999.md").exists()
    assert (tmp_path / "A101.md").exists()
