"""What a running server says of itself, at `/health/ready` and `/health/live`, as evidence."""

import shlex
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

import httpx2

from netra.report.model import Coverage, Defect, Evidence, ReportRefused, Risk, Source

PATIENCE: Final = 10.0
"""Seconds that a server may take for one answer; a Netra server answers within six, whatever hangs."""

LIVE: Final = "answers"
READY: Final = "is ready"


def ask(url: str, began_at: datetime) -> Evidence:
    """Ask a server. That it does not answer is evidence as well. Raises `ReportRefused` for what is no address."""
    address = url.rstrip("/")
    with httpx2.Client(timeout=PATIENCE, follow_redirects=False, trust_env=False) as client:
        answers = {path: _get(client, address + path) for path in ("/health/live", "/health/ready")}
    return of_answers(address, began_at, live=answers["/health/live"], ready=answers["/health/ready"])


def of_answers(
    address: str, began_at: datetime, *, live: tuple[int, Mapping[str, Any]], ready: tuple[int, Mapping[str, Any]]
) -> Evidence:
    """The evidence of two answers, each its status and its JSON; status 0 stands for no answer."""
    right: set[str] = set()
    defects: list[Defect] = []

    def judge(name: str, holds: bool, what: str, impact: str, path: str) -> None:
        if holds:
            right.add(name)
            return
        verify = f"curl --fail {shlex.quote(address + path)}"
        risk = Risk.AVAILABILITY
        defects.append(Defect(Source.HEALTH, name, name, what, impact, risk, verify, address + path, scope=(name,)))

    alive = live[0] == 200 and live[1].get("status") == "healthy"
    judge(LIVE, alive, _told("It does not say that it lives", live), "Nobody is served.", "/health/live")
    is_ready = ready[0] == 200 and ready[1].get("status") == "ready"
    judge(READY, is_ready, _told("It is not ready", ready), "It is not to be given new requests.", "/health/ready")
    checks = ready[1].get("checks")
    for name, check in sorted(checks.items()) if isinstance(checks, Mapping) else ():
        if isinstance(check, Mapping):
            needed = "Nothing works without it." if check.get("required") else "The server works without it, for less."
            what = f"`{name}` fails: {check.get('reason', 'no reason is given')}"
            judge(f"check {name}", check.get("state") == "ok", what, needed, "/health/ready")
    version = live[1].get("version")
    said = f"version {version}, {live[1].get('environment', 'unknown')}" if version else "no version given"
    looked = f"{said}; {len(right)} right, {len(defects)} wrong"
    return Evidence(
        Source.HEALTH,
        address,
        began_at,
        looked,
        f"curl --fail {shlex.quote(address + '/health/ready')}",
        tuple(defects),
        Coverage(frozenset(right)),
    )


def _told(words: str, answer: tuple[int, Mapping[str, Any]]) -> str:
    return f"{words}: {f'it answers {answer[0]}' if answer[0] else 'there is no answer'}."


def _get(client: httpx2.Client, address: str) -> tuple[int, Mapping[str, Any]]:
    try:
        answer = client.get(address)
    except (httpx2.InvalidURL, httpx2.UnsupportedProtocol) as error:
        raise ReportRefused(f"{address} is no address of a server: {error}") from error
    except httpx2.HTTPError:
        return 0, {}
    try:
        content = answer.json()
    except ValueError:
        content = {}
    return answer.status_code, content if isinstance(content, dict) else {}
