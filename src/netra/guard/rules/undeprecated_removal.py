"""M205."""

from collections.abc import Iterator, Set
from typing import Final

from netra.guard.analysis import Analysis
from netra.guard.faults import LIKELY, Mend, Sighting
from netra.guard.members.presence import class_has
from netra.guard.program import Program
from netra.guard.revisions.comparison import Comparison, Named, comparison, members_of
from netra.guard.revisions.departures import departures, described, steps
from netra.guard.revisions.surface import promised, warns
from netra.guard.rule import rule
from netra.guard.source.revision import Past
from netra.guard.symbols import ClassSymbol, FunctionSymbol
from netra.guard.values import Step

MEND: Final = Mend("bring it back with a DeprecationWarning, and let it go one minor version later")


@rule("M205", "undeprecated-removal")
def undeprecated_removal(analysis: Analysis) -> Iterator[Sighting]:
    """A public name left without a deprecation: who uses the program as a library learns of it from an error.

    A public name may leave once the last release of an earlier minor version warned of it: by `@deprecated`, by
    `warnings.warn(…, DeprecationWarning)` in the function, in the constructor of the class, or in the `__getattr__` of the
    module. It is found only with `--since REV` or `--since-release`. Releases are the tags `v1.2.3` or `1.2.3`; the version
    that is being made is that of pyproject.toml.

    ```python
    __all__ = ["current_plan"]  # M205: `plan_of` was here, and no release has warned of its end
    ```

    Public is what `[tool.netra-guard] public = ["pkg.api"]` names; without it, what an `__all__` lists and what the `__init__`
    of a package takes from its own modules, with the methods and fields of the classes among them. A name that the program
    itself still uses is found by M201 or M202 instead.
    """
    compared = analysis.once(comparison)
    if compared is None or analysis.past is None:
        return
    told = {each.gone.full_name for each in analysis.once(departures)}
    found: dict[str, list[Named]] = {}
    for each in promised(compared.then, analysis.configuration.public):
        gone = _gone(compared, each)
        if gone is not None and gone.full_name not in told and not _may_leave(analysis, each):
            found.setdefault(gone.full_name, []).append(each)
    for full_name, names in found.items():
        gone = compared.gone[full_name]
        scope, line = _where(compared, gone)
        first = names[0]
        was = Step(first.module.path, first.line, f"{described(first)} was here at {analysis.past.named}")
        others = f" with {len(names)} public names" if gone.what == "module" and len(names) > 1 else ""
        yield Sighting(
            scope,
            line,
            0,
            line,
            f"{described(gone)} left{others}, and no release of an earlier minor version warned of it",
            (was,),
            MEND,
            LIKELY,
        )
    yield from _of_handed_on(analysis, compared, analysis.past, told | found.keys())


def _of_handed_on(analysis: Analysis, compared: Comparison, past: Past, known: Set[str]) -> Iterator[Sighting]:
    """What left the classes that a package hands on from its own modules: a class is public by any of its names."""
    told = set(known)
    for each in promised(compared.then, analysis.configuration.public):
        module, before = compared.now.modules.get(each.module.name), each.symbol
        if module is None or not isinstance(before, ClassSymbol) or before.module is each.module:
            continue
        today = compared.now.member(module, each.name)
        if not isinstance(today, ClassSymbol) or today.module.library:
            continue
        lost = [
            one
            for one in members_of(compared.then, before)
            if not one.name.startswith("_")
            and (one.name in before.methods or one.name in before.body.assigned)
            and one.full_name not in told
            and not class_has(compared.now, today, one.name)
            and not _may_leave(analysis, one)
        ]
        if lost:
            told.update(one.full_name for one in lost)
            what = described(lost[0]) if len(lost) == 1 else f"{len(lost)} public names of `{each.full_name}`"
            yield Sighting(
                today.body,
                today.facts.line,
                0,
                today.facts.line,
                f"{what} left, and no release of an earlier minor version warned of it",
                steps((one.module.path, one.line, f"{described(one)} was here at {past.named}") for one in lost),
                MEND,
                LIKELY,
            )


def _gone(compared: Comparison, each: Named) -> Named | None:
    """The change by which a name is gone: its own, or that of its module or class; None when it is there."""
    own = compared.gone.get(each.full_name)
    if own is not None and own.what != "module":  # a package may hand on a name that one of its modules has as well
        return own
    above = compared.gone.get(each.owner.full_name) if each.owner is not None else None
    above = above or compared.gone.get(each.module.name)
    return None if above is None else compared.outermost(above)


def _may_leave(analysis: Analysis, each: Named) -> bool:
    """It was in no release, or one that counts has warned of its end."""
    past = analysis.past
    assert past is not None
    released = past.released.modules.get(each.module.name)
    if released is None or not _is_in(past.released, each):
        return True
    return past.settled is not None and warns(past.settled, each)


def _is_in(program: Program, each: Named) -> bool:
    module = program.modules[each.module.name]
    if each.owner is None:
        return each.name in module.top.bound
    return any(kind.facts.qualified == each.owner.facts.qualified for kind in module.classes)


def _where(compared: Comparison, gone: Named) -> tuple[FunctionSymbol, int]:
    """Where it is missing: the head of its class, the `__all__` of its module, or the nearest package that is there."""
    if gone.owner is not None and (kind := compared.class_today(gone.owner)) is not None:
        return kind.body, kind.facts.line
    name = gone.module.name
    while name:
        module = compared.now.modules.get(name)
        if module is not None and not module.library:
            listed = module.top.assigned.get("__all__")
            return module.top, listed[0].line if listed else 1
        name = name.rpartition(".")[0]
    return compared.now.own[0].top, 1
