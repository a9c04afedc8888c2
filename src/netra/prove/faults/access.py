"""Faults of those who may not: forged, swapped and ended tokens, other people's ids, other sites, and every error there is."""

import asyncio
import base64
import hashlib
import hmac
import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from netra.prove.answers import Lost
from netra.prove.faults import Bites, World, fault
from netra.prove.targets import Ability, Person
from netra.prove.workload import User

REFUSED: Final = (401,)
FOR_NOW: Final = (429, 503)
"""What a server says that can answer nothing at the moment: no answer to what was asked."""
REVOKED: Final = (4401, 1001, 1006, 1011)
"""Closed, for that reason or because the server went meanwhile; open it must not be."""
SHOWN: Final = 500
"""Characters of a refusal that are kept and compared."""
STRANGE: Final = (
    *("*", "%25", "..%2f..%2fetc%2fpasswd", "%00", "null", "undefined", "-1", "0", "\u0430dmin", "a" * 10_240, "%E2%80%AE"),
    *("' OR 1=1 --", "00000000-0000-0000-0000-000000000000", "{}", "[]", "true", "%0d%0aX-Injected:%201"),
)
ORIGINS: Final = (None, "null", "https://evil.example", "{origin}.evil.example", "{origin}:1", "HTTP://LOCALHOST", "file://")
NEEDS_SESSIONS: Final = (Ability.SESSIONS, Ability.SOCKETS, Ability.ISOLATION)


async def probe(
    world: World,
    tally: Bites,
    user: User,
    what: str,
    expected: Sequence[int] | None,
    request: tuple[str, str],
    *,
    same_as: str | None = None,
    hide: Sequence[str] = (),
    by: Person | None = None,
    **more: Any,
) -> str | None:
    """Send something that has to be refused, and record what the server said. Returns the body, `comparable`."""
    operation = world.history.invoke("probe", user.number, what=what, expected=expected and [*expected], same_as=same_as)
    try:
        status, body = await (by or user.person).raw(*request, **more)
        if status in FOR_NOW:
            raise Lost(f"{status}: asked at a bad moment")
    except Lost as error:
        world.history.see("unknown", "probe", user.number, operation, why=str(error))
        return None
    body = comparable(body, hide)
    world.history.see("ok", "probe", user.number, operation, status=status, body=body)
    tally.bite()
    return body


def comparable(body: str, hide: Sequence[str]) -> str:
    """A refusal without the ids that were sent, and without the number of the request: both are meant to differ."""
    for each in hide:
        body = body.replace(each, "ID")
    try:
        content = json.loads(body)
    except ValueError:
        return body[:SHOWN]
    if isinstance(content, dict):
        for name in ("request_id", "instance", "trace_id"):
            content.pop(name, None)
    return json.dumps(content, sort_keys=True)[:SHOWN]


@fault("F31", needs=NEEDS_SESSIONS)
async def forged_tokens(world: World, tally: Bites) -> None:
    """Tokens that nobody has signed, or not for this, are shown to every kind of door."""
    user = world.source.choice(list(world.users))
    first: str | None = None
    for what, token in _forged(user.person.token, world):
        body = await probe(world, tally, user, f"a token: {what}", REFUSED, ("GET", "/auth/me"), token=token, same_as=first)
        first = first or body
        await _refused_handshake(world, tally, user, f"a socket with {what}", REFUSED, user.person.url, token)


def _forged(token: str, world: World) -> Iterator[tuple[str, str]]:
    header, payload, signature = token.split(".")
    claims = json.loads(_decoded(payload))
    yield "no signature", f"{header}.{payload}."
    yield "the algorithm none", f"{_encoded({'alg': 'none', 'typ': 'JWT'})}.{payload}."
    keyed = f"{_encoded({'alg': 'HS256', 'typ': 'JWT'})}.{payload}"
    digest = hmac.new(b"", keyed.encode(), hashlib.sha256).digest()
    yield "an empty key", f"{keyed}.{base64.urlsafe_b64encode(digest).decode().rstrip('=')}"
    for name, value in (("sub", "00000000-0000-0000-0000-000000000000"), ("aud", "elsewhere"), ("iss", "https://evil.example")):
        yield f"another {name}", f"{header}.{_encoded({**claims, name: value})}.{signature}"
    yield "a longer life", f"{header}.{_encoded({**claims, 'exp': claims['exp'] + 10**6})}.{signature}"
    kid = {**json.loads(_decoded(header)), "kid": "../../../../dev/null"}
    yield "a path for a key", f"{_encoded(kid)}.{payload}.{signature}"
    yield "noise", f"{world.source.getrandbits(256):064x}"
    yield "nothing", "x"


def _decoded(part: str) -> bytes:
    return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))


def _encoded(content: Mapping[str, Any]) -> str:
    return base64.urlsafe_b64encode(json.dumps(content).encode()).decode().rstrip("=")


async def _refused_handshake(
    world: World, tally: Bites, user: User, what: str, expected: Sequence[int], origin: str | None, token: str | None
) -> None:
    operation = world.history.invoke("probe", user.number, what=what, expected=[*expected])
    try:
        wire = await user.person.handshake({} if origin is None else {"Origin": origin}, token=token)
    except Lost as error:
        world.history.see("unknown", "probe", user.number, operation, why=str(error))
        return
    world.history.see("ok", "probe", user.number, operation, status=wire.status)
    wire.end()
    tally.bite()


@fault("F34", needs=(Ability.SOCKETS, Ability.ISOLATION))
async def other_sites(world: World, tally: Bites) -> None:
    """Pages of other sites ask for a socket with a user's token."""
    user = world.source.choice(list(world.users))
    for origin in ORIGINS:
        given = None if origin is None else origin.replace("{origin}", user.person.url)
        await _refused_handshake(world, tally, user, f"a socket for the origin {origin}", (403,), given, None)


@fault("F32", needs=(Ability.DESCRIBED, Ability.ISOLATION))
async def other_peoples_ids(world: World, tally: Bites) -> None:
    """Every id of one user is tried by another on every route and verb that the server describes."""
    owner, thief = world.source.sample([user for user in world.users if user.threads], 2)
    status, described = await thief.person.raw("GET", "/openapi.json")
    if status != 200:
        return
    ids = {
        "thread": owner.threads,
        "run": sorted(owner.runs),
        "dataset": owner.datasets,
        "artifact": [],
        "report": sorted(owner.runs),
    }
    for path, verbs in json.loads(described)["paths"].items():
        for kind, known in ids.items():
            name = next((part for part in (f"{{{kind}_id}}", f"{{{kind}}}") if part in path), None)
            if name is None or path.count("{") != 1 or not known:
                continue
            for verb in verbs:
                if verb.upper() in ("GET", "POST", "PUT", "PATCH", "DELETE"):
                    await _try_both(world, tally, thief, verb.upper(), path, name, world.source.choice(known))


async def _try_both(world: World, tally: Bites, thief: User, verb: str, path: str, name: str, theirs: str) -> None:
    nobodys = f"{theirs[:-12]}{world.source.getrandbits(48):012x}"
    more: dict[str, Any] = {"json": _body_for(path)} if verb in ("POST", "PUT", "PATCH") else {}
    accepted = (404, 422, 405)
    what = f"{verb} {path} with an id of nobody"
    unknown = await probe(world, tally, thief, what, accepted, (verb, path.replace(name, nobodys)), hide=(nobodys,), **more)
    if unknown is not None:
        what = f"{verb} {path} with an id of somebody else"
        request = (verb, path.replace(name, theirs))
        await probe(world, tally, thief, what, accepted, request, hide=(theirs,), same_as=unknown, **more)


def _body_for(path: str) -> dict[str, Any]:
    """What a route takes, so that it is the id that is refused."""
    if path.endswith("/runs"):
        return {"agent": "demo", "input": {}}
    if path.endswith("/answer"):
        return {"request_id": "1", "value": True}
    return {"title": "mine now"}


@fault("F33", needs=(Ability.DESCRIBED, Ability.ISOLATION))
async def strange_ids(world: World, tally: Bites) -> None:
    """Wildcards, separators, confusables and ten kilobytes stand where an id is meant."""
    user = world.source.choice(list(world.users))
    for strange in STRANGE:
        for path in ("/api/threads/{}", "/api/threads/{}/events", "/api/runs/{}"):
            what = f"GET {path} with {strange[:30]!r}"
            await probe(world, tally, user, what, (400, 404, 414, 422, 431), ("GET", path.format(strange)))


@fault("F37")
async def every_error(world: World, tally: Bites) -> None:
    """Whatever can be refused is provoked, and every answer is searched for what must not be told."""
    user = world.source.choice(list(world.users))
    thread = world.source.choice(user.threads)
    for door in user.person.mistakes(thread):
        what = f"{door.method} {door.path.replace(thread, 'ID')}"
        await probe(world, tally, user, what, door.expected, (door.method, door.path), **door.more)


@fault("F30", needs=NEEDS_SESSIONS)
async def session_ended_elsewhere(world: World, tally: Bites) -> None:
    """A user signs in a second time, watches there, and ends that session: its socket closes and is shown nothing more."""
    user = world.source.choice(list(world.users))
    other = user.person.twin()
    await other.do("sign_in")
    wire = await other.handshake({"Origin": other.url})
    operation = world.history.invoke("probe", user.number, what="the socket of a session that ended", expected=[*REVOKED])
    await asyncio.sleep(0.5)
    await other.do("sign_out")
    code = await wire.closed(15)
    world.history.see("ok", "probe", user.number, operation, status=code)
    what = "the token of a session that ended"
    await probe(world, tally, user, what, REFUSED, ("GET", "/auth/me"), token=other.token)
    wire.end()


@fault("F40", needs=(Ability.KEYS,), alone=True)
async def sent_fifty_times(world: World, tally: Bites) -> None:
    """One request is sent fifty times at once, to every server there is."""
    user = world.source.choice([user for user in world.users if user.threads])
    await user.send_many(50)
    tally.bite(user.number)
