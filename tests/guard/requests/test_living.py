"""What is made for one connection and waits is told from what is only said there, and what serves from what begins."""

import pytest

from netra.guard.requests.living import answers_each, is_of_connection, living
from tests.guard.programs import analysed, function

TEXT = """
    import asyncio
    from fastapi import FastAPI, WebSocket

    app = FastAPI()

    class Listener:
        def __init__(self, name):
            self.name = name
            self.queue = asyncio.Queue()

    class Said:
        def __init__(self, name):
            self.name = name

    @app.websocket("/live")
    async def live(websocket: WebSocket, name: str):
        async def speak(text): await websocket.send_text(text)
        async def nothing(text): print(text)
        queue = asyncio.Queue()
        words = name.split()
        kept = {value}

    def idle():
        kept = asyncio.Queue()
    """


def _is_living(value: str, scope: str = "live") -> bool:
    analysis = analysed(TEXT.format(value=value))
    at = function(analysis.program, f"example.{scope}")
    return bool(living(analysis, at.assigned["kept"][0].value, at))


@pytest.mark.parametrize(
    "value",
    ["queue", "asyncio.Event()", "websocket", "websocket.send_text", "(name, queue)", "Listener(name)", "Said(queue)", "speak"],
)
def test_what_waits_for_others_is_living(value: str) -> None:
    assert _is_living(value)


@pytest.mark.parametrize("value", ["name", "words", "name.upper()", "Said(name)", "(name, words)", "nothing", "[1]"])
def test_what_is_only_said_is_not(value: str) -> None:
    assert not _is_living(value)


def test_what_nobody_is_served_by_makes_nothing_for_anybody() -> None:
    assert not _is_living("queue", "idle")


@pytest.mark.parametrize(
    ("name", "expected"), [("hello", True), ("helped", True), ("begin", False), ("on_ready", False), ("on_message", True)]
)
def test_a_function_answers_each_where_each_request_runs_it(name: str, expected: bool) -> None:
    text = """
        import discord
        from fastapi import FastAPI

        app = FastAPI()
        bot = discord.Client()

        @app.get("/hello")
        async def hello(): return helped()
        def helped(): return "hello"
        def begin(): return "begun"

        @bot.event
        async def on_ready(): print("ready")
        @bot.event
        async def on_message(message): print(message)
        """
    analysis = analysed(text)
    assert answers_each(analysis, function(analysis.program, f"example.{name}")) is expected


@pytest.mark.parametrize(("name", "expected"), [("Chat.connect", True), ("Chat.leave", True), ("Room.join", False)])
def test_an_object_is_of_a_connection_where_a_framework_makes_one_for_each(name: str, expected: bool) -> None:
    text = """
        from channels.generic.websocket import AsyncWebsocketConsumer

        class Chat(AsyncWebsocketConsumer):
            async def connect(self): await self.accept()
            def leave(self): ...

        class Room:
            def join(self, other): ...
        """
    analysis = analysed(text)
    assert is_of_connection(analysis, function(analysis.program, f"example.{name}")) is expected
