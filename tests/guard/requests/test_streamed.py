from netra.guard.requests.streamed import Streamed
from tests.guard.programs import analysed


def test_generators_are_driven_by_a_client_through_helpers_and_each_other() -> None:
    text = """
        from fastapi.responses import StreamingResponse
        async def rows():
            yield 1
        async def lines():
            async for row in rows():
                yield row
        async def own():
            yield 1
        def events(source):
            return StreamingResponse(source)
        def handler():
            return events(lines())
        async def other():
            return [each async for each in own()]
        """
    streams = Streamed(analysed(text))
    assert {each.name for each in streams.generators()} == {"lines", "rows"}
    assert [(inner.name, outer.name) for inner, outer in streams.outer.items()] == [("rows", "lines")]
