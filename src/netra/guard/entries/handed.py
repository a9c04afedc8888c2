"""Calls by which a program hands a function over: to a library that will call it for a user, or to a loop, a thread, a job."""

from collections.abc import Iterator
from typing import Final, NamedTuple, TypeAlias

from netra.guard.entries.sorts import LISTENER, OF_CLIENTS, ROUTE, SOCKET, START, TASK
from netra.guard.facts import CallSite, Expression, last_name
from netra.guard.meaning.makers import made_by, maker
from netra.guard.program import Program, imported_packages
from netra.guard.symbols import FunctionSymbol


class Handing(NamedTuple):
    """A call of one of these names on something of the library gives it a function, at a position or by a keyword."""

    library: str
    names: frozenset[str]
    position: int
    keywords: frozenset[str]
    sort: str
    what: str


def _of(library: str, names: str, position: int, keywords: str, sort: str, what: str) -> Handing:
    return Handing(library, frozenset(names.split()), position, frozenset(keywords.split()), sort, what)


# A position that no call has: the function is given by its keyword alone.
NOWHERE: Final = 99

HANDING: Final = (
    _of("aiohttp", "get post put delete patch head view", 1, "handler", ROUTE, "HTTP"),
    _of("aiohttp", "route", 2, "handler", ROUTE, "HTTP"),
    _of("rq", "enqueue enqueue_call enqueue_in enqueue_at", 0, "f func", TASK, "job"),
    _of("django", "path re_path url", 1, "view", ROUTE, "HTTP"),
    _of("gradio", "click change submit select upload input load blur then success release tick", 0, "fn", LISTENER, "gradio"),
    _of("gradio", "Interface ChatInterface", 0, "fn", LISTENER, "gradio"),
    _of("nicegui", "on_click on_change on_upload on_connect on_disconnect timer", 0, "callback handler", LISTENER, "page"),
    _of(
        "nicegui",
        "button input textarea number upload switch checkbox select radio toggle slider menu_item chip date color_picker",
        NOWHERE,
        "on_click on_change on_upload on_multi_upload on_pick",
        LISTENER,
        "page",
    ),
    _of("apscheduler", "add_job", 0, "func", LISTENER, "job"),
    _of("telegram", "CommandHandler MessageHandler", 1, "callback", LISTENER, "telegram"),
    _of("telegram", "CallbackQueryHandler InlineQueryHandler", 0, "callback", LISTENER, "telegram"),
    _of("telegram", "run_repeating run_daily run_once", 0, "callback", LISTENER, "job"),
    _of("telegram", "post_init", 0, "post_init", START, "start"),
    _of("telethon", "add_event_handler", 0, "callback", LISTENER, "telegram"),
    _of("pyrogram", "MessageHandler CallbackQueryHandler", 0, "callback", LISTENER, "telegram"),
    _of("aiogram", "register", 0, "callback", LISTENER, "telegram"),
    _of("socketio", "on on_event", 1, "handler", LISTENER, "socket event"),
    _of("asyncio", "start_server start_unix_server", 0, "client_connected_cb", SOCKET, "connection"),
    _of("websockets", "serve", 0, "handler ws_handler", SOCKET, "connection"),
    _of("flask", "before_request after_request teardown_request", 0, "f", LISTENER, "every request"),
    _of("quart", "before_request after_request teardown_request", 0, "func", LISTENER, "every request"),
    _of("flask_socketio", "on_event", 1, "handler", LISTENER, "socket event"),
    _of("mcp", "tool add_tool", 0, "fn", LISTENER, "MCP tool"),
    _of("fastmcp", "tool add_tool", 0, "fn", LISTENER, "MCP tool"),
    _of("pydantic_ai", "tool tool_plain", 0, "func", LISTENER, "agent tool"),
    _of("dramatiq", "actor", 0, "fn", LISTENER, "task"),
    _of("taskiq", "task register_task", 0, "func", LISTENER, "task"),
    _of("discord", "add_listener", 0, "func", LISTENER, "discord"),
    _of("nats", "subscribe", 1, "cb", LISTENER, "message"),
    _of("pika", "basic_consume", 1, "on_message_callback", LISTENER, "message"),
    _of("aio_pika", "consume", 0, "callback", LISTENER, "message"),
    _of("langgraph", "add_node", 1, "action", LISTENER, "agent node"),
    _of("langchain", "Tool StructuredTool", 1, "func coroutine", LISTENER, "agent tool"),
    _of("langchain", "from_function", 0, "func coroutine", LISTENER, "agent tool"),
    _of("langchain_core", "Tool StructuredTool", 1, "func coroutine", LISTENER, "agent tool"),
    _of("langchain_core", "from_function", 0, "func coroutine", LISTENER, "agent tool"),
    _of("llama_index", "from_defaults", 0, "fn async_fn", LISTENER, "agent tool"),
    _of("autogen_core", "FunctionTool", 0, "func", LISTENER, "agent tool"),
    _of("fastapi", "add_event_handler", 1, "func", START, "start"),
    _of("starlette", "add_event_handler", 1, "func", START, "start"),
    _of("fastapi", "FastAPI", 9, "lifespan", START, "start"),
    _of("starlette", "Starlette", 9, "lifespan", START, "start"),
    _of("mcp", "FastMCP Server", 9, "lifespan", START, "start"),
    _of("fastmcp", "FastMCP", 9, "lifespan", START, "start"),
    _of("fastapi", "add_exception_handler", 1, "handler", LISTENER, "every request"),
    _of("fastapi", "add_middleware Middleware", NOWHERE, "dispatch", LISTENER, "every request"),
    _of("starlette", "add_middleware Middleware", NOWHERE, "dispatch", LISTENER, "every request"),
    _of("flask", "before_request after_request teardown_request", 0, "f", LISTENER, "every request"),
    _of("quart", "before_request after_request teardown_request", 0, "func", LISTENER, "every request"),
    _of("strawberry", "GraphQLRouter", NOWHERE, "context_getter", LISTENER, "every request"),
    _of("slack_bolt", "App AsyncApp", NOWHERE, "authorize before_authorize", LISTENER, "slack"),
    _of("quart", "add_background_task", 0, "func", TASK, "background"),
    _of("starlette", "add_exception_handler", 1, "handler", LISTENER, "every request"),
)
BY_NAME: Final = {name: tuple(row for row in HANDING if name in row.names) for each in HANDING for name in each.names}

DEPENDING: Final = frozenset({"Depends", "Security"})

LATER: Final = frozenset(
    """add_task to_thread run_in_executor run_sync run_in_threadpool Thread Timer Process submit partial map start_soon
    call_soon call_soon_threadsafe call_later create_task gather retry""".split()
)
"""Calls that let a function run later, or elsewhere, for whoever calls them."""


Handed: TypeAlias = tuple[FunctionSymbol, Handing, CallSite, Expression]


def handed(program: Program) -> tuple[Handed, ...]:
    """Each expression by which a library is given a function, with the scope and the call that it stands in.

    It is asked with `program.once`: whoever asks for entry points asks for this first.
    """
    return tuple(_handed(program))


def _handed(program: Program) -> Iterator[Handed]:
    used = program.once(imported_packages)
    for scope, _, call in program.calls_of(name for name, rows in BY_NAME.items() if any(row.library in used for row in rows)):
        given = [(row, each) for row in BY_NAME[last_name(call.callee) or ""] for each in _given(row, call)]
        if not given:
            continue
        library = maker(call.callee, scope, program) or _maker_here(call, scope, program)
        for row, each in given:
            if row.library == library and (row.library != "socketio" or made_by(call.callee, scope, program) not in OF_CLIENTS):
                yield scope, row, call, each


def _given(row: Handing, call: CallSite) -> list[Expression]:
    """What a call passes where the function of such a call stands."""
    by_name = [value for key, value in call.keywords if key in row.keywords]
    return [*call.arguments[row.position : row.position + 1], *by_name]


def dependencies(program: Program) -> Iterator[tuple[FunctionSymbol, Expression]]:
    """What runs before every route of an application, a router or a path: `dependencies=[Depends(check)]`."""
    for scope, _, call in program.calls_of(DEPENDING):
        match call.where:
            case ("element", ("argument", _, "dependencies")) if call.arguments:
                yield scope, call.arguments[0]


def _maker_here(call: CallSite, scope: FunctionSymbol, program: Program) -> str | None:
    """The library whose object is made and asked at once: `Queue("mail").enqueue(send)`, `builder().token(t).build()`."""
    callee, found = call.callee, None
    while found is None and callee[0] == "attribute" and callee[1][0] == "call":
        callee = scope.facts.calls[callee[1][1]].callee
        found = maker(callee, scope, program)
    return found


def label(row: Handing, call: CallSite, function: FunctionSymbol) -> str:
    """How such a function is known outside: `HTTP users/<int:id>`, `telegram /start`, `job tidy`."""
    if row.what in ("every request", "start"):
        return row.what
    first = next((each[1] for each in call.arguments[:1] if each[0] == "string"), None)
    return f"{row.what} {function.name if first is None or row.position == 0 else first}"
