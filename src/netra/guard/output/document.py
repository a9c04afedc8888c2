"""Findings as one JSON document, version 1."""

import json
from dataclasses import asdict

from netra.guard.faults import plain
from netra.guard.output.report import Findings


def document(findings: Findings) -> str:
    """The document. Lines count from 1, columns from 0 in bytes of UTF-8, paths are relative to the working directory."""
    whole = {
        "version": 1,
        "summary": {
            "files": findings.files,
            "lines": findings.lines,
            "seconds": round(findings.seconds, 3),
            "findings": len(findings.faults),
            "in_baseline": findings.hidden,
            "by_code": findings.counts,
        },
        "looked_at": asdict(findings.attention),
        "findings": [plain(fault) for fault in findings.faults],
    }
    return json.dumps(whole, indent=2, ensure_ascii=False) + "\n"
