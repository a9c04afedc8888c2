from tests.guard.programs import analysed

SERVER = """
import chainlit as cl
import socketio
from apscheduler.schedulers.asyncio import AsyncIOScheduler
from discord.ext import commands
from fastapi import FastAPI
from mcp.server.fastmcp import FastMCP
from slack_bolt.async_app import AsyncApp
import dramatiq

sio = socketio.AsyncServer()
mcp = FastMCP("files")
slack = AsyncApp()
bot = commands.Bot()
app = FastAPI()
scheduler = AsyncIOScheduler()

@sio.on("join")
async def joined(sid): ...
@sio.event
async def disconnect(sid): ...
@mcp.tool()
async def search(text): ...
@mcp.resource("file://{name}")
async def file(name): ...
@slack.command("/ask")
async def ask(ack): ...
@slack.event("app_mention")
async def mentioned(event): ...
@bot.event
async def on_ready(): ...
@cl.on_message
async def answer(message): ...
@app.middleware("http")
async def timed(request, call_next): ...
@app.on_event("startup")
async def begin(): ...
@scheduler.scheduled_job("interval")
async def tidy(): ...
@dramatiq.actor
def send(): ...
"""


def labels(files: dict[str, str] | str) -> dict[str, str]:
    entries = analysed(files).reach.entries.values()
    return {entry.function.name: f"{entry.sort}: {entry.label}" for entry in entries}


def test_a_function_that_a_library_calls_is_known_by_what_it_answers() -> None:
    assert labels(SERVER) == {
        "joined": "listener: socket event join",
        "disconnect": "listener: socket event disconnect",
        "search": "listener: MCP tool search",
        "file": "listener: MCP resource file://{name}",
        "ask": "listener: slack command /ask",
        "mentioned": "listener: slack app_mention",
        "on_ready": "listener: discord on_ready",
        "answer": "listener: chainlit on_message answer",
        "timed": "listener: every request",
        "begin": "start: start",
        "tidy": "listener: job scheduled_job interval",
        "send": "listener: task actor send",
    }


def test_the_same_words_of_somebody_else_are_no_entry_point() -> None:
    text = """
        from myown import bus
        events = bus.Bus()
        @events.on("join")
        async def joined(): ...
        @events.tool()
        def searched(): ...
        def tool(f): return f
        @tool
        def made(): ...
        """
    assert labels(text) == {}


def test_what_an_object_keeps_takes_functions_and_a_client_serves_nobody() -> None:
    text = """
        import socketio
        from fastmcp import FastMCP
        sio = socketio.AsyncClient()
        @sio.on("told")
        async def told(data): ...
        class Memories:
            def __init__(self):
                self.mcp = FastMCP("memories")
                self.register()
            def register(self):
                @self.mcp.tool()
                async def search(text): ...
        """
    assert list(labels(text).values()) == ["listener: MCP tool search"]


def test_what_takes_a_function_may_be_made_elsewhere_or_be_a_class_of_the_program() -> None:
    files = {
        "server.py": """
            import socketio
            from fastmcp import FastMCP
            sio = socketio.AsyncServer()
            class Own(FastMCP): ...
            own = Own()
            """,
        "app.py": """
            import server
            from server import sio as live
            @live.on("a")
            async def one(sid): ...
            @server.sio.on("b")
            async def two(sid): ...
            @server.own.tool()
            async def three(): ...
            """,
    }
    assert labels(files) == {
        "one": "listener: socket event a",
        "two": "listener: socket event b",
        "three": "listener: MCP tool three",
    }


def test_a_parameter_with_an_annotation_takes_functions_too() -> None:
    text = """
        from slack_bolt import App
        def register(app: App):
            @app.action("pressed")
            def pressed(ack): ...
        """
    assert labels(text) == {"pressed": "listener: slack action pressed"}


def test_a_tool_of_what_an_object_holds_and_a_command_of_a_bot_are_entry_points() -> None:
    text = """
    from fastmcp import FastMCP
    from maubot.handlers import command

    class Server:
        def __init__(self):
            self.mcp = FastMCP("notes")

        def prepare(self):
            @self.mcp.tool()
            async def search(text): ...

    class Bot:
        @command.new("echo")
        async def echo(self, event): ...
    """
    assert labels(text) == {"search": "listener: MCP tool search", "echo": "listener: matrix new echo"}
