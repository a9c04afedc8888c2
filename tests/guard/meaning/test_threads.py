from netra.guard.meaning.threads import only_called
from tests.guard.programs import analysed


def test_a_thread_only_calls_a_coroutine_function() -> None:
    text = """
        import asyncio, threading
        async def save(): ...
        def count(): ...
        async def f(loop):
            await asyncio.to_thread(save)
            await asyncio.to_thread(count)
            await loop.run_in_executor(None, save)
            await loop.run_in_executor(save)
            threading.Thread(None, save)
            threading.Thread(target=count)
            kept = await asyncio.to_thread(save)
            await kept
        """
    analysis = analysed(text)
    found = [(each.call.line, each.function.name) for each in only_called(analysis.program, analysis.receivers)]
    assert sorted(found) == [(6, "save"), (8, "save"), (10, "save")]
