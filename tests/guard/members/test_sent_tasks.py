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
