"""A decorator only looks on where it logs or times a call and gives what the function gives; any other is left where it is."""

import pytest

from tests.guard.programs import program

AROUND = """
import functools
import logging
import time

log = logging.getLogger(__name__)


def traced(function):
{}
    return wrapper


@traced
async def late(): ...


@traced
def early(): ...
"""

LATE = """
    @functools.wraps(function)
    async def wrapper(*args, **kwargs):
"""
EARLY = """
    @functools.wraps(function)
    def wrapper(*args, **kwargs):
"""


def _undecorated(wrapper: str, body: str) -> set[str]:
    indented = "\n".join(f"        {line}" for line in body.splitlines())
    top = program({"app.py": AROUND.format(wrapper + indented)}).modules["app"]
    return {each.name for each in top.functions if each.name in ("late", "early") and not each.facts.decorators}


@pytest.mark.parametrize(
    "body",
    [
        "return await function(*args, **kwargs)",
        "log.info('called')\nreturn await function(*args, **kwargs)",
        "begun = time.time()\nresult = await function(*args, **kwargs)\nprint(time.time() - begun)\nreturn result",
        "try:\n    return await function(*args, **kwargs)\nexcept Exception:\n    log.exception('failed')\n    raise",
        "try:\n    return await function(*args, **kwargs)\nfinally:\n    log.info('done')",
    ],
)
def test_what_logs_and_times_is_taken_off_functions_of_its_kind(body: str) -> None:
    assert _undecorated(LATE, body) == {"late"}
    assert _undecorated(EARLY, body.replace("await ", "")) == {"early"}


@pytest.mark.parametrize(
    "body",
    [
        pytest.param("return function(*args, **kwargs)", id="gives the coroutine on"),
        pytest.param("if not allowed():\n    return None\nreturn await function(*args, **kwargs)", id="asks"),
        pytest.param("log(args[0])\nreturn await function(*args, **kwargs)", id="calls a function that is only called so"),
        pytest.param("check(args[0])\nreturn await function(*args, **kwargs)", id="may refuse"),
        pytest.param("assert args\nreturn await function(*args, **kwargs)", id="refuses by an assertion"),
        pytest.param("seen['last'] = args\nreturn await function(*args, **kwargs)", id="keeps what it was given"),
        pytest.param("wrapper.last = args\nreturn await function(*args, **kwargs)", id="keeps it on itself"),
        pytest.param("if len(args) > 1:\n    raise ValueError(args)\nreturn await function(*args, **kwargs)", id="refuses"),
        pytest.param("return await function(*args, user=None, **kwargs)", id="adds something"),
        pytest.param("await function(*args, **kwargs)\nreturn await function(*args, **kwargs)", id="calls twice"),
        pytest.param("await function(*args, **kwargs)", id="gives nothing"),
        pytest.param("return (await function(*args, **kwargs)).text", id="gives a part"),
        pytest.param("try:\n    return await function(*args, **kwargs)\nexcept OSError:\n    return None", id="takes errors"),
        pytest.param("with lock:\n    return await function(*args, **kwargs)", id="holds something"),
        pytest.param("while True:\n    return await function(*args, **kwargs)", id="tries again"),
    ],
)
def test_any_other_decorator_stays(body: str) -> None:
    assert _undecorated(LATE, body) == set()


def test_what_is_made_by_a_call_and_what_asks_for_the_kind_look_on_as_well() -> None:
    text = """
import functools
import inspect


def logged(name):
    def mark(function):
        @functools.wraps(function)
        def early(*args, **kwargs):
            print(name)
            return function(*args, **kwargs)

        @functools.wraps(function)
        async def late(*args, **kwargs):
            print(name)
            return await function(*args, **kwargs)

        if inspect.iscoroutinefunction(function):
            return late
        return early

    return mark


@logged("orders")
def orders(): ...


@logged("more")
@functools.cache
async def more(): ...


@logged
def wrong(): ...
"""
    top = program({"app.py": text}).modules["app"]
    left = {each.name: len(each.facts.decorators) for each in top.functions if each.facts.decorators}
    assert left == {"early": 1, "late": 1, "more": 1, "wrong": 1}
