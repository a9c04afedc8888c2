from tests.guard.programs import analysed


def labels(files: dict[str, str]) -> dict[str, str]:
    entries = analysed(files).reach.entries.values()
    return {entry.function.name: f"{entry.sort}: {entry.label}" for entry in entries}


JOBS = """
async def send(ctx): ...
async def tidy(ctx): ...
async def expire(ctx): ...
async def count(ctx): ...
async def unused(ctx): ...

OTHERS = [count]
"""
WORKER = """
from arq import cron, func
from jobs import OTHERS, expire, send, tidy

async def start(ctx): ...
async def before(ctx): ...

class WorkerSettings:
    functions = [send, func(tidy, timeout=60), *OTHERS]
    cron_jobs = [cron(expire, hour=3)]
    on_startup = start
    on_job_start = before
    job_timeout = 60
"""


UNIMPORTED = """
    async def check(ctx, addresses): ...

    async def other(addresses): ...

    class WorkerSettings:
        functions = [check, other]
    """


def test_what_a_worker_runs_is_named_in_its_settings() -> None:
    assert labels({"jobs.py": JOBS, "worker.py": WORKER}) == {
        "send": "task: job send",
        "tidy": "task: job tidy",
        "count": "task: job count",
        "expire": "task: job expire",
        "start": "start: start",
        "before": "listener: every job",
    }


def test_without_the_library_in_sight_a_job_is_what_takes_its_context() -> None:
    found = labels({"worker.py": UNIMPORTED})
    assert found == {"check": "task: job check"}


def test_a_job_may_stand_in_a_module_that_is_called_like_the_list() -> None:
    worker = "from arq import cron\nimport functions\nclass WorkerSettings:\n    functions = [functions.send, functions.tidy]\n"
    assert labels({"functions.py": JOBS, "worker.py": worker}) == {"send": "task: job send", "tidy": "task: job tidy"}
