"""What a library hands to a function that it calls: the message of a bot's handler, the reader and writer of a connection.

Only parameters without annotation are asked about; who writes one says more. The classes are those of guard's models.
"""

from collections import defaultdict
from collections.abc import Iterator
from typing import Final, NamedTuple

from netra.guard.facts import Expression, last_name
from netra.guard.meaning.makers import maker
from netra.guard.program import Program
from netra.guard.symbols import ClassSymbol, External, FunctionSymbol
from netra.guard.values import Instance


class HandedOver(NamedTuple):
    """A library calls functions under a decorator, or given to one of its functions, with objects of these classes."""

    library: str
    names: frozenset[str]
    classes: tuple[str, ...]
    """In the order of the parameters, `self` left out; empty for one that is not known."""
    position: int = -1
    """Of the argument that is the function; -1 for a decorator."""


def _under(library: str, names: str, *classes: str) -> HandedOver:
    return HandedOver(library, frozenset(names.split()), classes)


def _given(library: str, names: str, position: int, *classes: str) -> HandedOver:
    return HandedOver(library, frozenset(names.split()), classes, position)


REQUEST: Final = "starlette.requests.Request"
WEB_REQUEST: Final = "aiohttp.web.Request"
COMMAND_CONTEXT: Final = "discord.ext.commands.Context"
INTERACTION: Final = "discord.Interaction"

UNDER: Final = (
    _under("aiohttp", "get post put delete patch head view route", WEB_REQUEST),
    _under("aiohttp", "middleware", WEB_REQUEST),
    _under("discord", "hybrid_command group hybrid_group", COMMAND_CONTEXT),
    _under("discord", "button select", INTERACTION),
    _under("aiogram", "message edited_message channel_post edited_channel_post", "aiogram.types.Message"),
    _under("aiogram", "callback_query", "aiogram.types.CallbackQuery"),
    _under("aiogram", "inline_query", "aiogram.types.InlineQuery"),
    _under("aiogram", "pre_checkout_query", "aiogram.types.PreCheckoutQuery"),
    _under("aiogram", "chat_join_request", "aiogram.types.ChatJoinRequest"),
    _under("telethon", "on", "telethon.client.Message"),
    _under("starlette", "route", REQUEST),
    _under("starlette", "websocket_route", "starlette.websockets.WebSocket"),
    _under("fastapi", "middleware exception_handler", REQUEST),
    _under("sanic", "get post put delete patch route middleware on_request", "sanic.request.Request"),
    _under("sanic", "websocket", "sanic.request.Request", "sanic.Websocket"),
)
GIVEN: Final = (
    _given("telegram", "CommandHandler MessageHandler", 1, "telegram.Update", "telegram.ext.CallbackContext"),
    _given(
        "telegram",
        "CallbackQueryHandler InlineQueryHandler ConversationHandler ChatMemberHandler PollHandler",
        0,
        "telegram.Update",
        "telegram.ext.CallbackContext",
    ),
    _given("telegram", "run_repeating run_daily run_once run_monthly", 0, "telegram.ext.CallbackContext"),
    _given("telegram", "add_error_handler", 0, "telegram.Update", "telegram.ext.CallbackContext"),
    _given("asyncio", "start_server start_unix_server", 0, "asyncio.StreamReader", "asyncio.StreamWriter"),
    _given("websockets", "serve unix_serve", 0, "websockets.asyncio.server.ServerConnection"),
    _given("starlette", "Route", 1, REQUEST),
    _given("starlette", "WebSocketRoute", 1, "starlette.websockets.WebSocket"),
    _given(
        "aiohttp", "add_get add_post add_put add_delete add_patch add_head add_view get post put delete patch", 1, WEB_REQUEST
    ),
    _given("aiohttp", "add_route route", 2, WEB_REQUEST),
    _given("aiogram", "register", 0, "aiogram.types.Message"),
)

# Events of discord.py, by the names of the functions that hear of them.
EVENTS: Final = {
    "on_message": ("discord.Message",),
    "on_message_delete": ("discord.Message",),
    "on_message_edit": ("discord.Message", "discord.Message"),
    "on_member_join": ("discord.Member",),
    "on_member_remove": ("discord.Member",),
    "on_member_update": ("discord.Member", "discord.Member"),
    "on_reaction_add": ("discord.Reaction", "discord.Member"),
    "on_reaction_remove": ("discord.Reaction", "discord.Member"),
    "on_guild_join": ("discord.Guild",),
    "on_guild_remove": ("discord.Guild",),
    "on_interaction": (INTERACTION,),
    "on_command_error": (COMMAND_CONTEXT,),
    "on_command": (COMMAND_CONTEXT,),
    "on_voice_state_update": ("discord.Member",),
    "cog_check": (COMMAND_CONTEXT,),
    "cog_command_error": (COMMAND_CONTEXT,),
}
DISCORD: Final = frozenset({"discord", "disnake", "nextcord"})

# What a listener of Slack asks for by the names of its parameters.
OF_SLACK: Final = {
    "say": "slack_bolt.context.async_context.AsyncSay",
    "ack": "slack_bolt.context.async_context.AsyncAck",
    "respond": "slack_bolt.context.async_context.AsyncRespond",
    "client": "slack_sdk.web.async_client.AsyncWebClient",
    "context": "slack_bolt.async_app.AsyncBoltContext",
}
SLACK: Final = "slack_bolt"
SLACK_LISTENERS: Final = frozenset(
    "event message command action shortcut view options function use middleware error view_submission".split()
)

_BY_DECORATOR: Final = {name: [row for row in UNDER if name in row.names] for each in UNDER for name in each.names}
_BY_CALL: Final = {name: [row for row in GIVEN if name in row.names] for each in GIVEN for name in each.names}


def handed_to(function: FunctionSymbol, number: int, program: Program) -> Instance | None:
    """What a library hands to the parameter with this number; None where that is not known."""
    first = 1 if function.owner is not None and "staticmethod" not in function.decorator_names else 0
    if number < first:
        return None
    if (name := _of_slack(function, number, program)) is None:
        classes = (
            program.once(functions_handed_over).get(function)
            or _by_decorator(function, program)
            or _of_event(function, program)
        )
        name = classes[number - first] if number - first < len(classes) else ""
    kind = _class(name, program) if name else None
    return Instance(kind) if kind is not None else None


def _class(name: str, program: Program) -> ClassSymbol | None:
    module, _, last = name.rpartition(".")
    found = program.member(program.modules[module], last) if module in program.modules else None
    return found if isinstance(found, ClassSymbol) and found.module.model else None


def _by_decorator(function: FunctionSymbol, program: Program) -> tuple[str, ...]:
    for each in function.facts.decorators:
        name = last_name(each.callee) or ""
        around = function.parent
        if around is None or (not each.called and name != "middleware"):
            continue
        if name == "command" and (library := maker(each.callee, around, program)) in DISCORD:
            return (INTERACTION if _is_of_tree(each.callee, around, program) else COMMAND_CONTEXT,)
        for row in _BY_DECORATOR.get(name, ()):
            library = maker(each.callee, around, program)
            if library == row.library or (row.library == "discord" and library in DISCORD):
                return row.classes
    return ()


def _is_of_tree(callee: Expression, scope: FunctionSymbol, program: Program) -> bool:
    """`@tree.command()`, `@bot.tree.command()`, `@app_commands.command()`: given an interaction, and no context."""
    owner = callee[1] if callee[0] == "attribute" else callee
    match program.evaluate(callee, scope):
        case External(dotted=dotted) if "app_commands" in dotted or "slash" in dotted:
            return True
    name = last_name(owner) or ""
    return name == "app_commands" or "tree" in name or owner == callee


def _of_event(function: FunctionSymbol, program: Program) -> tuple[str, ...]:
    """`@bot.event async def on_message(message)`, and a method of that name of a bot or of a part of one."""
    if (classes := EVENTS.get(function.name)) is None:
        return ()
    if function.owner is not None:
        above = program.order(function.owner)[0]
        return classes if any(each.module.name.partition(".")[0] in DISCORD for each in above) else ()
    around = function.parent
    made = [maker(each.callee, around, program) for each in function.facts.decorators if around is not None]
    return classes if not DISCORD.isdisjoint(each for each in made if each) else ()


def _of_slack(function: FunctionSymbol, number: int, program: Program) -> str | None:
    """A listener of Slack that is a coroutine function: it is handed what its parameters are called like."""
    name = OF_SLACK.get(function.facts.parameters[number].name)
    if name is None or not function.facts.asynchronous or function.parent is None:
        return None
    for each in function.facts.decorators:
        if last_name(each.callee) in SLACK_LISTENERS and maker(each.callee, function.parent, program) == SLACK:
            return name
    return None


def functions_handed_over(program: Program) -> dict[FunctionSymbol, tuple[str, ...]]:
    """Every function that is given to a call of a library which will call it; none that is given to two of them."""
    found: dict[FunctionSymbol, set[tuple[str, ...]]] = defaultdict(set)
    for scope, _, call in program.calls_of(_BY_CALL):
        for row in _BY_CALL[last_name(call.callee) or ""]:
            if row.position < len(call.arguments) and not scope.module.in_tests:
                for function in _functions(call.arguments[row.position], scope, program):
                    if _library(call.callee, scope, program) in (row.library, None):
                        found[function].add(row.classes)
    return {function: next(iter(classes)) for function, classes in found.items() if len(classes) == 1}


def _library(callee: Expression, scope: FunctionSymbol, program: Program) -> str | None:
    """Whose the function is; None for a method of something that is not known, such as `app.router.add_get`."""
    found = maker(callee, scope, program)
    return found if found is not None or callee[0] == "attribute" else ""


def _functions(given: Expression, scope: FunctionSymbol, program: Program) -> Iterator[FunctionSymbol]:
    match given:
        case ("attribute", ("name", "self"), str(name)) if scope.owner is not None:
            yield from scope.owner.methods.get(name, ())[:1]
        case ("name" | "attribute", *_):
            match program.evaluate(given, scope):
                case FunctionSymbol() as function:
                    yield function
