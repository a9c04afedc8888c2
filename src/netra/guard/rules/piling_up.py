"""S114."""

from collections.abc import Iterator
from typing import Final

from netra.guard.analysis import Analysis
from netra.guard.faults import Mend, Sighting
from netra.guard.meaning.expressions import within
from netra.guard.requests.limits import is_limited
from netra.guard.requests.living import living
from netra.guard.requests.origins import Origins
from netra.guard.requests.serving import Serving
from netra.guard.requests.sharing import Sharing, Write
from netra.guard.requests.storing import Storing
from netra.guard.rule import rule
from netra.guard.symbols import FunctionSymbol

# What makes a list longer each time. A set of what was seen has only so many members, and most are kept on purpose.
LENGTHENING: Final = frozenset("append insert extend appendleft".split())


@rule("S114", "piling-up")
def piling_up(analysis: Analysis) -> Iterator[Sighting]:
    """A list that all requests share gets longer with each of them, and nothing ever makes it shorter.

    It holds what everybody has asked, said or done, for as long as the process lives, and whoever reads it reads that.

    ```python
    searches = []


    @app.get("/search")
    async def search(q: str):
        searches.append(q)  # S114
        return await find(q)
    ```

    Keep it in the database with the user it belongs to, or in a `deque(maxlen=…)` that nobody else is shown. A list that is
    emptied, cut or handed on as a whole anywhere is left alone, and so is one that is only added to where it lacks something.
    """
    sharing = analysis.once(Sharing)
    origins = analysis.once(Origins)
    told = ((write, keeping.function, keeping.line, keeping.column) for write, keeping in analysis.once(Storing).told)
    direct = ((write, write.scope, write.line, write.column) for write in sharing.writes)
    seen: set[tuple[FunctionSymbol, int]] = set()
    for write, scope, line, column in (*direct, *told):
        if not _lengthens(write) or (scope, line) in seen or not sharing.is_list(write.slot) or sharing.is_emptied(write.slot):
            continue
        origin = origins.of(write.value, write.scope, write.line)
        if origin is None or _is_said_of_handlers(analysis, write) or _lacks(write, sharing) or is_limited(write, sharing):
            continue
        seen.add((scope, line))
        message = f"`{write.slot.name}` is shared and gets longer with every request: nothing ever takes out what is added here"
        why = (*origin.steps, write.slot.step, *(() if origin.steps else analysis.once(Serving).way(write.scope)))
        mend = Mend("keep it where its user is known, or in a `deque` with a limit")
        yield Sighting(scope, line, column, line, message, why, mend)


def _lengthens(write: Write) -> bool:
    """All of what is there gets longer, and not what lies under a key."""
    return write.key is None and (write.how in LENGTHENING or (write.how == "augmented" and write.value[0] == "list"))


def _is_said_of_handlers(analysis: Analysis, write: Write) -> bool:
    """It is of one person, or waits for what others say, and S104 speaks of it."""
    held = analysis.once(Origins).held(write.value, write.scope, write.line)
    return (held is not None and held.personal) or bool(living(analysis, write.value, write.scope))


def _lacks(write: Write, sharing: Sharing) -> bool:
    """`if word not in words: words.append(word)`: as long as there are words."""
    around = (each for each in write.scope.facts.blocks if each.what == "if" and each.line <= write.line <= each.end_line)
    tested = (part for block in around for test in block.expressions for part in within(test, write.scope))
    places = (sharing.slot(part, write.scope) for part in tested if part[0] in ("name", "attribute"))
    return any(slot is not None and slot.key == write.slot.key for slot in places)
