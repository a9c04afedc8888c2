"""S101."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Final

from netra.guard.analysis import Analysis
from netra.guard.database.ending import ending, only_finds_out
from netra.guard.database.queued import put_for_later
from netra.guard.faults import CERTAIN, LIKELY, Mend, Sighting
from netra.guard.meaning.expressions import written
from netra.guard.requests.ambient import Ambient
from netra.guard.requests.amounts import keeps_nothing
from netra.guard.requests.brought import Origin
from netra.guard.requests.exclusive import is_exclusive
from netra.guard.requests.meeting import (
    is_asked_back,
    is_carried_on,
    is_for_one_call,
    is_of_page,
    is_of_peer,
    is_read_for,
    is_set_for_what_follows,
    is_set_for_what_follows_here,
    meets_another,
    of_job,
)
from netra.guard.requests.origins import Origins
from netra.guard.requests.set_before import is_set_before
from netra.guard.requests.set_by_nobody import is_set_by_nobody
from netra.guard.requests.set_on_class import read_by_objects
from netra.guard.requests.sharing import Sharing
from netra.guard.requests.signed import is_told_whose, signed_in_there
from netra.guard.requests.signing_in import signed_in_anew, signed_in_by_cookie, signed_in_here
from netra.guard.requests.single_places import is_gathered, is_made_of_itself, is_one_place, is_property, written_there
from netra.guard.requests.singletons import is_application
from netra.guard.requests.slot_names import (
    SENT,
    is_called_of_one,
    is_called_the_last,
    is_left_for_the_next,
    is_of_the_last,
    is_setting,
    is_signing,
)
from netra.guard.requests.storing import Storing
from netra.guard.requests.thread_locals import kept_for_thread, left_in_thread
from netra.guard.requests.told_before import told_before
from netra.guard.requests.whose import said
from netra.guard.rule import rule
from netra.guard.values import Step

# What makes a text longer, or a list of a library: the tools of an agent, its instructions.
LENGTHENING: Final = frozenset("append extend insert augmented".split())

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
    coroutine waits between the line that writes it and the one that reads it, or where it is set only for some requests, and
    those that follow on the thread find it. An object of a library that signs in for a user
    (`mailbox.login(user, password)`) does so for all, as does a client of HTTP that keeps the cookie of a login, and what a
    dependency closes when its request is answered is of no use to the next one (`services["glossary"] = Glossary(session)`).

    So is an object that the program keeps under a name and tells, before each call, for whom it is
    (`tools.get(name).set_context(chat_id)`), where several may be under way at once.

    So is an attribute of a class that is set by the name of the class (`Draft.amount = amount`), where every object that has
    none of its own reads it (`self.amount`).

    Pass the value on as an argument, or keep it in an object that is made for the request, or in a `ContextVar`.

    Guard is certain of what is, by its name or by where it comes from, a user or something of one: of a signed session, of the
    header `Authorization`, of a connection; of what the same function reads again after others have had their turn; of what is
    put there for the call behind it (`notifier.for_locale(locale).alert(text)`), or for what runs after the next `await` of
    whoever has it put there; of what a hook, a middleware or a dependency puts there for the function that answers; and of what
    a function reads that knows for whom it works. What else came with a request may be kept on purpose, as what is called a
    fallback or a default is. A number that is counted up and what is left of a list keep nothing of a request. Likely at most
    is the connection of a server of plain sockets, which may have a single client.
    """
    sharing = analysis.once(Sharing)
    origins = analysis.once(Origins)
    for write, place in written_there(analysis):
        if is_property(analysis, write) or is_gathered(write) or is_application(write.value):
            continue  # its setter decides where that goes, or it is told of the call, or it is the same for all
        whole = write.how == "update" and (sharing.is_container(write.slot) or write.slot.of_library)
        longer = write.key is None and write.how in LENGTHENING and (write.slot.of_library or write.how == "augmented")
        if write.how != "slot" and not whole and not longer and not is_one_place(write):
            continue
        if keeps_nothing(write, sharing) or is_exclusive(write, analysis) or is_set_by_nobody(write, analysis):
            continue
        # Also a method of a connection, or what has closed over something of a request.
        origin = origins.held(write.value, write.scope, write.line)
        if write.how == "slot" or is_one_place(write):
            whole = write.value[0] == "name" and analysis.once(Ambient).is_whole(write.value, write.scope)
            # An answer of somebody else's server, got with what a route was asked, is called a token as well.
            called = origin is not None and len(origin.steps) <= NEAR and is_called_of_one(write)
            if whole and origin is None:
                origin = Origin(write.value[1], (), personal=True)
            elif origin is not None and (whole or called):
                origin = replace(origin, personal=True)
        if (origin is None or not origin.personal) and (named := said(write, origins, by_id=True)) is not None:
            origin = Origin(named[0], named[1], personal=True)
        if (origin is None or not origin.personal) and (signed := signed_in_there(analysis, write)) is not None:
            origin = Origin(signed[0], (signed[1],), personal=True)
        if origin is None and is_told_whose(analysis, write):
            origin = Origin(write.slot.name, (), personal=True)
        if origin is None and (job := of_job(analysis, write)) is not None:
            origin = Origin(job, (), personal=False)
        if origin is not None and is_signing(write):
            origin = replace(origin, personal=True)
        if origin is None:
            continue
        followed = is_set_for_what_follows(analysis, write)
        if is_setting(write, origin) and not followed and not is_asked_back(write, analysis):
            continue
        if not origin.personal and write.slot.owner == "app.state" and not meets_another(write, analysis):
            continue
        far = not origin.personal and len(origin.steps) > NEAR and not is_of_the_last(write)
        if far and not is_called_the_last(write) and not followed:
            continue  # what a route was asked has become a setting, a handle or a connection by the time it is kept
        if is_made_of_itself(write, sharing) and not followed:
            continue
        by_objects = read_by_objects(analysis, write)
        handed = whole or (origin.personal and is_one_place(write))  # `TOOLS["note"] = partial(note, user)`, `return TOOLS`
        read = sharing.read(write) or by_objects or (sharing.handed_out(write) if handed else None)
        storing = analysis.once(Storing)
        asked = write.how == "item" and (storing.is_asked(write.slot) or storing.is_looked_for(write.slot))
        seen = write.how == "slot" or write.slot.of_library or write.slot.name in SENT
        if read is None and not asked and (not origin.personal or not seen):
            continue
        of = "of one user" if origin.personal else "of one request"
        message = f"`{write.slot.name}` outlives the request, and what is kept there is {of} (`{origin.name}`)"
        mend = Mend("pass it on as an argument, or keep it in an object of this request")
        why = [*origin.steps, write.slot.step]
        if read is not None:
            why.append(Step(read.scope.module.path, read.line, f"`{read.scope.facts.qualified}` reads it, whoever asks"))
        for_another = read is not None and is_called_the_last(write) and is_read_for(write, read)
        if far and not for_another and not followed:
            continue
        sure = (
            followed
            or by_objects is not None
            or origin.personal
            or for_another
            or sharing.overtaken(write) is not None
            or is_for_one_call(analysis, write)
        )
        sure = sure or (read is not None and not far and is_set_for_what_follows_here(analysis, write))
        sure = sure or (not far and is_set_before(write, analysis))
        sure = sure or is_carried_on(write, sharing) or is_left_for_the_next(write)
        sure = sure or (read is not None and not far and (meets_another(write, analysis) or is_of_page(write, analysis)))
        confidence = CERTAIN if sure and not is_of_peer(write, origin, analysis) else LIKELY
        yield Sighting(*place, message, tuple(why), mend, confidence)
    signing = [*signed_in_anew(analysis), *signed_in_here(analysis), *signed_in_by_cookie(analysis)]
    for scope, line, column, said_of_it, steps, mended in signing:
        yield Sighting(scope, line, column, line, said_of_it, steps, Mend(mended), CERTAIN)
    yield from _ended_with_the_request(analysis)
    for told in told_before(analysis):
        message = f"`{written(told.call.callee, told.scope)}(…)` tells an object of everybody for whom the next call is"
        mend = Mend(f"pass `{told.whose}` to the call itself, or keep it in a `ContextVar`")
        at = told.call
        yield Sighting(told.scope, at.line, at.column, at.end_line, message, told.why, mend, CERTAIN)
    for kept in kept_for_thread(analysis):
        message = f"`{kept.name}` is kept for the thread, on which every request of the loop runs (`{kept.origin.name}`)"
        mend = Mend("pass it on as an argument, or keep it in a `ContextVar`")
        yield Sighting(kept.scope, kept.line, kept.column, kept.line, message, kept.steps, mend, CERTAIN)
    for left in left_in_thread(analysis):
        stays = f"`{left.name}` stays with the thread"
        message = f"{stays}, and the next request on it that brings none finds this (`{left.origin.name}`)"
        mend = Mend("set it for every request, or take it out when the request ends")
        yield Sighting(left.scope, left.line, left.column, left.line, message, left.steps, mend, CERTAIN)


def _ended_with_the_request(analysis: Analysis) -> Iterator[Sighting]:
    """What lasts for the process is given what a dependency closes when its request is answered."""
    # Of what a function is given, it may keep what it has found out with it, and not the thing itself.
    told = (write for write, keeping in analysis.once(Storing).told if not only_finds_out(keeping, analysis))
    for write in (*analysis.once(Sharing).writes, *told):
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
