import pytest

from netra.guard.requests.waiting import A_FILLER, A_MODEL, A_SERVER, A_SETTER, THE_CLIENT, THE_CLOCK, Waits
from tests.guard.programs import analysed, function

IMPORTS = "import asyncio, httpx, requests, time\nhttp = httpx.AsyncClient()\n"


def waits(body: str, others: str = "") -> str | None:
    """For whom the last call of an async function waits."""
    analysis = analysed(
        f"import asyncio, httpx, requests, time\nhttp = httpx.AsyncClient()\n{others}\nasync def f():\n    {body}\n"
    )
    scope = function(analysis.program, "example.f")
    found = [Waits(analysis).waits(scope, index) for index in range(len(scope.facts.calls))]
    return next((each[0] for each in found if each is not None), None)


@pytest.mark.parametrize(
    ("body", "whom"),
    [
        ("await http.get(url)", A_SERVER),
        ("requests.post(url)", A_SERVER),
        ("await client.chat.completions.create(model=m)", A_MODEL),
        ("await chain.ainvoke(x)", A_MODEL),
        ("await websocket.receive_json()", THE_CLIENT),
        ("await asyncio.sleep(delay)", THE_CLOCK),
        ("await asyncio.sleep(0)", None),
        ("await repository.get(url)", None),
        ("http.build_request('GET', url)", None),
        ("await people.create(name)", None),
        ("client.models.generate_content_stream(model=m)", A_MODEL),
        ("async with client.messages.stream(model=m) as answer: ...", A_MODEL),
        ("async for step in graph.astream(x): ...", A_MODEL),
        ("await crew.kickoff_async(inputs=x)", A_MODEL),
        ("graph.astream(x)", None),
    ],
)
def test_a_call_waits_for_somebody_outside(body: str, whom: str | None) -> None:
    assert waits(body) == whom


def test_what_a_program_calls_so_itself_is_asked_for_whom_it_waits() -> None:
    others = (
        "class Messages:\n    async def create(self, text): ...\n"
        "class Store:\n    def __init__(self): self.messages = Messages()\n"
        "store = Store()\n"
    )
    assert waits("await store.messages.create('x')", others) is None
    assert waits("await stored.messages.create('x')", others) == A_MODEL


def test_what_comes_is_waited_for() -> None:
    analysis = analysed(
        """
        import asyncio
        queue, event = asyncio.Queue(), asyncio.Event()
        async def f(settings):
            await queue.get()
            await event.wait()
            queue.get()
            await settings.get()
            await settings.get("x")
        """
    )
    scope = function(analysis.program, "example.f")
    found = [Waits(analysis).what_comes(scope, call) for call in scope.facts.calls]
    assert found == [A_FILLER, A_SETTER, None, None, None]


def test_a_wait_is_found_behind_functions_of_the_program() -> None:
    others = "async def a(): await b()\nasync def b(): await http.get(url)\n"
    assert waits("await a()", others) == A_SERVER
    assert waits("asyncio.create_task(a())", others) is None


def test_a_pause_behind_another_function_is_none() -> None:
    assert waits("await a()", "async def a(): await asyncio.sleep(delay)\n") is None
