from netra.guard.requests.deferred import DeferredCalls
from tests.guard.programs import analysed


def deferred(line: str) -> list[tuple[tuple[object, ...], ...]]:
    text = f"async def f(term, loop, pool):\n    {line}\ndef find(term): ...\n"
    return [each.arguments for each in DeferredCalls(analysed(text)).of("find")]


def test_what_a_thread_is_given_to_call_it_with_is_what_the_function_gets() -> None:
    for line in (
        "await asyncio.to_thread(find, term)",
        "await run_in_threadpool(find, term)",
        "await loop.run_in_executor(None, find, term)",
        "await sync_to_async(find)(term)",
        "await sync_to_async(store.find)(term)",
        "find.delay(term)",
        "pool.submit(partial(find, term))",
    ):
        assert deferred(line) == [(("name", "term"),)], line


def test_a_plain_call_and_what_only_names_a_function_are_none() -> None:
    assert deferred("find(term)") == []
    assert deferred("await asyncio.to_thread(other, find)") == []
