"""Findings that somebody has decided to live with for now. They are known by fingerprint, so moved lines do not matter."""

import json
from collections.abc import Iterable
from pathlib import Path

from netra.guard.faults import Fault


class BaselineUnreadable(Exception):
    """The baseline is no file that guard has written."""


def read(file: Path) -> frozenset[str]:
    """The fingerprints of a baseline. Raises BaselineUnreadable, also when there is no such file."""
    try:
        entries = json.loads(file.read_text("utf-8"))["findings"]
        return frozenset(entry["fingerprint"] for entry in entries)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise BaselineUnreadable(f"{file}: {error}; write one with --write-baseline {file}") from error


def write(file: Path, faults: Iterable[Fault]) -> None:
    """Write a baseline of these findings; the rest of each entry is for whoever reads the change."""
    entries = [
        {"fingerprint": each.fingerprint, "code": each.code, "path": each.path, "message": each.message} for each in faults
    ]
    file.write_text(json.dumps({"version": 1, "findings": entries}, indent=1, ensure_ascii=False) + "\n", "utf-8")
