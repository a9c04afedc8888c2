"""S101."""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Final

from netra.guard.analysis import Analysis
from netra.guard.database.ending import ending
from netra.guard.database.queued import put_for_later
from netra.guard.entries.sorts import LISTENER, ROUTE, SOCKET
from netra.guard.facts import Expression, last_name
from netra.guard.faults import CERTAIN, LIKELY, Mend, Sighting
from netra.guard.meaning.expressions import within
from netra.guard.requests.ambient import Ambient
from netra.guard.requests.askers import speaks_of_rights
from netra.guard.requests.origins import CONNECTIONS, OF_A_USER, Origin, Origins
from netra.guard.requests.serving import WHOM, Serving
from netra.guard.requests.sharing import Sharing, Touched, Write
from netra.guard.requests.signed import acts_for_somebody, who_signed_in
from netra.guard.requests.signing_in import signed_in_anew, signed_in_here
from netra.guard.requests.singletons import is_application
from netra.guard.requests.storing import Storing
from netra.guard.requests.thread_locals import kept_for_thread
from netra.guard.requests.whose import names_within, said
from netra.guard.rule import rule
from netra.guard.symbols import FunctionSymbol
from netra.guard.values import Step

# Words of what an administrator changes for everybody.
SETTING = ("config", "setting", "setup", "option", "preference", "default", "fallback", "level", "update")
# And of what is put there for all, unless it is somebody's own.
ADDED = ("mount", "install", "enable")

# Names of places for one of many.
OF_ONE: Final = OF_A_USER | frozenset(
    """tenant tenant_id customer customer_id member member_id viewer actor caller requester account identity access_token
    user_name username user_token session_id""".split()
)

# Routes by which somebody sets what is meant for all.
OF_ALL: Final = (*SETTING, *ADDED, "admin", "internal", "manage", "health", "reload", "refresh", "switch")

OF_THE_LAST: Final = frozenset("last latest current previous active".split())

# What makes a text longer, or a list of a library: the tools of an agent, its instructions.
LENGTHENING: Final = frozenset("append extend insert augmented".split())

# What a client sends along with everything, without anybody reading it here.
SENT = frozenset({"headers", "cookies"})

# Of what is sent along, what says who is asking.
SIGNING: Final = frozenset("authorization proxy-authorization cookie x-api-key x-auth-token api-key".split())


CONFIGURATION: Final = ("app.state", "config")

# Steps between a route and the place that keeps what it was given, where that says nothing of a user.
NEAR = 2


@rule("S101", "user-in-shared-slot", hesitant=True)
def user_in_shared_slot(analysis: Analysis) -> Iterator[Sighting]:
    """What belongs to one user is put where the next request overwrites it, or finds it.

    A variable of the module, an attribute of a class, of an object that serves the whole process, or of `app.state` has room
    for one value. Between the request that writes it and the line that reads it, another user's request writes its own.

    ```python
    class Dispatcher:
        def handle(self, user, message):
            self.user = user  # S101: one `dispatcher` serves everybody
            return self.answer(message)


    dispatcher = Dispatcher()
    ```

    An object of a library that a module makes once, such as an agent or a client, is such a place as well, and so is a key that
    the program fixes, whoever puts it there. A function that gives the one client and signs it in for whoever asks
    (`client.headers["Authorization"] = …`) is reported though no request leads there.

    So is a variable of the function that makes the application and registers its routes, and a `threading.local`, where a
    coroutine waits between the line that writes it and the one that reads it. An object of a library that signs in for a user
    (`mailbox.login(user, password)`) does so for all, and what a dependency closes when its request is answered is of no use
    to the next one (`services["glossary"] = Glossary(session)`).

    Pass the value on as an argument, or keep it in an object that is made for the request, or in a `ContextVar`.

    Guard is certain of what is, by its name or by where it comes from, a user or something of one: of a signed session, of the
    header `Authorization`, of a connection; of what the same function reads again after others have had their turn; of what is
    put there for the call behind it (`notifier.for_locale(locale).alert(text)`); and of what a function reads that knows for
    whom it works. What else came with a request may be kept on purpose, as what is called a fallback or a default is. Likely at
    most is the connection of a server of plain sockets, which may have a single client.
    """
    sharing = analysis.once(Sharing)
    origins = analysis.once(Origins)
    direct = ((each, (each.scope, each.line, each.column, each.end_line)) for each in sharing.writes)
    for write, place in (*direct, *_by_way_of_another(analysis)):
        if _is_property(analysis, write) or _is_gathered(write) or is_application(write.value):
            continue  # its setter decides where that goes, or it is told of the call, or it is the same for all
        whole = write.how == "update" and (sharing.is_container(write.slot) or write.slot.of_library)
        longer = write.key is None and write.how in LENGTHENING and (write.slot.of_library or write.how == "augmented")
        if write.how != "slot" and not whole and not longer and not _is_one_place(write):
            continue
        # Also a method of a connection, or what has closed over something of a request.
        origin = origins.held(write.value, write.scope, write.line)
        if write.how == "slot" or _is_one_place(write):
            whole = write.value[0] == "name" and analysis.once(Ambient).is_whole(write.value, write.scope)
            # An answer of somebody else's server, got with what a route was asked, is called a token as well.
            near = origin is not None and len(origin.steps) <= NEAR
            called = near and (_is_called_of_one(write.slot.name) or _is_called_of_one(_text(write.key)))
            if whole and origin is None:
                origin = Origin(write.value[1], (), personal=True)
            elif origin is not None and (whole or called):
                origin = replace(origin, personal=True)
        if (origin is None or not origin.personal) and (named := said(write, origins, by_id=True)) is not None:
            origin = Origin(named[0], named[1], personal=True)
        if (origin is None or not origin.personal) and (signed := _signed(analysis, write)) is not None:
            origin = Origin(signed[0], (signed[1],), personal=True)
        if origin is None and _is_told_whose(analysis, write):
            origin = Origin(write.slot.name, (), personal=True)
        if origin is not None and write.slot.name in SENT and _is_signing(write.key):
            origin = replace(origin, personal=True)
        if origin is None or _is_setting(write, origin):
            continue
        if not origin.personal and write.slot.owner == "app.state" and not _meets_another(write, analysis):
            continue
        far = not origin.personal and len(origin.steps) > NEAR and not _is_of_the_last(write)
        if far and not _is_called_the_last(write):
            continue  # what a route was asked has become a setting, a handle or a connection by the time it is kept
        if _is_made_of_itself(write, sharing):
            continue
        read = sharing.read(write) or (sharing.handed_out(write) if whole else None)
        asked = write.how == "item" and analysis.once(Storing).is_asked(write.slot)
        seen = write.how == "slot" or write.slot.of_library or write.slot.name in SENT
        if read is None and not asked and (not origin.personal or not seen):
            continue
        of = "of one user" if origin.personal else "of one request"
        message = f"`{write.slot.name}` outlives the request, and what is kept there is {of} (`{origin.name}`)"
        mend = Mend("pass it on as an argument, or keep it in an object of this request")
        why = [*origin.steps, write.slot.step]
        if read is not None:
            why.append(Step(read.scope.module.path, read.line, f"`{read.scope.facts.qualified}` reads it, whoever asks"))
        for_another = read is not None and _is_called_the_last(write) and _is_read_for(write, read)
        if far and not for_another:
            continue
        sure = origin.personal or for_another or sharing.overtaken(write) is not None or _is_for_one_call(analysis, write)
        sure = sure or _is_carried_on(write, sharing) or _is_left_for_the_next(write)
        sure = sure or (read is not None and not far and _meets_another(write, analysis))
        confidence = CERTAIN if sure and not _is_of_peer(write, origin, analysis) else LIKELY
        yield Sighting(*place, message, tuple(why), mend, confidence)
    for scope, line, column, said_of_it, steps, mended in (*signed_in_anew(analysis), *signed_in_here(analysis)):
        yield Sighting(scope, line, column, line, said_of_it, steps, Mend(mended), CERTAIN)
    yield from _ended_with_the_request(analysis)
    for kept in kept_for_thread(analysis):
        message = f"`{kept.name}` is kept for the thread, on which every request of the loop runs (`{kept.origin.name}`)"
        mend = Mend("pass it on as an argument, or keep it in a `ContextVar`")
        yield Sighting(kept.scope, kept.line, kept.column, kept.line, message, kept.steps, mend, CERTAIN)


def _by_way_of_another(analysis: Analysis) -> Iterator[tuple[Write, tuple[FunctionSymbol, int, int, int]]]:
    """What a method of a shared object keeps, and where to show it.

    That is the method where it is made to keep one value, though not all objects of its class are shared; and the call where
    it keeps whatever it is told.
    """
    seen = {(each.scope, each.slot.key) for each in analysis.once(Sharing).writes}
    for write, keeping in analysis.once(Storing).told:
        if any(word in keeping.function.name.lower() for word in SETTING + ADDED):
            continue
        if (write.how == "update" and keeping.takes_any) or (write.how == "item" and _is_one_place(write)):
            yield write, (write.scope, write.line, write.column, write.end_line)
        elif keeping.function.assigned.get("self"):
            continue  # a new object, which a method of the class makes
        elif write.how == "slot" and (place := (keeping.function, write.slot.key)) not in seen:
            seen.add(place)
            step = Step(write.scope.module.path, write.line, f"`{write.slot.name}` is one that all share here")
            shared = replace(write, slot=replace(write.slot, step=step))
            yield shared, (keeping.function, keeping.line, keeping.column, keeping.line)


def _ended_with_the_request(analysis: Analysis) -> Iterator[Sighting]:
    """What lasts for the process is given what a dependency closes when its request is answered."""
    for write in (*analysis.once(Sharing).writes, *(write for write, _ in analysis.once(Storing).told)):
        if (found := ending(write, analysis)) is not None:
            name, end = found
            message = f"`{write.slot.name}` outlives the request, and what is kept there ends with it (`{name}`)"
            mend = Mend("make one for each request, or one that lasts")
            yield Sighting(
                write.scope, write.line, write.column, write.end_line, message, (end, write.slot.step), mend, CERTAIN
            )

    for put in put_for_later(analysis):
        message = f"`{put.name}` ends with the request, and whoever takes it out of `{put.slot.name}` gets it later"
        mend = Mend("let the worker open one of its own")
        call, why = put.call, (*put.steps, put.slot.step)
        yield Sighting(put.scope, call.line, call.column, call.end_line, message, why, mend, CERTAIN)


def _is_signing(key: Expression | None) -> bool:
    return key is not None and key[0] == "string" and key[1].lower() in SIGNING


def _is_property(analysis: Analysis, write: Write) -> bool:
    """`node.name = name`, where `name` is a property of the class."""
    kinds = analysis.program.classes_named.get(write.slot.owner.rpartition(".")[2], ())
    methods = [each for kind in kinds for each in kind.methods.get(write.slot.name, ()) if kind.full_name == write.slot.owner]
    return any(last_name(each.callee) in ("property", "setter") for method in methods for each in method.facts.decorators)


def _is_for_one_call(analysis: Analysis, write: Write) -> bool:
    """`notifier.for_locale(locale).alert(text)`: what is kept is meant for the call behind it, and stays for all others."""
    scope = write.scope
    if not scope.facts.returned or any(each.value != ("name", "self") for each in scope.facts.returned):
        return False
    serving = analysis.once(Serving)
    return any(
        each.callee[0] == "attribute" and each.callee[1] == ("call", index)
        for caller, index in analysis.program.calls_named.get(scope.name, ())
        if caller in serving
        for each in caller.facts.calls
    )


def _is_gathered(write: Write) -> bool:
    """`self.tags.update(tags)` of `def tag(self, **tags)`."""
    parameters = write.scope.facts.parameters
    return write.how == "update" and any(
        each.position == "keywords" and write.value == ("name", each.name) for each in parameters
    )


def _is_one_place(write: Write) -> bool:
    """An item whose key is a text of the program has room for one value as well: `drafts["last"] = text`."""
    return write.how == "item" and write.key is not None and write.key[0] in ("string", "constant")


def _is_read_for(write: Write, read: Touched) -> bool:
    """It is read by a function that is told for whom it works: `def more(self, user_id)`."""
    return read.scope is not write.scope and any(each.name in WHOM for each in read.scope.facts.parameters)


def _meets_another(write: Write, analysis: Analysis) -> bool:
    """It is read where a user is told from others, and whoever writes it is not one who may set it for all."""
    if speaks_of_rights(write.scope):
        return False
    others = [each.scope for each in analysis.once(Sharing).readers(write) if each.scope is not write.scope]
    if not any(analysis.once(Origins).knows_user(each) or acts_for_somebody(analysis, each) for each in others):
        return False
    entry = analysis.once(Serving).entry(write.scope)
    return entry.sort in (ROUTE, SOCKET, LISTENER) and not any(word in entry.label.lower() for word in OF_ALL)


def _text(key: Expression | None) -> str:
    return key[1] if key is not None and key[0] == "string" else ""


def _is_called_of_one(name: str) -> bool:
    """`self.tenant`, `state["user"]`: the name of the place says that it has room for one of many."""
    return name.strip("_").lower().removeprefix("current_").removeprefix("last_") in OF_ONE


def _is_carried_on(write: Write, sharing: Sharing) -> bool:
    """What is kept was made with what another request has left: `reply = ask(text, after=last)`, and then `last = reply.id`."""
    scope, name = write.scope, write.value
    while name[0] in ("attribute", "subscript"):
        name = name[1]
    given = scope.assigned.get(name[1], ()) if write.how == "slot" and name[0] == "name" else ()
    made = given[0].value if len(given) == 1 else ("none",)
    made = made[1] if made[0] == "await" else made
    if made[0] != "call":
        return False
    parts = (
        part for each in scope.facts.calls[made[1]].given for part in within(each, scope) if last_name(part) == write.slot.name
    )
    return any((slot := sharing.slot(part, scope)) is not None and slot.key == write.slot.key for part in parts)


def _signed(analysis: Analysis, write: Write) -> tuple[str, Step] | None:
    if write.how == "item" and write.value[0] == "tuple":
        return None  # of all that a call is told, a part may be somebody's
    return who_signed_in(analysis, write.value, write.scope, write.line)


def _is_told_whose(analysis: Analysis, write: Write) -> bool:
    """What serves is told for whom, as the place says: `self.tenant = kwargs.pop("tenant")` of a task."""
    entry = analysis.reach.entries.get(write.scope)
    if write.how != "slot" or entry is None or not entry.serves or not _is_called_of_one(write.slot.name):
        return False
    return not names_within(write.value, write.scope).isdisjoint({*write.scope.parameters} - {"self", "cls"})


def _is_left_for_the_next(write: Write) -> bool:
    """`if job.tone: settings.tone = job.tone`, and then `await translate(job.text, settings.tone)`.

    Who says nothing is served with what somebody else has said.
    """
    facts = write.scope.facts
    around = [
        block
        for block in facts.blocks
        if block.what == "if"
        and block.line <= write.line <= block.end_line
        and any(write.value in within(test, write.scope) for test in block.expressions)
    ]
    if write.how != "slot" or not around:
        return False
    end = max(block.end_line for block in around)
    return any(
        call.line > end and call.where[0] == "await" and _mentions(write.slot.name, call.given, write.scope)
        for call in facts.calls
    )


def _mentions(name: str, given: Iterable[Expression], scope: FunctionSymbol) -> bool:
    return any(last_name(part) == name for each in given for part in within(each, scope))


def _is_of_peer(write: Write, origin: Origin, analysis: Analysis) -> bool:
    """The connection of a server of plain sockets, which may have a single client: nothing says that it is somebody's."""
    entry = analysis.once(Serving).entry(write.scope)
    return entry.sort == SOCKET and entry.label.startswith("connection ") and origin.name in CONNECTIONS


def _is_called_the_last(write: Write) -> bool:
    """`index.last_query`."""
    return not OF_THE_LAST.isdisjoint(write.slot.name.lower().strip("_").split("_"))


def _is_of_the_last(write: Write) -> bool:
    """The key says that it is whoever came last: `drafts["last"] = text`."""
    return write.key is not None and write.key[0] == "string" and write.key[1].lower() in OF_THE_LAST


def _is_setting(write: Write, origin: Origin) -> bool:
    """Somebody sets what is meant for all: the name of the place, of its owner or of the function says so."""
    said = f"{write.slot.owner.rpartition('.')[2]} {write.slot.name} {write.scope.name}".lower()
    if _is_left_for_the_next(write):
        said = f"{write.slot.name} {write.scope.name}".lower()  # what is used at once was not said for all
    if write.slot.key == CONFIGURATION and origin.personal:
        said = write.scope.name.lower()  # of an application all of it is called so
    if write.value[0] == "call" and (last_name(write.scope.facts.calls[write.value[1]].callee) or "")[:1].isupper():
        # `_default = Dispatcher(ctx)` is no setting, but what whoever comes first leaves for all.
        said = said.replace("default", "")
    return any(word in said for word in (SETTING if origin.personal else SETTING + ADDED))


def _is_made_of_itself(write: Write, sharing: Sharing) -> bool:
    """`self.open = {**self.open, key: value}`: one more in a collection, in which the others stay."""
    scope, name = write.scope, write.slot.name
    over = [each.value for each in scope.facts.assignments if each.how == "for" and each.line >= write.line]
    parts = (part for each in (write.value, *over) for part in within(each, scope) if last_name(part) == name)
    return any((found := sharing.slot(part, scope)) is not None and found.key == write.slot.key for part in parts)
