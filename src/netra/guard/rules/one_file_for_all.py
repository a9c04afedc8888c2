"""S124."""

import re
from collections.abc import Iterator
from typing import Final, NamedTuple

from netra.guard.analysis import Analysis
from netra.guard.facts import BODY, PLAIN, TOP, CallSite, Expression, last_name
from netra.guard.faults import Mend, Sighting
from netra.guard.meaning.expressions import within, written
from netra.guard.requests.apart import is_new_each_time
from netra.guard.requests.brought import Origin
from netra.guard.requests.fixed_paths import is_fixed
from netra.guard.requests.interleaving import Interleaving
from netra.guard.requests.keyed import Keyed
from netra.guard.requests.keys import leaves
from netra.guard.requests.living import answers_each
from netra.guard.requests.origins import Origins
from netra.guard.requests.serving import WHOM, Serving
from netra.guard.rule import rule
from netra.guard.symbols import FunctionSymbol
from netra.guard.values import Step

# What opens a file, and what writes one as a whole: `upload.save(path)`, `cv2.imwrite(path, image)`.
OPENING: Final = frozenset({"open"})
WHOLE: Final = frozenset("save imwrite write_bytes write_text savefig export to_file".split())
WRITING: Final = frozenset("write writelines copyfileobj dump".split())

# What is done with a path that reads nothing of the file.
LOOKING: Final = frozenset(
    """print info debug warning error exception exists isfile remove unlink makedirs mkdir dirname basename chmod getsize
    stat touch rename""".split()
)


# What many ask for alike.
OF_MANY: Final = re.compile(
    r"(?:^|_)(?:month|year|date|day|week|period|quarter|since|until|kind|type|format|fmt|ext|extension|lang|language|locale"
    r"|category|plan)$"
)
TODAY: Final = ("attribute", ("name", "date"), "today")


class _Written(NamedTuple):
    """Something of a request goes into a file whose path is the same for all."""

    path: Expression
    call: CallSite
    line: int
    origin: Origin


@rule("S124", "one-file-for-all")
def one_file_for_all(analysis: Analysis) -> Iterator[Sighting]:
    """What came with a request is written to a file whose name the code fixes, and the file is read for that request below.

    Another request writes its own in between: the one is answered with what the other has sent.

    ```python
    @app.post("/transcribe")
    async def transcribe(audio: UploadFile):
        with open("upload.wav", "wb") as file:  # S124
            file.write(await audio.read())
        return await transcribed("upload.wav")
    ```

    So it is with a file that is made of what is one account's, named by what many ask for, as a month, and whose path is given
    back: the next account writes the same file.

    Write to a file of this request (`tempfile.NamedTemporaryFile`, a name with `uuid4()` in it), or hold a lock until it
    has been read. A file that is only kept, as settings are, is left alone.
    """
    for scope in _serving(analysis):
        for each in _writes(analysis, scope):
            read = _read(analysis, each, scope)
            if read is None or analysis.once(Interleaving).locked(scope, each.line):
                continue
            shown = written(each.path, scope)
            by = written(read.callee, scope)
            message = f"`{shown}` is one file for all: others may write it before `{by}` reads what this request has brought"
            step = Step(scope.module.path, read.line, f"`{by}` is given the same path")
            mend = Mend("write to a file of this request: `tempfile.NamedTemporaryFile()`")
            at = each.call
            yield Sighting(scope, at.line, at.column, at.end_line, message, (*each.origin.steps, step), mend)
    yield from _named_for_all(analysis)


def _named_for_all(analysis: Analysis) -> Iterator[Sighting]:
    """`(OUT / f"{month}.csv").write_text(rows_of(account_id, month))`, whose path is given back: of which account is it?"""
    keyed, serving = analysis.once(Keyed), analysis.once(Serving)
    for scope, _, call in analysis.calls_of("write_text", "write_bytes"):
        if call.callee[0] != "attribute" or not call.arguments or scope not in serving or scope.module.in_tests:
            continue
        path = call.callee[1]
        told = [each.name for each in scope.facts.parameters if each.name in WHOM]
        if not told or not _is_given_back(path, scope) or not _is_of_many(path, scope):
            continue
        whose = keyed.whose(call.arguments[0], scope, call.line)
        if whose is None or whose[0] not in told:
            continue
        message = f"`{written(path, scope)}` is one file for all who ask for the same: its name does not hold `{whose[0]}`"
        mend = Mend(f"put `{whose[0]}` into the name of the file")
        yield Sighting(scope, call.line, call.column, call.end_line, message, (whose[1], *serving.way(scope)), mend)


def _is_given_back(path: Expression, scope: FunctionSymbol) -> bool:
    """Whoever asks is told where the file is: `return {"path": str(path)}`."""
    return any(path in within(each.value, scope) for each in scope.facts.returned)


def _is_of_many(path: Expression, scope: FunctionSymbol) -> bool:
    """All that the path has of the call is what many ask for, such as a month, or today."""
    if is_new_each_time(path, scope):
        return False
    parts = leaves(path, scope)
    told = [part[1] for part in parts if part[0] == "name" and part[1] in scope.bound]
    today = any(call.callee == TODAY for call in scope.facts.calls)
    known = all(
        part[0] == "name" or (part[0] == "attribute" and part[1][0] == "name" and part[1][1] not in scope.bound)
        for part in parts
    )
    many = all(name in scope.parameters and not scope.assigned.get(name) and OF_MANY.search(name) for name in told)
    return known and many and (bool(told) or (today and ("name", "date") in parts))


def _serving(analysis: Analysis) -> Iterator[FunctionSymbol]:
    """The functions that open or write files for whoever is served."""
    seen: set[FunctionSymbol] = set()
    for scope, _, _ in analysis.calls_of(*OPENING, *WHOLE):
        if scope not in seen and not scope.module.in_tests and scope.facts.sort not in (TOP, BODY):
            seen.add(scope)
            if answers_each(analysis, scope):
                yield scope


def _writes(analysis: Analysis, scope: FunctionSymbol) -> Iterator[_Written]:
    origins, program = analysis.once(Origins), analysis.program
    for index, call in enumerate(scope.facts.calls):
        name = last_name(call.callee)
        if name in OPENING and _is_for_writing(call):
            path: Expression | None = call.arguments[0]
            given = [(each, one.line) for one in _written_into(("call", index), scope) for each in one.given]
        elif name in WHOLE and call.callee[0] == "attribute":
            path = _path_of(call)
            given = [(each, call.line) for each in (*call.given, call.callee[1]) if each != path]
        else:
            continue
        if path is None or not is_fixed(path, scope, program):
            continue
        brought = (origins.of(each, scope, line) for each, line in given)
        origin = next((each for each in brought if each is not None), None)
        if origin is not None:
            yield _Written(path, call, call.line, origin)


def _is_for_writing(call: CallSite) -> bool:
    mode = dict(call.keywords).get("mode", call.arguments[1] if len(call.arguments) > 1 else None)
    return bool(call.arguments) and mode is not None and mode[0] == "string" and mode[1][:1] in ("w", "x")


def _path_of(call: CallSite) -> Expression | None:
    """`upload.save(path)`, `cv2.imwrite(path, image)`, `path.write_bytes(data)`."""
    if last_name(call.callee) in ("write_bytes", "write_text"):
        place: Expression = call.callee[1]
        return place
    return call.arguments[0] if call.arguments else None


def _written_into(opened: Expression, scope: FunctionSymbol) -> Iterator[CallSite]:
    """What is written into a file that is opened here: by its methods, or by what is given it."""
    names = {each.target for each in scope.facts.assignments if opened in within(each.value, scope)}
    for call in scope.facts.calls:
        if last_name(call.callee) in WRITING:
            place = call.callee[1] if call.callee[0] == "attribute" else None
            if place in names or any(each in names for each in call.given):
                yield call


def _read(analysis: Analysis, done: _Written, scope: FunctionSymbol) -> CallSite | None:
    """A call below that is given the same path, where others have had their turn, or run in threads beside this one."""
    interleaving = analysis.once(Interleaving)
    around = [each for each in scope.facts.blocks if each.what.startswith("with") and each.head == done.line]
    # Plain functions that a framework calls for several users at once run beside one another, whatever they do.
    in_threads = scope.facts.sort == PLAIN and analysis.once(Serving).entry(scope).function.facts.sort == PLAIN
    behind = max([each.end_line for each in around], default=done.line)
    for call in scope.facts.calls:
        if call.line < done.line or call is done.call or last_name(call.callee) in LOOKING | WRITING:
            continue
        if call.line <= behind and around:
            continue
        if last_name(call.callee) in OPENING and _is_for_writing(call):
            continue
        places = (call.callee[1:2] if call.callee[0] == "attribute" else ()) + call.given
        if any(_is_within(done.path, each, scope) for each in places) and (
            in_threads or interleaving.between(scope, done.line - 1, call.end_line) is not None
        ):
            return call
    return None


def _is_within(path: Expression, given: Expression, scope: FunctionSymbol) -> bool:
    """The same path, or one that is made of the same parts once more."""
    if path[0] != "call":
        return path in within(given, scope)
    return any(part[0] == "call" and written(part, scope) == written(path, scope) for part in within(given, scope))
