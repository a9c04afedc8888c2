from netra.guard.entries.given_requests import given_requests
from tests.guard.programs import analysed

PROGRAM = """
    import aiohttp
    from aiohttp import web
    from starlette.requests import Request
    from elsewhere import Request as Other

    class Grants:
        async def of(self, request: Request): ...
        async def maybe(self, request: Request | None = None): ...
        async def other(self, request: Other): ...

    async def answer(request: web.Request): ...

    async def send(request: aiohttp.client.ClientRequest): ...

    def plain(request): ...
    """


def test_what_is_given_the_request_of_a_server() -> None:
    analysis = analysed({"example.py": PROGRAM})
    assert {each.name for each in given_requests(analysis.program)} == {"of", "maybe", "answer"}


def test_such_a_function_serves_where_nothing_calls_it() -> None:
    text = PROGRAM + "\n    async def around(request: Request):\n        return await answer(request)\n"
    entries = analysed({"example.py": text}).reach.entries
    assert {each.name for each in entries} == {"of", "maybe", "around"}
    assert {each.label for each in entries.values()} == {"whoever serves with it"}
