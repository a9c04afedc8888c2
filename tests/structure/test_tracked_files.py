"""What is in the repository holds for every machine: no folder of one person, no package index, nothing secret."""

import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

from tests.structure.source import ROOT

# Spelled in pieces, so that this file does not find itself.
MACHINE = re.compile(
    "|".join(
        [
            r"(?<![\w.-])/(?:work|opt|root|home/(?!runner\b)\w+|Users/\w+)/" + r"\w",  # somebody's folders
            "pypi" + r"\.(?:org|python\.org)" + "|files" + r"\.pythonhosted\.org",  # package indexes
            r"--(?:extra-)?index-" + r"url|--find-" + "links",
            "file:" + "///",
            "-----BEGIN [A-Z ]*PRIVATE " + "KEY-----",
        ]
    )
)
LARGEST = 1_000_000
"""Bytes; data and pictures of more than this belong elsewhere."""


def tracked() -> list[Path]:
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True).stdout
    return [path for name in os.fsdecode(listed).split("\0") if name and (path := ROOT / name).is_file()]


def finds(path: Path) -> Iterator[str]:
    text = path.read_text("utf-8", "replace")
    for number, line in enumerate(text.splitlines(), 1):
        if found := MACHINE.search(line):
            yield f"{path}:{number}: {found[0]}"


def test_no_tracked_file_names_a_machine_or_a_package_index() -> None:
    assert [find for path in tracked() for find in finds(path)] == []


def test_no_tracked_file_is_large() -> None:
    assert [str(path) for path in tracked() if path.stat().st_size > LARGEST] == []


def test_what_belongs_to_a_machine_is_found(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    for text in (
        "see /" + "work/main",
        "/" + "home/alice/x",
        "-i https://pypi." + "org/simple",
        "--find-" + "links x",
        "file:" + "///x",
    ):
        page.write_text(text)
        assert list(finds(page)), text
    page.write_text("/var/lib/netra, ~/work, docs/work/x and https://example.com/home/alice/x are fine")
    assert list(finds(page)) == []
