from netra.guard.meaning.callbacks import called_back
from tests.guard.programs import analysed


def test_what_cannot_wait_is_given_a_coroutine_function() -> None:
    text = """
        import asyncio, functools
        async def cost(row): ...
        def price(row): ...
        async def f(rows, loop, screen):
            sorted(rows, key=cost)
            sorted(rows, key=price)
            loop.call_soon(functools.partial(cost, 1))
            screen.call_soon(cost)
            asyncio.get_running_loop().call_later(1, lambda: cost(1))
            asyncio.get_running_loop().call_later(1, lambda: price(1))
            await asyncio.gather(*map(cost, rows))
        """
    analysis = analysed(text)
    assert [each.line for each in called_back(analysis.program, analysis.receivers)] == [6, 8, 10]
