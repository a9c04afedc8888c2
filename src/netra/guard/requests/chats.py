"""What somebody has written in a chat, as the libraries of bots hand it to the functions that they call."""

from typing import Final

from netra.guard.entries.reach import EntryPoint
from netra.guard.entries.sorts import LISTENER
from netra.guard.facts import Expression, last_name
from netra.guard.symbols import FunctionSymbol

# How the functions that such a library calls are known outside.
CHATS: Final = frozenset("discord telegram slack bot chainlit".split())

# What of a message its writer has chosen: `update.message.text`, `context.args`, `command["text"]`.
SAID: Final = frozenset("text content args raw_text caption clean_content message_text query data matches".split())


def is_of_chat(entry: EntryPoint | None) -> bool:
    """A library of bots calls the function when somebody has written something."""
    return entry is not None and entry.sort == LISTENER and entry.label.partition(" ")[0] in CHATS


def is_said(scope: FunctionSymbol, name: str) -> bool:
    """A parameter that gets a piece of what was written: it stands behind the one for the message, and may be a text."""
    number = scope.parameters[name]
    parameter = scope.facts.parameters[number]
    first = 1 if scope.owner is not None and "staticmethod" not in scope.decorator_names else 0
    of_text = parameter.annotation is None or last_name(parameter.annotation) == "str"
    return number > first and of_text and (parameter.default is None or parameter.default[0] in ("string", "none"))


def key_said(key: str | Expression) -> bool:
    """`text` of `message.text`, and of `event["text"]`."""
    return (key if isinstance(key, str) else key[1] if key[0] == "string" else "") in SAID
