"""What names say of a shared place: that it has room for one of many, for whoever came last, or for what is meant for all."""

from typing import Final

from netra.guard.facts import last_name
from netra.guard.meaning.expressions import within
from netra.guard.requests.brought import Origin
from netra.guard.requests.sharing import Write
from netra.guard.requests.words import OF_A_USER

# Words of what an administrator changes for everybody.
SETTING: Final = ("config", "setting", "setup", "option", "preference", "default", "fallback", "level", "update")
CHOSEN: Final = "option"
# And of what is put there for all, unless it is somebody's own.
ADDED: Final = ("mount", "install", "enable")

# Names of places for one of many.
OF_ONE: Final = OF_A_USER | frozenset(
    """tenant tenant_id customer customer_id member member_id viewer actor caller requester account identity access_token
    user_name username user_token session_id""".split()
)

OF_THE_LAST: Final = frozenset("last latest current previous active".split())

# What a client sends along with everything, without anybody reading it here.
SENT: Final = frozenset({"headers", "cookies"})

# Of what is sent along, what says who is asking.
SIGNING: Final = frozenset("authorization proxy-authorization cookie x-api-key x-auth-token api-key".split())

CONFIGURATION: Final = ("app.state", "config")


def is_called_of_one(write: Write) -> bool:
    """`self.tenant`, `state["user"]`: the name of the place, or the key in it, says that it has room for one of many."""
    key = write.key[1] if write.key is not None and write.key[0] == "string" else ""
    return _is_of_one(write.slot.name) or _is_of_one(key)


def _is_of_one(name: str) -> bool:
    return name.strip("_").lower().removeprefix("current_").removeprefix("last_") in OF_ONE


def is_called_the_last(write: Write) -> bool:
    """`index.last_query`."""
    return not OF_THE_LAST.isdisjoint(write.slot.name.lower().strip("_").split("_"))


def is_of_the_last(write: Write) -> bool:
    """The key says that it is whoever came last: `drafts["last"] = text`."""
    return write.key is not None and write.key[0] == "string" and write.key[1].lower() in OF_THE_LAST


def is_signing(write: Write) -> bool:
    """`client.headers["Authorization"] = …`: it is sent along with everything, and says who is asking."""
    signing = write.key is not None and write.key[0] == "string" and write.key[1].lower() in SIGNING
    return signing and write.slot.name in SENT


def is_for_all(function: str) -> bool:
    """The name of a function says that whoever calls it sets something for everybody, or adds it for everybody."""
    return any(word in function.lower() for word in SETTING + ADDED)


def is_left_for_the_next(write: Write) -> bool:
    """`if job.tone: settings.tone = job.tone`, and then `await translate(job.text, settings.tone)`.

    So it is with `if filters: seen.update(filters)`, and then `search(text, dict(seen))`. Who says nothing is served with what
    somebody else has said.
    """
    facts = write.scope.facts
    around = [
        block
        for block in facts.blocks
        if block.what == "if"
        and block.line <= write.line <= block.end_line
        and any(write.value in within(test, write.scope) for test in block.expressions)
    ]
    if write.how not in ("slot", "update") or not around:
        return False
    end = max(block.end_line for block in around)
    return any(
        call.line > end
        and (call.where[0] == "await" or write.how == "update")
        and any(last_name(part) == write.slot.name for each in call.given for part in within(each, write.scope))
        for call in facts.calls
    )


def is_setting(write: Write, origin: Origin) -> bool:
    """Somebody sets what is meant for all: the name of the place, of its owner or of the function says so."""
    # One option is what somebody has chosen; the options are a setting.
    name = "_".join(word for word in write.slot.name.lower().split("_") if word != CHOSEN)
    said = f"{write.slot.owner.rpartition('.')[2]} {name} {write.scope.name}".lower()
    if is_left_for_the_next(write):
        said = f"{name} {write.scope.name}".lower()  # what is used at once was not said for all
    if write.slot.key == CONFIGURATION and origin.personal:
        said = write.scope.name.lower()  # of an application all of it is called so
    if write.value[0] == "call" and (last_name(write.scope.facts.calls[write.value[1]].callee) or "")[:1].isupper():
        # `_default = Dispatcher(ctx)` is no setting, but what whoever comes first leaves for all.
        said = said.replace("default", "")
    words = said.replace(".", " ").replace("_", " ").split()
    return any(word in said for word in SETTING) or (not origin.personal and any(each.startswith(ADDED) for each in words))
