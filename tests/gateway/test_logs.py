import contextvars
import json
import logging
import subprocess
import sys
from collections.abc import Iterator
from typing import Literal

import pytest
import structlog

from netra.gateway.logs import BAD_TEXT, configure_logs
from netra.vault.lines import scrub_lines
from netra.vault.scrub import Scrubber


@pytest.fixture(autouse=True)
def as_it_was() -> Iterator[None]:
    """Put logging back, for it is the whole process's."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:], root.level = handlers, level
    structlog.reset_defaults()
    structlog.contextvars.clear_contextvars()


def lines(capsys: pytest.CaptureFixture[str]) -> list[dict[str, object]]:
    return [json.loads(line) for line in capsys.readouterr().err.splitlines()]


def test_each_line_has_the_user_run_and_connection_that_it_belongs_to(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logs("info", "json")
    structlog.contextvars.bind_contextvars(user_id="u", connection_id="c", run_id="r")
    structlog.get_logger("netra.x").warning("ours", count=3)
    logging.getLogger("netra.y").warning("the library's %s", "own")
    first, second = lines(capsys)
    assert first == {
        **first,
        "event": "ours",
        "count": 3,
        "user_id": "u",
        "connection_id": "c",
        "run_id": "r",
        "level": "warning",
    }
    assert second == {**second, "event": "the library's own", "user_id": "u", "logger": "netra.y"}
    assert str(first["timestamp"]).endswith("Z")


def test_what_is_below_the_level_is_not_written(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logs("warning", "json")
    structlog.get_logger("netra.x").info("quiet")
    logging.getLogger("netra.y").info("quiet")
    assert lines(capsys) == []


def test_an_address_with_a_ticket_in_it_is_never_written(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logs("debug", "json")
    logging.getLogger("uvicorn.error").info('%s - "WebSocket %s" [accepted]', "client", "/ws?ticket=secret")
    logging.getLogger("uvicorn.access").info('"GET /ws?ticket=secret"')
    assert "secret" not in capsys.readouterr().err


def test_a_clients_mistake_is_one_line_without_a_trace(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logs("info", "json")
    try:
        b"\xff".decode()
    except UnicodeDecodeError:
        logging.getLogger("uvicorn.error").exception(BAD_TEXT)
    [line] = lines(capsys)
    assert line["event"] == "a frame was not UTF-8"
    assert "exception" not in line


def test_an_error_of_ours_keeps_its_trace(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logs("info", "json")
    try:
        raise ZeroDivisionError
    except ZeroDivisionError:
        structlog.get_logger("netra.x").exception("failed")
    assert "ZeroDivisionError" in str(lines(capsys)[0]["exception"])


def test_the_console_form_is_for_people() -> None:
    code = "from netra.gateway.logs import configure_logs; import structlog; configure_logs('info', 'console'); "
    code += "structlog.get_logger('netra.x').info('hello', count=3)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "hello" in done.stderr
    assert "count=3" in done.stderr
    assert done.stdout == ""


@pytest.mark.parametrize("form", ["json", "console"])
def test_what_running_code_logs_holds_no_secret_of_its_user(
    form: Literal["json", "console"], capsys: pytest.CaptureFixture[str]
) -> None:
    secret = "hunter-two and a half"

    def run() -> None:
        scrub_lines(Scrubber([secret]))
        configure_logs("info", form)
        structlog.get_logger("agent").warning(f"in words {secret}", field=secret, deep={"a": [secret]}, other=Holder(secret))
        logging.getLogger("agent").warning("by the %s", f"library {secret}")
        try:
            raise ValueError(f"in an error {secret}")
        except ValueError:
            logging.getLogger("agent").exception("with its trace")
            structlog.get_logger("agent").exception("with its trace")

    contextvars.copy_context().run(run)
    written = capsys.readouterr().err
    assert secret not in written
    for words in ("in words", "library", "in an error", "ValueError", "with its trace", "Holder"):
        assert words in written


class Holder:
    """Something that shows what it holds."""

    def __init__(self, text: str) -> None:
        self.text = text

    def __repr__(self) -> str:
        return f"Holder({self.text})"


def test_a_secret_that_looks_like_a_part_of_a_line_does_not_break_it(capsys: pytest.CaptureFixture[str]) -> None:
    def run() -> None:
        scrub_lines(Scrubber(['"level": "warning"', '", "']))
        configure_logs("info", "json")
        structlog.get_logger("agent").warning("as ever")

    contextvars.copy_context().run(run)
    [line] = lines(capsys)
    assert (line["event"], line["level"]) == ("as ever", "warning")


def test_a_request_is_logged_as_it_was_whatever_a_user_calls_a_secret(capsys: pytest.CaptureFixture[str]) -> None:
    living = Scrubber(["request_failed"])
    contextvars.copy_context().run(scrub_lines, living)
    configure_logs("info", "json")
    structlog.contextvars.bind_contextvars(request_id="r")
    structlog.get_logger("netra.x").warning("request_failed")
    assert lines(capsys)[0]["event"] == "request_failed"
