"""What calls into a program besides HTTP: a table of libraries with the decorators by which they take a function.

A row counts only where the decorator is the library's own, or belongs to something that a name of the library has made: `on`
and `event` are words that everybody uses.
"""

from typing import Final, NamedTuple

from netra.guard.entries.sorts import OF_CLIENTS
from netra.guard.facts import Decorator, last_name
from netra.guard.meaning.makers import made_by
from netra.guard.program import Program
from netra.guard.symbols import FunctionSymbol

# What a worker does for one of many, and then for the next; a step of a pipeline may have a process of its own.
OF_QUEUES: Final = "task"


class Listening(NamedTuple):
    """Functions under one of these decorators are called by the library, each time for one of many users, or once."""

    library: str
    decorators: frozenset[str]
    what: str
    serves: bool = True


def _of(library: str, decorators: str, what: str, *, serves: bool = True) -> Listening:
    return Listening(library, frozenset(decorators.split()), what, serves)


LISTENING: Final = (
    _of("socketio", "on event", "socket event"),
    _of("flask_socketio", "on event on_event", "socket event"),
    _of(
        "mcp",
        "tool resource prompt call_tool list_tools read_resource list_resources get_prompt list_prompts completion",
        "MCP",
    ),
    _of("fastmcp", "tool resource prompt custom_route", "MCP"),
    _of(
        "chainlit",
        """on_message on_chat_start on_chat_end on_chat_resume on_stop on_settings_update on_audio_start on_audio_chunk
        on_audio_end on_logout on_window_message on_feedback action_callback password_auth_callback header_auth_callback
        oauth_callback set_chat_profiles set_starters author_rename""",
        "chainlit",
    ),
    _of("slack_bolt", "event message action command shortcut view options function global_shortcut", "slack"),
    _of("discord", "event listen listener command hybrid_command context_menu button select", "discord"),
    _of("telethon", "on", "telegram"),
    _of("aiogram", "message callback_query inline_query edited_message", "telegram"),
    _of("maubot", "new passive subcommand on get post put delete", "matrix"),
    _of("telebot", "message_handler callback_query_handler inline_handler edited_message_handler", "telegram"),
    _of("nextcord", "event listen listener slash_command user_command message_command command", "discord"),
    _of("disnake", "event listen listener slash_command user_command message_command command", "discord"),
    _of("dramatiq", "actor", OF_QUEUES),
    _of("taskiq", "task", OF_QUEUES),
    _of("apscheduler", "scheduled_job", "job"),
    _of("huey", "task periodic_task", OF_QUEUES),
    _of("procrastinate", "task periodic", OF_QUEUES),
    _of("faust", "agent timer cron page", OF_QUEUES),
    _of("faststream", "subscriber", "message"),
    _of("rq", "job", OF_QUEUES),
    _of("dagster", "op asset job sensor schedule", "step"),
    _of("airflow", "task dag", "step"),
    _of("nonebot", "handle got receive", "bot"),
    _of("pyrogram", "on_message on_callback_query on_inline_query on_edited_message", "telegram"),
    _of("nicegui", "page", "page"),
    _of("flask_appbuilder", "expose", "HTTP"),
    _of("strawberry", "field mutation subscription", "GraphQL"),
    _of("ariadne", "field source", "GraphQL"),
    _of("aiohttp", "middleware", "every request"),
    _of("litestar", "before_request after_request", "every request"),
    _of("autogen_core", "message_handler event rpc", "agent message"),
    _of("langchain", "tool", "agent tool"),
    _of("langchain_core", "tool", "agent tool"),
    _of("pydantic_ai", "tool tool_plain system_prompt instructions output_validator", "agent"),
    _of("agents", "function_tool input_guardrail output_guardrail", "agent"),
    _of("crewai", "tool start listen router", "agent"),
    _of("smolagents", "tool", "agent tool"),
    _of("agno", "tool", "agent tool"),
    _of("llama_index", "step", "agent step"),
    _of("django", "simple_tag inclusion_tag", "template tag"),
    _of("fastapi", "middleware exception_handler", "every request"),
    _of("starlette", "middleware exception_handler", "every request"),
    _of("flask", "before_request after_request teardown_request errorhandler", "every request"),
    _of("quart", "before_request after_request teardown_request errorhandler", "every request"),
    _of("sanic", "middleware on_request on_response", "every request"),
    _of("fastapi", "on_event", "start", serves=False),
    _of("starlette", "on_event", "start", serves=False),
    _of("quart", "before_serving while_serving", "start", serves=False),
    _of("sanic", "before_server_start after_server_start main_process_start", "start", serves=False),
)
BY_DECORATOR: Final = {
    name: tuple(each for each in LISTENING if name in each.decorators) for row in LISTENING for name in row.decorators
}


def listening(decorator: Decorator, around: FunctionSymbol, program: Program) -> Listening | None:
    """The row of the table by which a library takes the function under this decorator; `around`: where the decorator stands."""
    rows = BY_DECORATOR.get(last_name(decorator.callee) or "", ())
    if not rows:
        return None
    made = made_by(decorator.callee, around, program)
    library = None if made is None or made in OF_CLIENTS else made.partition(".")[0]
    return next((row for row in rows if library == row.library), None)


def label(row: Listening, decorator: Decorator, function: FunctionSymbol) -> str:
    """How such a function is known outside: `socket event join`, `MCP tool search`, `slack command /ask`."""
    if row.what in ("every request", "start"):
        return row.what
    text = next((each[1] for each in decorator.arguments[:1] if each[0] == "string"), function.name)
    kind = last_name(decorator.callee) or ""
    return f"{row.what} {text}" if kind in ("on", "event", row.what) or text == kind else f"{row.what} {kind} {text}"
