"""A verdict as JSON, for programs."""

import json
from datetime import datetime
from typing import Any

from netra.prove.history import Seen
from netra.prove.verdict import Judgement


def write(verdict: Judgement, *, seed: int, command: str, began_at: datetime, smallest: tuple[Seen, ...]) -> str:
    """`{"version": 1, "verdict": "proved" | "breach" | "inconclusive", …}`; times are seconds since `began_at`."""
    content: dict[str, Any] = {
        "version": 1,
        "verdict": verdict.outcome.name.lower(),
        "seed": seed,
        "command": command,
        "began_at": began_at.isoformat(timespec="seconds"),
        "users": verdict.users,
        "events": verdict.events,
        "seconds": verdict.seconds,
        "doubts": [*verdict.doubts],
        "promises": [
            {"checker": name, "promise": promise, "breaches": count} for name, (promise, count) in verdict.promises.items()
        ],
        "not_applicable": [
            {"checker": name, "promise": promise, "lacks": [*lacks]}
            for name, (promise, lacks) in verdict.not_applicable.items()
        ],
        "faults": [{"fault": each.name, "injected": each.injected, "bites": each.bites} for each in verdict.faults],
        "operations": {name: dict(counts) for name, counts in verdict.operations.items()},
        "breaches": [
            {
                "checker": each.checker,
                "witness": each.witness,
                "records": [json.loads(record.line()) for record in each.records],
            }
            for each in verdict.breaches
        ],
        "smallest_history": [json.loads(record.line()) for record in smallest],
    }
    return json.dumps(content, indent=2)
