"""E101."""

import re
from collections.abc import Iterator
from typing import Final

from netra.guard.accessor import Accessor
from netra.guard.analysis import Analysis
from netra.guard.environment import Access, Touch, outside
from netra.guard.faults import CERTAIN, LIKELY, Mend, Sighting
from netra.guard.holdings import Bypass, Holdings
from netra.guard.keepers import Keepers
from netra.guard.keeping import SECRET
from netra.guard.nameless import nameless_reads
from netra.guard.ownership import ClearOwners
from netra.guard.reporting import of_access, past_owner
from netra.guard.rule import rule
from netra.guard.settings import top_of
from netra.guard.values import Step

# Switches that are there for tests: whoever reads one elsewhere meant to.
OF_TESTS: Final = re.compile(r"(?:^|_)TEST(?:S|ING)?(?:_|$)")


@rule("E101", "environment-read", owned=True, hesitant=True)
def environment_read(analysis: Analysis) -> Iterator[Sighting]:
    """A module reads a variable of the process environment that another module owns.

    Settings that are read in one place are checked once, at the start, and can be listed, documented and replaced in a test. A
    `os.getenv` somewhere below is found when the request gets there, with a default that nobody knows of.

    ```python
    # app/config.py
    class Settings(BaseSettings):
        stripe_key: str


    # app/billing.py
    key = os.environ.get("STRIPE_KEY", "")  # E101: empty here, and refused there
    ```

    Every spelling counts: `os.environ[…]`, `.get`, `in`, `os.getenv`, `from os import environ as e`, another name for any of
    them, and `os.environ.get` that is handed on as a function.

    With `owner = ["app.config"]` in the configuration, every read outside the owner is reported. Without it, guard reports what
    it can show: a variable that a field of `BaseSettings`, a module called `config`, `settings` or `env`, or a class called
    `Settings` or `Config` reads as well; and, in a program that serves somebody and holds nearly all its settings in such
    places, those that it does not hold. Left alone are then what stands in for an argument that was left out, what a library
    or a platform calls its own, keys of providers of which the program holds none, and variables that the program itself sets.
    Tests, scripts and facts about the machine (`HOME`, `PATH`, `NO_COLOR`, …) are always left alone.

    Guard is certain of code that a server runs, where the module could have asked. The owner keeps the value under a name that
    others can use (of a module, of an object that is made once, of what Django hands out), and the module cannot run without
    the owner. Or the owner holds at least nine in ten settings of the program, and the module asks it for others; or it holds
    all but three in a hundred, and comes up with the module in one server. Or a module or package called `config`, `settings`,
    `env` or the like, one with a class of settings, or one that is made of what it reads, asks for at least two variables,
    itself, by functions that are given the name (`env("LIMIT")`) or by a library, and the module imports it; where the variable
    is the owner's, or begins as the program's own do (`APP_LIMIT`), or the module is asked when both are in one process, that
    is enough. Where more modules read for themselves than know of the owner, and they ask for more than it does, it is none.
    Where more than a dozen modules read settings beside it, that is the custom of the program, and nothing is certain. Where
    the owner holds half of the settings or less, only what it holds too is certain, a secret, and what a request ends without.
    The settings of one part of a program (`app.mail.config`) are those of that part.

    There guard is certain, too, where no name stands: a way in that is handed out (`get=os.environ.get`), a name that is put
    together, what the kernel shows. And, with an owner or without, where a user or a model names the variable that it gets.

    Likely at most is what is read while a module is imported that does not itself ask the owner by then, or whose owner is
    filled when the server starts (`config.SETTINGS.initialize()`), what a module reads that imports nothing of its program or
    is called one of settings itself (`server_config`), a variable that the program writes or that is one of several for a
    setting, where a provider is found, what goes before the owner's own value (`os.getenv("KEY") or settings.key`), and what a
    command reads.

    With `accessor = "app.config.get_env"` a finding says to ask that, and `--fix` does it where nothing changes by it: where
    the code of the accessor shows that it gives, or raises, for a missing variable what was given or raised, and where its
    module can be imported without a circle. It adds the import; an `import os` that nobody needs any more stays.
    """
    if analysis.configuration.owner:
        for access, owners in outside(analysis, Touch.READ):
            what = f"`{access.variable}`" if access.variable else "a variable"
            yield of_access(analysis, access, owners, f"{what} is read from the environment outside `{owners.named}`")
    else:
        passed = {each.access: each for each in analysis.once(Keepers).bypasses()}
        for bypass in analysis.once(Holdings).bypasses():
            kept = passed.pop(bypass.access, None)
            sure = kept is not None or analysis.once(ClearOwners).is_passed(bypass)
            told = kept if kept is not None and bypass.setting is None else bypass
            sure = sure and not analysis.once(Keepers).is_custom and _matters(analysis, told)
            yield _sighting(told, analysis.once(Accessor).mend(bypass.access), CERTAIN if sure else LIKELY)
        for bypass in passed.values():
            sure = _matters(analysis, bypass)
            mend = analysis.once(Accessor).mend(bypass.access)
            yield _sighting(bypass, mend, CERTAIN if sure else LIKELY, "the program's settings")
        for each in nameless_reads(analysis):
            if each.owner is not None:
                yield past_owner(each.access, each.owner, each.message, CERTAIN)
            else:
                place = (each.access.scope, each.access.line, each.access.column, each.access.end_line)
                yield Sighting(*place, each.message, (), Mend("let them choose among the few that they may see"), CERTAIN)


def _matters(analysis: Analysis, bypass: Bypass) -> bool:
    """The owner holds the variable too, so that the two may disagree; it is a secret, or a request ends without it; or the
    owner holds most others.

    Of an owner that holds a few settings of many nobody can say that it was meant to hold this one as well.
    """
    access = bypass.access
    if OF_TESTS.search(access.variable):
        return False
    if bypass.setting is not None or SECRET.search(access.variable):
        return True
    if access.mention.where[0] == "subscript" and not _is_asked_before(access) and analysis.reach.path_to(access.scope):
        return True
    django = analysis.once(Keepers).of_django
    if top_of(access.module) != top_of(bypass.owner) and (django is None or django.place is not bypass.owner):
        return False  # the settings of a library that lies beside the server need not be those of the server
    return analysis.once(Holdings).holding_of(access.module) is not None or analysis.once(Keepers).hold_most(access.module)


def _is_asked_before(access: Access) -> bool:
    """`if "NODE" in os.environ: return os.environ["NODE"]`"""
    blocks = access.scope.facts.blocks
    return any(
        ("string", access.variable) in each[1]
        for block in blocks
        if block.what == "if" and block.line <= access.line <= block.end_line
        for each in block.expressions
        if each[0] == "compare"
    )


def _sighting(bypass: Bypass, asked: Mend | None, sure: str, others: str = "the other settings") -> Sighting:
    access, owner, setting = bypass.access, bypass.owner.name, bypass.setting
    message = f"`{access.variable}` is read from the environment past `{owner}`, which holds "
    if setting is None:
        message += others
        why = (Step(bypass.owner.path, 1, f"`{owner}` is where {others} are read"),)
    else:
        message += f"it as `{setting.name}`" if setting.name else "it as well"
        why = (Step(bypass.owner.path, setting.line, f"`{owner}` gets `{access.variable}` here"),)
    mend = asked or Mend(f"take it from `{owner}`" if setting else f"read it in `{owner}` and hand the value on")
    place = (access.scope, access.line, access.column, access.end_line)
    return Sighting(*place, message, why, mend, sure)
