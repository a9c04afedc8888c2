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
    return result


def _place(findings: Findings, fault: Fault) -> dict[str, Any]:
    before = findings.line(fault.path, fault.line).encode()[: fault.column].decode("utf-8", "ignore")
    region = {"startLine": fault.line, "startColumn": len(before) + 1, "endLine": max(fault.end_line, fault.line)}
    return {"artifactLocation": {"uri": quote(fault.path)}, "region": region}


def _location(step: Step) -> dict[str, Any]:
    return {
        "message": {"text": step.note},
        "physicalLocation": {"artifactLocation": {"uri": quote(step.path)}, "region": {"startLine": step.line}},
    }
