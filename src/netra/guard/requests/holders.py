"""What holds who is asking: a request or a connection, a session, claims out of a token, what an agent's run is told."""

from typing import Final

from netra.guard.facts import CallSite, Expression, last_name
from netra.guard.requests.words import CARRIERS
from netra.guard.symbols import FunctionSymbol

# What requests, sessions and contexts call who is asking, and what tells one such person from another.
SOMEBODY: Final = frozenset(
    """user user_id userid uid account account_id tenant tenant_id member member_id principal identity current_user owner
    owner_id me who customer customer_id person person_id actor auth_user viewer subject sub username email login""".split()
)
TELLING: Final = SOMEBODY | frozenset("id pk uuid auth_id client_id claims".split())

# Attributes of a connection by which middleware tells who is asking, and those that hold more than that.
OF_CONNECTION: Final = frozenset("user current_user principal identity auth".split())
HOLDING: Final = frozenset("state ctx context session scope".split())
CONNECTIONS: Final = CARRIERS | {"connection", "conn"}
# What libraries give of a token that they have read.
CLAIMS: Final = frozenset("get_jwt get_jwt_claims get_raw_jwt decode decode_token".split())
# And of a connection or a request, which is told by the one or by what stands for it.
SESSIONS: Final = frozenset({"get_session", "aget_session", "new_session"})
MEANT: Final = CONNECTIONS | frozenset({"sid", "environ", "socket"})
# What an agent's run is told by whoever begins it.
CONFIGURED: Final[Expression] = ("string", "configurable")


def is_of_run(inner: Expression, scope: FunctionSymbol) -> bool:
    """`config["configurable"]` in a tool or node of an agent: what the server has said of the run when it began it."""
    if inner[0] == "subscript":
        return bool(inner[2] == CONFIGURED and last_name(inner[1]) == "config")
    call = scope.facts.calls[inner[1]]
    asked = call.callee[0] == "attribute" and call.callee[2] == "get" and call.arguments[:1] == (CONFIGURED,)
    return asked and last_name(call.callee[1]) == "config"


def left_with_request(target: Expression) -> str | None:
    """The name under which something is left with a request: `request.state.rider`, `request["rider"]`, `g.rider`."""
    match target:
        case ("attribute", holder, str(name)) | ("subscript", holder, ("string", str(name))):
            if holder[0] == "attribute":
                return name if holder[2] in HOLDING and holder[2] != "session" and last_name(holder[1]) in CONNECTIONS else None
            return name if holder == ("name", "g") or (holder[0] == "name" and holder[1] in CONNECTIONS) else None
    return None


def is_claims(call: CallSite) -> bool:
    """What a library has read out of a token or keeps for a connection: `jwt.decode(…)`, `await sio.get_session(sid)`."""
    name = last_name(call.callee)
    if name == "decode":
        return call.callee[0] == "attribute" and "jw" in (last_name(call.callee[1]) or "").lower()
    return name in CLAIMS or gives_session(call)


def gives_session(call: CallSite) -> bool:
    """`await get_session(request)`, and not `cloud.get_session(session_id)`, which looks for one of many by its number."""
    if last_name(call.callee) not in SESSIONS:
        return False
    given = [each[2] if each[0] == "subscript" else each for each in call.arguments]
    return any(each[-1] in MEANT for each in given if each[0] in ("name", "attribute", "string"))
