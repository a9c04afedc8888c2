"""Lines on which somebody has told another checker to be silent, about the very thing that guard would report."""

import re
from typing import Final

CALL: Final = "call"
MEMBER: Final = "member"
NAME: Final = "name"
AWAIT: Final = "await"
BLOCKING: Final = "blocking"
OVERRIDE: Final = "override"

# How type checkers and linters name what guard sees as well: mypy, pyright, ty, pyrefly, pylint, ruff.
SUBJECTS: Final = {
    **dict.fromkeys(
        """call-arg reportCallIssue unexpected-keyword-arg no-value-for-parameter too-many-function-args unknown-argument
        missing-argument too-many-positional-arguments unexpected-keyword bad-argument-count""".split(),
        CALL,
    ),
    **dict.fromkeys(
        """attr-defined union-attr reportAttributeAccessIssue no-member unresolved-attribute missing-attribute
        no-name-in-module reportOptionalMemberAccess""".split(),
        MEMBER,
    ),
    **dict.fromkeys(
        """name-defined used-before-def F821 F822 F823 undefined-variable used-before-assignment
        possibly-used-before-assignment reportUndefinedVariable
        unresolved-reference unbound-name unknown-name""".split(),
        NAME,
    ),
    **dict.fromkeys("invalid-await not-async".split(), AWAIT),
    **dict.fromkeys(
        """override W0236 invalid-overridden-method reportIncompatibleMethodOverride bad-override
        invalid-method-override""".split(),
        OVERRIDE,
    ),
    **dict.fromkeys("ASYNC210 ASYNC212 ASYNC220 ASYNC221 ASYNC222 ASYNC230 ASYNC250 ASYNC251".split(), BLOCKING),
}
WAIVING: Final = re.compile(
    r"#\s*(?:(?:type|pyright|ty|pyrefly):\s*ignore\[([^\]\n]*)\]|noqa:?\s*([A-Z]+[0-9]+(?:[ ,]+[A-Z]+[0-9]+)*)"
    r"|pylint:\s*disable=\(?([\w, -]+))"
)


def waivers(text: str) -> tuple[tuple[int, str], ...]:
    """Each line with what it is not to be reported for, of `SUBJECTS`. A bare `# type: ignore` says nothing."""
    found: dict[tuple[int, str], None] = {}
    line, before = 1, 0
    for match in WAIVING.finditer(text):
        line += text.count("\n", before, match.start())
        before = match.start()
        for code in re.split(r"[ ,]+", match[1] or match[2] or match[3]):
            if code in SUBJECTS:
                found[line, SUBJECTS[code]] = None
    return tuple(found)
