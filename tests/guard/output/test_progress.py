import os
from collections.abc import Iterator
from io import StringIO
from itertools import count

import pytest

from netra.guard.output.progress import TO_THE_START, ProgressLine


class Terminal(StringIO):
    def isatty(self) -> bool:
        return True


def clock(*times: float) -> Iterator[float]:
    yield from times


def test_what_comes_a_moment_later_is_not_shown() -> None:
    terminal, times = Terminal(), clock(10, 10.05, 10.2)
    line = ProgressLine(terminal, now=lambda: next(times))
    for text in ("one", "two", "three"):
        line.say(text)
    assert terminal.getvalue() == f"{TO_THE_START}one{TO_THE_START}three"


def test_the_line_is_gone_at_the_end_and_nothing_is_wiped_that_was_never_there() -> None:
    terminal = Terminal()
    line = ProgressLine(terminal)
    line.close()
    assert terminal.getvalue() == ""
    line.say("one")
    line.close()
    line.close()
    assert terminal.getvalue() == f"{TO_THE_START}one{TO_THE_START}"


@pytest.mark.parametrize(("stream", "quiet"), [(StringIO(), False), (Terminal(), True)])
def test_a_file_and_somebody_who_wants_quiet_get_nothing(stream: StringIO, quiet: bool) -> None:
    line = ProgressLine(stream, quiet=quiet)
    line.say("one")
    line.close()
    assert stream.getvalue() == ""


def test_a_copy_of_the_process_says_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal, numbers = Terminal(), count()
    monkeypatch.setattr(os, "getpid", lambda: next(numbers))
    ProgressLine(terminal).say("one")
    assert terminal.getvalue() == ""
