"""Reports as they were read and found right. Write them anew with: .venv/bin/python -m tests.agents.team.golden

What differs between two runs (the dataset's id) and between two releases of the price list (its name) is replaced.
"""

import asyncio
import json
import re
from pathlib import Path
from typing import Any, Final

from netra.agents.report import Report
from netra.agents.team.reporting import written
from netra.agents.team.results import Gap, ReportingRequest
from tests.agents.team.test_reporting import request
from tests.agents.team.test_triage import PRICED

FOLDER: Final = Path(__file__).with_name("golden_reports")
KINDS: Final = ("full", "partial", "guidance", "fallback")


async def make(kind: str) -> Report:
    """The report of this kind over a log that is always the same."""
    small = b"\n".join(PRICED.splitlines()[:31]) + b"\n"
    match kind:
        case "full":
            return written(await request(small, "usage", "spend", "savings"))
        case "partial":
            return written(await request(small.replace(b",gpt-4o,", b",house,"), "usage", "latency", "spend"))
        case "guidance":
            return written(await request(b"\n".join(PRICED.splitlines()[:4]) + b"\nbroken\n"))
        case _:
            gap = Gap(stage="triage", code="unavailable", because="The database cannot be reached.")
            return written(ReportingRequest(title="Title", gaps=(gap,)))


def steady(report: Report) -> Any:
    """The report as JSON, without what is another one each time."""
    text = report.model_dump_json()
    text = re.sub(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", "<id>", text)
    return json.loads(re.sub(r"genai-prices [0-9.]+", "genai-prices <release>", text))


def main() -> None:
    """Write every report anew."""
    FOLDER.mkdir(exist_ok=True)
    for kind in KINDS:
        text = json.dumps(steady(asyncio.run(make(kind))), indent=1, ensure_ascii=False)
        (FOLDER / f"{kind}.json").write_text(text + "\n", "utf-8")


if __name__ == "__main__":
    main()
