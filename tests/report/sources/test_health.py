import json
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest

from netra.health.checks import CheckOutcome, Liveness, Readiness, Weight
from netra.report.model import Defect, ReportRefused, Risk, Source
from netra.report.sources.health import LIVE, READY, ask
from tests.report.examples import NOW

LIVENESS = Liveness("netra", "0.1.0", "test", NOW)
OK = CheckOutcome("database", Weight.CRITICAL, 1.0)
DOWN = CheckOutcome("database", Weight.CRITICAL, 1.0, "the database does not answer")
WITHOUT = CheckOutcome("model", Weight.OPTIONAL, 1.0, "there is no key")

Serve = Callable[[tuple[int, Any], tuple[int, Any]], str]


@pytest.fixture
def serve() -> Iterator[Serve]:
    """Starts a server that gives these answers, with a status each, to /health/live and /health/ready."""
    running: list[HTTPServer] = []

    def start(live: tuple[int, Any], ready: tuple[int, Any]) -> str:
        answers = {"/health/live": live, "/health/ready": ready}

        class Answers(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                status, content = answers[self.path]
                self.send_response(status)
                self.end_headers()
                self.wfile.write(content if isinstance(content, bytes) else json.dumps(content).encode())

            def log_message(self, *_: Any) -> None:
                """Nothing: the test asks for answers only."""

        server = HTTPServer(("127.0.0.1", 0), Answers)
        running.append(server)
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        return f"http://127.0.0.1:{server.server_port}/"

    yield start
    for server in running:
        server.shutdown()
        server.server_close()


def answers(*outcomes: CheckOutcome) -> tuple[tuple[int, Any], tuple[int, Any]]:
    readiness = Readiness(outcomes)
    return (200, LIVENESS.as_json()), (readiness.http_status, readiness.as_json())


def test_a_server_that_is_well_is_seen_to_be(serve: Serve) -> None:
    evidence = ask(serve(*answers(OK)), NOW)
    assert (evidence.source, evidence.defects, evidence.began_at) == (Source.HEALTH, (), NOW)
    assert evidence.coverage.names == {LIVE, READY, "check database"}
    assert evidence.looked_at == "version 0.1.0, test; 3 right, 0 wrong"


def test_a_critical_check_that_fails_makes_it_unready(serve: Serve) -> None:
    url = serve(*answers(DOWN, WITHOUT))
    ready, database, model = ask(url, NOW).defects
    assert ready.what == "It is not ready: it answers 503."
    assert database == Defect(
        source=Source.HEALTH,
        key="check database",
        name="check database",
        what="`database` fails: the database does not answer",
        impact="Nothing works without it.",
        risk=Risk.AVAILABILITY,
        verify=f"curl --fail {url}health/ready",
        where=f"{url}health/ready",
        scope=("check database",),
    )
    assert model.impact == "The server works without it, for less."


def test_a_degraded_server_is_ready_and_its_check_is_open(serve: Serve) -> None:
    evidence = ask(serve(*answers(OK, WITHOUT)), NOW)
    assert [each.key for each in evidence.defects] == ["check model"]
    assert READY in evidence.coverage.names


def test_no_answer_is_evidence_as_well() -> None:
    live, ready = ask("http://127.0.0.1:1", NOW).defects
    assert live.what == "It does not say that it lives: there is no answer."
    assert ready.what == "It is not ready: there is no answer."


@pytest.mark.parametrize("content", [b"<html>", [], {"checks": {"database": "odd"}}], ids=["page", "list", "odd"])
def test_another_server_that_answers_200_is_not_ready(serve: Serve, content: Any) -> None:
    assert {each.key for each in ask(serve((200, content), (200, content)), NOW).defects} == {LIVE, READY}


def test_what_is_no_address_is_refused() -> None:
    with pytest.raises(ReportRefused, match="localhost:8000/health/live is no address of a server"):
        ask("localhost:8000", NOW)
