import contextvars
import json
import logging
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal

import pytest
import structlog

from netra.gateway.logs import BAD_TEXT, LINES_KEPT, LONGEST_FIELD, USERS_KEPT, RecentLines, configure_logs
from netra.ids import UserId, new_uuid
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


# The latest lines of each user ------------------------------------------------------------------------------------------------


@contextmanager
def working_for(user_id: UserId) -> Iterator[None]:
    with structlog.contextvars.bound_contextvars(user_id=str(user_id), request_id="r"):
        yield


ALICE, BOB = UserId(new_uuid()), UserId(new_uuid())


def test_each_users_lines_are_kept_for_that_user_alone(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logs("info", "json")
    with RecentLines().listening() as recent:
        for user_id in (ALICE, BOB):
            with working_for(user_id):
                structlog.get_logger("netra.x").warning("ours", count=3, of=str(user_id))
                logging.getLogger("netra.y").warning("the library's %s", user_id)
                logging.getLogger("netra.y").debug("below the level")
        structlog.get_logger("netra.x").warning("nobody's")
        assert [line["event"] for line in recent.of(ALICE)] == ["ours", f"the library's {ALICE}"]
        assert {**recent.of(ALICE)[0], "count": 3, "level": "warning", "logger": "netra.x", "request_id": "r"} == recent.of(
            ALICE
        )[0]
        assert str(BOB) not in str(recent.of(ALICE))
        assert str(ALICE) not in str(recent.of(BOB))
    assert len(lines(capsys)) == 5  # each of them was written once, as always
    with working_for(ALICE):
        structlog.get_logger("netra.x").warning("afterwards")
    assert len(recent.of(ALICE)) == 2


def test_a_line_that_names_somebody_else_is_kept_for_neither() -> None:
    configure_logs("info", "json")
    with RecentLines().listening() as recent:
        with working_for(ALICE):
            structlog.get_logger("netra.x").warning("about bob", user_id=str(BOB))
        structlog.get_logger("netra.x").warning("without anybody asking", user_id=str(BOB))
        assert (recent.of(ALICE), recent.of(BOB)) == ([], [])


def test_what_is_kept_is_bounded_in_users_lines_and_length() -> None:
    configure_logs("info", "json")
    with RecentLines().listening() as recent:
        with working_for(ALICE):
            for number in range(LINES_KEPT + 1):
                structlog.get_logger("netra.x").warning("line", number=number, text="x" * 10 * LONGEST_FIELD)
        assert [line["number"] for line in recent.of(ALICE)] == list(range(1, LINES_KEPT + 1))
        assert {len(line["text"]) for line in recent.of(ALICE)} == {LONGEST_FIELD}
        for _ in range(USERS_KEPT):
            with working_for(UserId(new_uuid())):
                structlog.get_logger("netra.x").warning("another")
        assert recent.of(ALICE) == []


@pytest.mark.parametrize("name", ["netra.x", "somebody.else"])
def test_a_kept_error_says_what_it_was(name: str) -> None:
    configure_logs("info", "json")
    logger = structlog.get_logger(name) if name == "netra.x" else logging.getLogger(name)
    with RecentLines().listening() as recent, working_for(ALICE):
        try:
            raise ZeroDivisionError("by zero")
        except ZeroDivisionError:
            logger.exception("failed")
    (line,) = recent.of(ALICE)
    assert line["event"] == "failed"
    assert line["exception"].endswith("ZeroDivisionError: by zero")


def test_a_kept_line_holds_no_secret_of_the_run_that_logs_it() -> None:
    def run() -> None:
        scrub_lines(Scrubber(["hunter-two and a half"]))
        structlog.contextvars.bind_contextvars(user_id=str(ALICE))
        try:
            raise ValueError("hunter-two and a half")
        except ValueError:
            logging.getLogger("agent").exception("hunter-two and a half")

    configure_logs("info", "json")
    with RecentLines().listening() as recent:
        contextvars.copy_context().run(run)
    (line,) = recent.of(ALICE)
    assert "hunter" not in str(line)
    assert "ValueError" in line["exception"]
