"""What a job of arq finds in its context is one for all jobs, where the worker has put it there when it began."""

import pytest

from netra.guard.requests.kept_for_jobs import KeptForJobs
from tests.guard.programs import analysed, function

TEXT = """
async def begin(ctx):
    ctx["http"] = connect()

async def job(ctx, user):
    {before}
    use(ctx)

async def other(ctx):
    pass

class WorkerSettings:
    functions = [job]
    on_startup = begin
"""


@pytest.mark.parametrize(
    ("name", "key", "before", "expected"),
    [
        ("job", "http", "pass", True),
        ("job", "cache", "pass", False),
        ("job", "http", 'ctx["http"] = connect()', False),
        ("job", "http", "ctx = {}", False),
        ("other", "http", "pass", False),
        ("begin", "http", "pass", False),
    ],
)
def test_what_is_of_all_jobs(name: str, key: str, before: str, expected: bool) -> None:
    analysis = analysed(TEXT.format(before=before))
    place = ("subscript", ("name", "ctx"), ("string", key))
    found = analysis.once(KeptForJobs).step(place, function(analysis.program, f"example.{name}"))
    assert (found is not None) is expected
