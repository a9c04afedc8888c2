"""A function that is handed over with its arguments is called with them."""

import pytest

from netra.guard.requests.deferred import DeferredCalls
from tests.guard.programs import analysed


def deferred(line: str) -> list[tuple[tuple[object, ...], ...]]:
    text = f"async def f(term, loop, pool):\n    {line}\ndef find(term): ...\n"
    return [each.call.arguments for each in DeferredCalls(analysed(text)).of("find")]


@pytest.mark.parametrize(
    "line",
    [
        "await asyncio.to_thread(find, term)",
        "await run_in_threadpool(find, term)",
        "await loop.run_in_executor(None, find, term)",
        "await sync_to_async(find)(term)",
        "await sync_to_async(store.find)(term)",
        "find.delay(term)",
        "find.enqueue(term)",
        "queue.enqueue(find, term)",
        "find.apply_async((term,))",
        "find.apply_async(args=[term])",
        "pool.submit(partial(find, term))",
        "Thread(target=find, args=(term,))",
        "background.add_task(find, term)",
    ],
)
def test_what_a_thread_or_a_worker_is_given_to_call_it_with_is_what_the_function_gets(line: str) -> None:
    assert deferred(line) == [(("name", "term"),)]


def test_a_task_that_is_sent_without_arguments_is_called_without_any() -> None:
    assert deferred("find.apply_async()") == [()]


@pytest.mark.parametrize(
    "line", ["find(term)", "await asyncio.to_thread(other, find)", "await asyncio.to_thread()", "Thread()", "other.delay(term)"]
)
def test_a_plain_call_and_what_only_names_a_function_are_none(line: str) -> None:
    assert deferred(line) == []
