"""What is made of the argument of a task is found through calls; what the worker hands to all is none."""

import pytest

from netra.guard.requests.task_arguments import of_task
from tests.guard.programs import analysed, function

TEXT = """
from celery import Celery
app = Celery("x")
@app.task(bind=True)
def run(self, region, rows=Depends(find)):
    keep(region.strip())
    keep_rows(rows)
    keep_self(self.request)
def keep(what): ...
def keep_rows(what): ...
def keep_self(what): ...
def keep_nothing(what): ...
"""


@pytest.mark.parametrize(
    ("name", "expected"), [("keep", True), ("keep_rows", False), ("keep_self", False), ("keep_nothing", False)]
)
def test_an_argument_is_followed(name: str, expected: bool) -> None:
    analysis = analysed(TEXT)
    assert bool(of_task(analysis, ("name", "what"), function(analysis.program, f"example.{name}"))) is expected


def test_the_steps_begin_at_the_task() -> None:
    analysis = analysed(TEXT)
    first, second = of_task(analysis, ("name", "what"), function(analysis.program, "example.keep"))
    assert first.note == "each task example.run is given its own `region`" and second.note == "and is passed to `keep`"


@pytest.mark.parametrize(
    ("library", "made", "decorator", "expected"),
    [
        ("dramatiq", "", "dramatiq.actor(max_retries=3)", True),
        ("huey", "queue = huey.RedisHuey()", "queue.task()", True),
        ("taskiq", "broker = taskiq.InMemoryBroker()", "broker.task", True),
        ("dagster", "", "dagster.op", False),
        ("flask", "app = flask.Flask('x')", "app.get('/')", False),
    ],
)
def test_every_queue_gives_its_tasks_arguments(library: str, made: str, decorator: str, expected: bool) -> None:
    analysis = analysed(f"import {library}\n{made}\n@{decorator}\ndef run(region): ...\n")
    assert bool(of_task(analysis, ("name", "region"), function(analysis.program, "example.run"))) is expected
