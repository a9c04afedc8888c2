"""The table of checkers: what each found on the same packages, how much of it was true, and what it took."""

import json
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from tests.guard.accuracy import judged

RESULTS: Final = Path(__file__).with_name("results.json")
CHECKED: Final = Path(__file__).with_name("judged")
FAMILY_LETTERS: Final = "AEMDST"

Results = Mapping[str, Mapping[str, Mapping[str, Any]]]


def rendered_file(results: Path, verdicts: Path) -> str:
    """The table of what `results.json` holds."""
    return rendered(json.loads(results.read_text("utf-8")), verdicts)


def rendered(results: Results, verdicts: Path) -> str:
    """The table in Markdown; `verdicts` is the folder of what was judged."""
    header = ["checker", "findings", *FAMILY_LETTERS, "true of those judged", "time, s", "processor, s"]
    lines = [_row(header), _row("---" for _ in header)]
    for checker, by_package in results.items():
        ended = [each for each in by_package.values() if each["ended"]]
        counts: Counter[str] = Counter()
        for each in ended:
            counts.update(each["families"])
        cells = [
            checker + _unfinished(by_package),
            f"{sum(each['findings'] for each in ended):,}",
            *(f"{counts[letter]:,}" for letter in FAMILY_LETTERS),
            judged.precision(judged.read(verdicts / f"{checker}.csv")),
            f"{sum(each['wall'] for each in by_package.values()):,.0f}",
            f"{sum(each['processor'] for each in by_package.values()):,.0f}",
        ]
        lines.append(_row(cells))
    return "\n".join(lines) + "\n"


def _unfinished(by_package: Mapping[str, Mapping[str, Any]]) -> str:
    late = [f"{name} not within {each['limit']:,.0f} s" for name, each in sorted(by_package.items()) if not each["ended"]]
    return f" ({', '.join(late)})" if late else ""


def _row(cells: Any) -> str:
    return f"| {' | '.join(cells)} |"
