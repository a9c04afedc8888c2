"""`netra.guard.requests.task_objects`: the one object that a worker makes of a task."""

import pytest

from netra.guard.requests.task_objects import based_on, bound_to, is_ended_after_a_run, own_lists, task_classes
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


TASKS = """
    from celery import Celery, Task

    app = Celery("imports")

    class Base(Task):
        session = None

    class Kept(Base):
        def open(self):
            self.session = 1

    class Ended(Base):
        def after_return(self, *args):
            self.session.close()

    @app.task(base=Kept, bind=True)
    def load(self, number): ...

    @app.task
    def plain(number): ...
    """


def test_the_class_that_a_task_is_based_on_has_one_object_and_so_have_those_above_it() -> None:
    found = {kind.name: scope.name for kind, (scope, _) in based_on(analysed({"example.py": TASKS})).items()}
    assert found == {"Kept": "load", "Base": "load"}


def test_a_function_is_told_the_object_where_it_is_bound() -> None:
    alone = "    @app.task(base=Ended)\n    def alone(number): ...\n"
    other = "    @app.task(bind=True)\n    def other(self): ...\n"
    text = f"{TASKS}\n{alone}\n{other}"
    found = {kind.name: [each.name for each in scopes] for kind, scopes in bound_to(analysed(text)).items()}
    assert found == {"Kept": ["load"], "Base": ["load"]}


def test_what_a_method_closes_is_ended_after_a_run() -> None:
    analysis = analysed({"example.py": TASKS})
    kinds = {kind.name: kind for module in analysis.modules for kind in module.classes}
    session = ("attribute", ("name", "self"), "session")
    assert is_ended_after_a_run(kinds["Ended"], session, {"close"})
    assert not is_ended_after_a_run(kinds["Kept"], session, {"close"})
