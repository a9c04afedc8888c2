import pytest

from netra.guard.members.sent_tasks import sent
from tests.guard.programs import analysed

HEAD = """
import celery
@app.task(bind=True)
def bound(self, address): ...
@app.task
def plain(address, days=1): ...
@app.command
def other(address): ...
def f(more):
    """


@pytest.mark.parametrize(
    ("call", "refused"),
    [
        ("bound.delay(1)", ""),
        ("bound.delay(1, 2)", "takes 1 argument by position, and is given 2"),
        ("plain.delay(1, weeks=1)", "takes no `weeks`"),
        ("plain.apply_async(kwargs={'weeks': 1})", "takes no `weeks`"),
        ("plain.apply_async(args=more)", None),
        ("plain.s()", None),
        ("plain.send(1, weeks=1)", None),
        ("other.delay(1, weeks=1)", None),
    ],
)
def test_what_is_sent_is_held_against_the_function(call: str, refused: str | None) -> None:
    analysis = analysed(f"{HEAD}{call}\n")
    scope = next(each for each in analysis.scopes if each.name == "f")
    found = sent(analysis, scope.facts.calls[0], scope)
    assert (None if found is None else found[0].refuses(found[1])) == refused


ARQ = """
import arq
async def report(ctx, team, *, title=""): ...
async def purge(ctx): ...
async def left(ctx): ...
class WorkerSettings:
    functions = [report, arq.func(purge, name="clean")]
async def f(redis, more):
    await """


@pytest.mark.parametrize(
    ("call", "refused"),
    [
        ("redis.enqueue_job('report', 1, title='x', _defer_by=3)", ""),
        ("redis.enqueue_job('report', 1, name='x')", "takes no `name`"),
        ("redis.enqueue_job('report')", "is not given `team`"),
        ("redis.enqueue_job('report', *more)", ""),
        ("redis.enqueue_job('clean', 1)", "takes nothing by position, and is given 1"),
        ("redis.enqueue_job('purge', 1)", None),
        ("redis.enqueue_job('left', 1)", None),
        ("redis.enqueue_job(more, 1)", None),
    ],
)
def test_what_a_job_is_given_is_held_against_the_function_of_the_worker(call: str, refused: str | None) -> None:
    analysis = analysed(f"{ARQ}{call}\n")
    scope = next(each for each in analysis.scopes if each.name == "f")
    found = sent(analysis, scope.facts.calls[0], scope)
    assert (None if found is None else found[0].refuses(found[1])) == refused
