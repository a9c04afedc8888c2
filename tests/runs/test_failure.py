"""What is told of an error, and what is not."""

import asyncio
import logging

import pytest

from netra.errors import Conflict
from netra.ids import RunId, new_uuid
from netra.runs.failure import LONGEST, Failure, explain

RUN = RunId(new_uuid())
SECRET = "postgresql://bob:hunter2@db/"


def test_an_error_of_netra_speaks_for_itself() -> None:
    assert explain(Conflict("the door is shut."), RUN) == Failure("conflict", "the door is shut.")


def test_a_foreign_error_is_named_and_its_message_is_told_to_nobody(caplog: pytest.LogCaptureFixture) -> None:
    def connect() -> None:
        raise ConnectionError(SECRET)

    with pytest.raises(ConnectionError) as caught:
        connect()
    with caplog.at_level(logging.ERROR):
        failure = explain(caught.value, RUN)
    assert failure.code == "agent_error"
    assert failure.message.startswith("ConnectionError: ")
    assert "hunter2" not in failure.message + caplog.text
    error_id = failure.message.split()[-1].rstrip(".")
    assert f"error {error_id} in run {RUN}: ConnectionError at" in caplog.text
    assert "test_failure" in caplog.text and "connect:" in caplog.text


async def test_of_a_group_the_first_error_is_told() -> None:
    async def fail() -> None:
        raise Conflict("one of many.")

    with pytest.raises(ExceptionGroup) as caught:
        async with asyncio.TaskGroup() as group:
            group.create_task(fail())
    assert explain(caught.value, RUN).message == "one of many."


def test_an_error_can_always_be_told() -> None:
    told = explain(Conflict("\0\ud800" + "x" * 9999), RUN).message
    assert len(told) <= LONGEST
    assert "\0" not in told and told.encode()
