"""Findings as SARIF 2.1.0, which code scanning of GitHub, GitLab and others reads."""

import json
from typing import Any, Final
from urllib.parse import quote

from netra.guard.faults import CERTAIN, Fault
from netra.guard.output.report import Findings
from netra.guard.values import Step

SCHEMA: Final = "https://json.schemastore.org/sarif-2.1.0.json"


def sarif(findings: Findings) -> str:
    """The log, with one run."""
    codes = sorted({fault.code for fault in findings.faults})
    driver = {
        "name": "netra guard",
        "informationUri": "https://github.com/netra-systems/netra",
        "rules": [_rule(findings, code) for code in codes],
    }
    run = {
        "tool": {"driver": driver},
        "columnKind": "unicodeCodePoints",
        "results": [_result(findings, fault, codes.index(fault.code)) for fault in findings.faults],
    }
    return json.dumps({"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}, indent=2, ensure_ascii=False) + "\n"


def _rule(findings: Findings, code: str) -> dict[str, Any]:
    rule = findings.rules[code]
    return {
        "id": code,
        "name": rule.name,
        "shortDescription": {"text": rule.summary},
        "fullDescription": {"text": rule.page},
        "help": {"text": rule.page, "markdown": rule.page},
    }


def _result(findings: Findings, fault: Fault, index: int) -> dict[str, Any]:
    result: dict[str, Any] = {
        "ruleId": fault.code,
        "ruleIndex": index,
        "level": "error" if fault.confidence == CERTAIN else "warning",
        "message": {"text": fault.message},
        "locations": [{"physicalLocation": _place(findings, fault)}],
        "partialFingerprints": {"netraGuard/v1": fault.fingerprint},
    }
    proof = [step for step in fault.why if step.path]
    if proof:
        steps = [{"location": _location(step)} for step in proof]
        result["codeFlows"] = [{"threadFlows": [{"locations": steps}]}]
    if fault.mend is not None and fault.mend.edits:
        changed = {"artifactLocation": {"uri": _uri(fault.path)}, "replacements": _replacements(findings, fault)}
        result["fixes"] = [{"description": {"text": fault.mend.words}, "artifactChanges": [changed]}]
    return result


def _place(findings: Findings, fault: Fault) -> dict[str, Any]:
    start = _column(findings, fault.path, fault.line, fault.column)
    region = {"startLine": fault.line, "startColumn": start, "endLine": max(fault.end_line, fault.line)}
    return {"artifactLocation": {"uri": _uri(fault.path)}, "region": region}


def _replacements(findings: Findings, fault: Fault) -> list[dict[str, Any]]:
    edits = () if fault.mend is None else fault.mend.edits
    return [
        {
            "deletedRegion": {
                "startLine": each.line,
                "startColumn": _column(findings, fault.path, each.line, each.column),
                "endLine": each.end_line,
                "endColumn": _column(findings, fault.path, each.end_line, each.end_column),
            },
            "insertedContent": {"text": each.text},
        }
        for each in edits
    ]


def _column(findings: Findings, path: str, line: int, column: int) -> int:
    """A column in bytes from 0 as one in letters from 1."""
    before = findings.line(path, line).encode("utf-8", "surrogatepass")[:column]
    return len(before.decode("utf-8", "replace")) + 1


def _uri(path: str) -> str:
    """A path as a reference relative to the working directory; bytes that are no text keep their value."""
    return quote(path, errors="surrogateescape")


def _location(step: Step) -> dict[str, Any]:
    return {
        "message": {"text": step.note},
        "physicalLocation": {"artifactLocation": {"uri": _uri(step.path)}, "region": {"startLine": step.line}},
    }
