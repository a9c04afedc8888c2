"""How a rule is made: a function that yields what it sees, under a decorator that gives it a code and a name.

    @rule("A101", "unawaited-coroutine")
    def unawaited_coroutine(analysis: Analysis) -> Iterator[Sighting]:
        '''A coroutine is made and nothing ever awaits it. … (the rule's page)'''

The docstring is the page that `netra guard explain A101` prints and that docs/rules/A101.md holds; its first sentence is the
summary. The rule's specification, `tests/guard/specs/A101.md`, is executed. A file in `rules/` is all that a new rule needs.
"""

import inspect
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

from netra.guard.analysis import Analysis
from netra.guard.faults import Sighting

Check = Callable[[Analysis], Iterator[Sighting]]

FAMILIES: Final = {
    "A": "await: coroutines, generators and context managers that are not used as what they are",
    "D": "database: sessions and connections that outlive their unit of work",
    "E": "environment: settings read past the module that owns them",
    "G": "guard: files that it cannot read, and what is said to it",
    "M": "members: names that nothing defines",
    "S": "shared state: what one user leaves for another",
    "T": "tests that cannot fail",
}


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule. `default`: it runs unless somebody switches it off; a rule that is often wrong is off by default.

    `owned`: one that is off by default is on where somebody has said which modules own the environment.
    `hesitant`: what it only takes for likely is often wrong, and is told to those who select the rule.
    """

    code: str
    name: str
    page: str
    default: bool
    owned: bool
    hesitant: bool
    check: Check

    @property
    def summary(self) -> str:
        return " ".join(self.page.split("\n\n")[0].split())

    @property
    def switched(self) -> str:
        """What a list of rules says behind its name."""
        return (" (only what is certain by default)" if self.hesitant else "") if self.default else " (off by default)"


RULES: Final[dict[str, Rule]] = {}
"""Every rule by its code, once `rules.load()` has run."""


def rule(
    code: str, name: str, *, default: bool = True, owned: bool = False, hesitant: bool = False
) -> Callable[[Check], Check]:
    """Make a function a rule."""

    def register(check: Check) -> Check:
        assert code not in RULES or RULES[code].name == name, f"{code} is taken by {RULES[code].name}"
        RULES[code] = Rule(code, name, inspect.cleandoc(check.__doc__ or ""), default, owned, hesitant, check)
        return check

    return register
