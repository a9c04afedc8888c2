from netra.guard.entries.threaded import Threaded
from netra.guard.from_threads import from_thread, runs_on_a_loop, tells_threads_apart
from tests.guard.programs import analysed


def test_the_way_from_a_thread_down_to_a_function() -> None:
    text = """
        import asyncio, threading
        def watch():
            put()
        def put(): ...
        def asked():
            if threading.current_thread(): alone()
        def alone(): ...
        def both(): ...
        async def f():
            both()
            await asyncio.to_thread(both)
            await asyncio.to_thread(asked)
        threading.Thread(target=watch).start()
        """
    analysis = analysed(text)
    threaded = Threaded(analysis.program, analysis.receivers)
    named = {each.name: each for each in analysis.scopes if each.name}
    ways = {name: from_thread(analysis, threaded, each, tells_threads_apart) for name, each in named.items()}
    assert {name for name, way in ways.items() if way is not None} == {"watch", "put", "asked", "both"}
    put = ways["put"]
    assert put is not None
    assert [each.line for each in put.steps] == [14, 4]
    assert [name for name, each in named.items() if runs_on_a_loop(analysis, each)] == ["both"]
