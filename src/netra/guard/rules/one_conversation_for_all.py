"""S122."""

from collections.abc import Iterator
from typing import Final, NamedTuple

from netra.guard.analysis import Analysis
from netra.guard.facts import CallSite, Expression, last_name
from netra.guard.faults import Mend, Sighting
from netra.guard.meaning.expressions import within
from netra.guard.requests.brought import Origin
from netra.guard.requests.conversations import NAMING, begins_conversation, conversations_begin, fixed_conversation
from netra.guard.requests.living import answers_each
from netra.guard.requests.origins import Origins
from netra.guard.requests.serving import Serving
from netra.guard.requests.sharing import Sharing
from netra.guard.requests.slots import Slot
from netra.guard.rule import rule
from netra.guard.symbols import FunctionSymbol
from netra.guard.values import Routine, Step

# How graphs and agents are run, and how what keeps a conversation somewhere is called.
INVOKING: Final = frozenset("invoke ainvoke stream astream astream_events run arun run_async run_live chat achat".split())
HISTORY: Final = "ChatMessageHistory"


class _ToldToAll(NamedTuple):
    """A call tells something of a request to a conversation of everybody."""

    scope: FunctionSymbol
    call: CallSite
    origin: Origin
    said: str
    steps: tuple[Step, ...]


@rule("S122", "one-conversation-for-all")
def one_conversation_for_all(analysis: Analysis) -> Iterator[Sighting]:
    """What users say goes into one conversation, which a library remembers: the model answers one with what another has said.

    ```python
    memory = ConversationBufferMemory()
    chain = ConversationChain(llm=llm, memory=memory)


    @app.post("/chat")
    async def chat(question: str):
        return await chain.apredict(input=question)  # S122
    ```

    So it is with an id of a conversation that the code fixes, where the library keeps conversations by their ids:

    ```python
    @app.post("/chat")
    async def chat(question: str):
        config = {"configurable": {"thread_id": "1"}}
        return await graph.ainvoke({"messages": [("user", question)]}, config)  # S122
    ```

    Begin one for each conversation of each user, and name it by an id that you have checked to be theirs.
    """
    serving = analysis.once(Serving)
    for scope, call, origin, said, steps in (*_remembered(analysis), *_named(analysis)):
        message = f"{said}: what one user says there (`{origin.name}`) is told to the next"
        why = (*origin.steps, *steps, *(() if origin.steps else serving.way(scope)))
        mend = Mend("begin one for each conversation of each user")
        yield Sighting(scope, call.line, call.column, call.end_line, message, why, mend)


def _remembered(analysis: Analysis) -> Iterator[_ToldToAll]:
    """What came with a request is told to a conversation that lies in a shared place."""
    if not conversations_begin(analysis):
        return
    sharing = analysis.once(Sharing)
    names = {
        name
        for name, given in sharing.stores.items()
        if any(begins_conversation(each.value, scope, analysis.program) for scope, each in given)
    }
    if not names:
        return
    for scope in sharing.served:
        if scope.module.in_tests or not answers_each(analysis, scope):
            continue
        for call in scope.facts.calls:
            places = [call.callee, *call.given]
            slot = next((found for each in places if (found := _conversation(each, scope, names, sharing, analysis))), None)
            origin = None if slot is None else _brought(call, scope, analysis)
            if slot is not None and origin is not None:
                yield _ToldToAll(scope, call, origin, f"`{slot.name}` is one conversation for everybody", (slot.step,))


def _conversation(
    place: Expression, scope: FunctionSymbol, names: set[str], sharing: Sharing, analysis: Analysis
) -> Slot | None:
    """The shared conversation that is asked or handed on: `chain` of `chain.predict`, `thread` of `thread.id`."""
    for part in within(place, scope):
        if part[0] in ("name", "attribute") and part[-1] in names:
            slot = sharing.slot(part, scope)
            made = [*sharing.made_for(slot)] if slot is not None else []
            kept = [each for each in made if each[0][0] != "none"]
            if slot is not None and kept and all(begins_conversation(*each, analysis.program) for each in kept):
                return slot
    return None


def _named(analysis: Analysis) -> Iterator[_ToldToAll]:
    """A library is told something of a request, and a fixed text for the conversation that it belongs to."""
    histories = [name for name in analysis.program.calls_named if name.endswith(HISTORY)]
    for scope, _, call in analysis.calls_of(*INVOKING, *histories):
        if scope.module.in_tests or not answers_each(analysis, scope):
            continue
        called = last_name(call.callee) or ""
        fixed = next(((name, value[1]) for name, value in call.keywords if name in NAMING and value[0] == "string"), None)
        if fixed is None and called in INVOKING:
            found = (each for given in call.given for each in fixed_conversation(given, scope, analysis))
            fixed = next(found, None)
            if fixed is not None and not analysis.once(_keeps_threads):
                continue
        if fixed is None or not fixed[1] or _is_of_program(call.callee, scope, analysis):
            continue
        origin = _brought(call, scope, analysis) or _told_it(call, scope, analysis)
        if origin is not None:
            yield _ToldToAll(scope, call, origin, f"`{fixed[0]}` is `{fixed[1]}` for everybody", ())


def _keeps_threads(analysis: Analysis) -> bool:
    """Somewhere in the program a graph is given what keeps its threads."""
    return any(
        name == "checkpointer" and value[0] not in ("none", "constant")
        for scope in analysis.scopes
        for call in scope.facts.calls
        for name, value in call.keywords
    )


def _is_of_program(callee: Expression, scope: FunctionSymbol, analysis: Analysis) -> bool:
    match analysis.receivers.value(callee, scope):
        case Routine(function=function):
            return not function.module.library
    return False


def _told_it(call: CallSite, scope: FunctionSymbol, analysis: Analysis) -> Origin | None:
    """A history that is opened here, `history = RedisChatMessageHistory(session_id="default")`, is told it below."""
    if not (last_name(call.callee) or "").endswith(HISTORY) or call.where[0] != "assign":
        return None
    opened = ("call", scope.facts.calls.index(call))
    names = {each.target for each in scope.facts.assignments if each.value == opened}
    told = (each for each in scope.facts.calls if each.callee[0] == "attribute" and each.callee[1] in names)
    return next((origin for each in told if (origin := _brought(each, scope, analysis)) is not None), None)


def _brought(call: CallSite, scope: FunctionSymbol, analysis: Analysis) -> Origin | None:
    origins = analysis.once(Origins)
    found = (origins.of(each, scope, call.line) for each in call.given)
    return next((each for each in found if each is not None), None)
