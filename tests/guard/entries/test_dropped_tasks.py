from netra.guard.entries.dropped_tasks import dropped_tasks
from tests.guard.programs import analysed

TEXT = """
from celery import Celery, Task, shared_task
app = Celery("x")
@app.task
async def mail(to): ...
@shared_task(bind=True)
async def later(self, to): ...
@app.task(base=Task)
async def own(to): ...
@app.task
def plain(to): ...
"""


def test_a_worker_awaits_no_task() -> None:
    assert [scope.name for scope, _ in dropped_tasks(analysed(TEXT).program)] == ["mail", "later"]


def test_a_class_of_tasks_may_run_them() -> None:
    assert not list(dropped_tasks(analysed(TEXT + "\nclass Running(Task): ...\n").program))
