"""`netra.guard.requests.task_objects`: the one object that a worker makes of a task."""

import pytest

from netra.guard.requests.task_objects import own_lists, task_classes
from tests.guard.programs import analysed

TEXT = """
from celery import {name} as Base

class Above(Base):
    {body}

class Report(Above):
    {own}

class Other:
    notes = []
"""


@pytest.mark.parametrize(
    ("name", "body", "own", "expected"),
    [
        ("Task", "notes = []", "pass", {"Above": ["notes"], "Report": []}),
        ("Task", "pass", "def __init__(self): self.notes = []", {"Above": [], "Report": ["notes"]}),
        ("Task", "pass", "def before_start(self, *args): self.notes = []", {"Above": [], "Report": []}),
        ("Task", "notes = ['a']", "names = ()", {"Above": [], "Report": []}),
        ("Celery", "notes = []", "pass", {}),
    ],
)
def test_what_the_classes_of_tasks_have(name: str, body: str, own: str, expected: dict[str, list[str]]) -> None:
    kinds = task_classes(analysed(TEXT.format(name=name, body=body, own=own)))
    assert {kind.name: [each for each, _ in own_lists(kind)] for kind in kinds} == expected
