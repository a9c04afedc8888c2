from tests.guard.programs import analysed


def tasks(files: dict[str, str] | str) -> set[str]:
    return {each.function.name for each in analysed(files).reach.entries.values() if each.sort == "task"}


JOBS = """
    async def send(ctx, to): ...
    async def tidy(ctx): ...
    async def index(ctx, name): ...
    async def unused(ctx): ...

    LATE = [index]
    ALL = [send, *LATE]
"""


def test_settings_may_be_a_dictionary_or_given_to_the_worker() -> None:
    settings = """
        from arq.worker import Worker
        from jobs import index, send, tidy
        from saq import CronJob, Queue

        queue = Queue.from_url("redis://")
        settings = {"queue": queue, "functions": [send], "cron_jobs": [CronJob(function=tidy, cron="0 3 * * *")]}

        def main():
            Worker(functions=[index]).run()
    """
    assert tasks({"jobs.py": JOBS, "worker.py": settings}) == {"send", "index", "tidy"}


def test_a_list_of_jobs_may_stand_elsewhere() -> None:
    settings = """
        import jobs
        from saq import Queue

        queue = Queue.from_url("redis://")
        settings = {"queue": queue, "functions": jobs.ALL + [jobs.tidy]}
    """
    assert tasks({"jobs.py": JOBS, "worker.py": settings}) == {"send", "index", "tidy"}


def test_without_a_worker_of_those_libraries_a_list_of_functions_is_a_list() -> None:
    settings = """
        from jobs import send, tidy

        settings = {"queue": "a", "functions": [send], "cron_jobs": [tidy]}
    """
    assert tasks({"jobs.py": JOBS, "worker.py": settings}) == set()
