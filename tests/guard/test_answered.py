"""A route that gives all of the environment is found, by whatever way; how many there are, and names, are no answer."""

import pytest

from netra.guard.answered import answered, logged
from tests.guard.programs import analysed

HEAD = """import os
from fastapi import FastAPI
from fastapi.responses import JSONResponse
app = FastAPI()
def everything(): return {**os.environ}
"""
ROUTE = "@app.get('/')\ndef show():\n"


def lines(body: str, head: str = ROUTE) -> list[int]:
    return [each.line for each in answered(analysed(f"{HEAD}{head}    {body}\n"))]


@pytest.mark.parametrize(
    "body",
    [
        "return dict(os.environ)",
        "return {'all': os.environ.copy()}",
        "return JSONResponse({'all': {k: v for k, v in os.environ.items()}})",
        "return [os.environ]",
    ],
)
def test_all_of_it_is_given_to_whoever_asks(body: str) -> None:
    assert lines(body) == [8]


def test_a_function_of_the_program_gives_it() -> None:
    assert lines("return {'all': everything()}") == [5]


@pytest.mark.parametrize(
    "body",
    [
        "return len(os.environ)",
        "return sorted(os.environ)",
        "return os.environ.get('A')",
        "return {k: v for k, v in os.environ.items() if k.startswith('A')}",
    ],
)
def test_a_part_of_it_is_another_matter(body: str) -> None:
    assert lines(body) == []


def test_only_a_route_answers() -> None:
    assert lines("return dict(os.environ)", "def show():\n") == []


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("log.info('all: %s', dict(os.environ))", [8]),
        ("print(os.environ)", [8]),
        ("log.info(f'all: {os.environ}')", [8]),
        ("log.info('%d', len(os.environ))", []),
        ("log.info('%s', os.environ['A'])", []),
    ],
)
def test_what_is_logged_while_somebody_is_served_others_can_read(body: str, expected: list[int]) -> None:
    found = [each.line for each in logged(analysed(f"{HEAD}{ROUTE}    {body}\n"))]
    assert found == expected and not list(logged(analysed(f"{HEAD}def show():\n    {body}\n")))
