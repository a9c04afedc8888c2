"""A115."""

from collections.abc import Iterator
from typing import Final

from netra.guard.analysis import Analysis
from netra.guard.facts import ASYNC, PLAIN, last_name
from netra.guard.faults import Mend, Sighting
from netra.guard.meaning.kinds import TRANSPARENT
from netra.guard.meaning.registering import decorations
from netra.guard.rule import rule
from netra.guard.symbols import External
from netra.guard.values import CoroutineOf, Step

# What keeps the first answer of a function as it is. `cached_property` of the package of that name makes a task of a coroutine.
KEEPING: Final = frozenset(
    """functools.lru_cache functools.cache functools.cached_property django.utils.functional.cached_property
    werkzeug.utils.cached_property cachetools.cached cachetools.cachedmethod cachetools.func.lru_cache
    cachetools.func.ttl_cache cachetools.func.lfu_cache streamlit.cache_data streamlit.cache_resource""".split()
)
NAMES: Final = frozenset(each.rpartition(".")[2] for each in KEEPING)


@rule("A115", "cached-coroutine")
def cached_coroutine(analysis: Analysis) -> Iterator[Sighting]:
    """A cache keeps the coroutine of a function, and not what awaiting it gives.

    A coroutine can be awaited once. Whoever asks second gets the same one out of the cache, and `RuntimeError: cannot reuse
    already awaited coroutine`; the first test of the function does not show it.

    ```python
    @lru_cache
    async def settings_of(estate: str) -> Settings:  # A115
        return await load(estate)
    ```

    Keep the result, under a lock or as a task that everybody awaits, or use a cache that awaits (`async_lru`, `aiocache`).
    """
    known = analysis.program.once(decorations)
    for scope in dict.fromkeys(scope for name in sorted(NAMES) for scope, _ in known.get(name, ())):
        facts, around = scope.facts, scope.parent
        names = {last_name(each.callee) for each in facts.decorators}
        if facts.sort not in (ASYNC, PLAIN) or facts.yields or around is None or not names <= TRANSPARENT | NAMES:
            continue
        for each in facts.decorators:
            match analysis.program.evaluate(each.callee, around):
                case External(dotted=dotted) if dotted in KEEPING:
                    match analysis.receivers.kinds.bare(scope):
                        case CoroutineOf(chain=chain):
                            name = dotted.rpartition(".")[2]
                            message = f"`{name}` keeps the coroutine of `{scope.name}`, which only the first can await"
                            step = Step(scope.module.path, each.line, f"`{dotted}` keeps what the call gives")
                            mend = Mend("keep the result or a task, or use a cache that awaits (`async_lru`, `aiocache`)")
                            yield Sighting(scope, facts.line, facts.column, facts.line, message, (*chain, step), mend)
                            break
