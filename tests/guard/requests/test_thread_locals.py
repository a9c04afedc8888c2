"""What a coroutine keeps of a request for its thread is found where others run before it is read, and nowhere else."""

import pytest

from netra.guard.requests.thread_locals import kept_for_thread, left_in_thread
from tests.guard.programs import analysed

KEEPING = "LOCAL.units = request.query_params['units']"
WAITING = "sky = await forecast()"
READING = "return LOCAL.units"


def _kept(*lines: str, local: str = "threading.local()", start: str = "async def") -> list[tuple[str, str, int]]:
    body = "".join(f"\n    {line}" for line in lines)
    text = f"""
import asyncio, elsewhere, threading
from fastapi import FastAPI, Request
app = FastAPI()
class Own(threading.local): ...
class Plain: ...
LOCAL = {local}
async def forecast(): await asyncio.sleep(1)
def keep(units): LOCAL.units = units
def kept(): return getattr(LOCAL, "units", None)
@app.get("/sky")
{start} sky(request: Request):{body}
"""
    return [(each.scope.name, each.name, each.line) for each in kept_for_thread(analysed(text))]


@pytest.mark.parametrize("local", ["threading.local()", "Own()"])
def test_what_is_kept_before_a_coroutine_waits_and_read_after_it_is_found(local: str) -> None:
    assert _kept(KEEPING, WAITING, READING, local=local) == [("sky", "units", 13)]


def test_it_is_found_in_the_plain_functions_that_keep_and_read_it_for_the_coroutine() -> None:
    assert _kept("keep(request.query_params['units'])", WAITING, "return kept()") == [("keep", "units", 9)]


@pytest.mark.parametrize(
    "lines",
    [
        (KEEPING, READING),
        (WAITING, KEEPING, READING),
        (KEEPING, "units = LOCAL.units", WAITING, "return units"),
        (KEEPING, WAITING, "return LOCAL.colour"),
        ("LOCAL.units = 'metric'", WAITING, READING),
    ],
)
def test_what_nobody_else_can_have_changed_before_it_is_read_is_left_alone(lines: tuple[str, ...]) -> None:
    assert _kept(*lines) == []


def test_a_plain_route_has_its_thread_to_itself() -> None:
    assert _kept(KEEPING, "time.sleep(1)", READING, start="def") == []


@pytest.mark.parametrize("local", ["Plain()", "elsewhere.local()"])
def test_what_somebody_else_calls_so_or_another_class_makes_is_no_thread_local(local: str) -> None:
    assert _kept(KEEPING, WAITING, READING, local=local) == []


LEFT = """
import threading
from flask import Flask, session
app = Flask(__name__)
LOCAL = threading.local()

def keep(units):
    LOCAL.units = units

@app.before_request
def begin():
    {begin}

@app.teardown_request
def end(error):
    {end}

@app.get("/sky")
def sky():
    return {read}
"""

SOMETIMES = "if 'units' in session: keep(session['units'])"
DEFAULT = "getattr(LOCAL, 'units', 'C')"


@pytest.mark.parametrize(
    ("begin", "end", "read", "expected"),
    [
        (SOMETIMES, "pass", DEFAULT, True),
        ("keep(session.get('units'))", "pass", DEFAULT, False),
        (SOMETIMES, "keep('C')", DEFAULT, False),
        (SOMETIMES, "LOCAL.units = 'C'", DEFAULT, False),
        (SOMETIMES, "del LOCAL.units", DEFAULT, False),
        (SOMETIMES, "LOCAL.__dict__.clear()", DEFAULT, False),
        (SOMETIMES, "pass", "LOCAL.units", False),
        ("if not hasattr(LOCAL, 'units'): keep(session['units'])", "pass", DEFAULT, False),
        ("if 'units' in session: keep('F')", "pass", DEFAULT, False),
    ],
)
def test_what_only_some_requests_put_there_stays_for_those_that_do_not(begin: str, end: str, read: str, expected: bool) -> None:
    found = [each.name for each in left_in_thread(analysed(LEFT.format(begin=begin, end=end, read=read)))]
    assert found == (["units"] if expected else [])
