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


def test_the_functions_of_the_settings_of_a_worker_are_tasks() -> None:
    settings = """
        from arq import cron, func
        from jobs import ALL, index, send, tidy

        class WorkerSettings:
            functions = [send, func(index, name="index")]
            cron_jobs = [cron(tidy, hour=3)]

        class Other:
            functions = [send]
    """
    assert tasks({"jobs.py": JOBS, "worker.py": settings}) == {"send", "index", "tidy"}


def test_a_list_of_jobs_may_stand_elsewhere() -> None:
    settings = """
        import jobs
        from arq.connections import RedisSettings
        from jobs import ALL, tidy

        class WorkerSettings:
            functions = ALL + [tidy]
            redis_settings = RedisSettings()

        class Alone:
            functions = ALL
    """
    assert tasks({"jobs.py": JOBS, "worker.py": settings}) == {"send", "index", "tidy"}


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


def test_without_a_worker_of_those_libraries_a_list_of_functions_is_a_list() -> None:
    settings = """
        from jobs import send, tidy

        class WorkerSettings:
            functions = [send]
            cron_jobs = [tidy]
    """
    assert tasks({"jobs.py": JOBS, "worker.py": settings}) == set()
