"""Variables that a shell puts into the text that the program has it run: the shell inherits the environment of the program.

subprocess.run('tar cf "$APP_ARCHIVE/all.tar" .', shell=True)
"""

import re
from collections.abc import Iterator
from typing import Final

from netra.guard.analysis import Analysis
from netra.guard.database.statements import Statements
from netra.guard.environment import Access, Touch
from netra.guard.facts import CallSite, Expression, Mention, last_name
from netra.guard.requests.shells import ASKED_FOR_A_SHELL, ShellText, shell_texts
from netra.guard.symbols import FunctionSymbol

# What a shell does not look into; what it does; and what it puts something in the place of.
PARTS: Final = re.compile(r"'[^']*'|(?P<quote>\")|\\.|\$\{?(?P<name>[A-Z][A-Z0-9_]*)\b", re.DOTALL)
# The same within double quotes, where an apostrophe is one.
QUOTED: Final = re.compile(r"(?P<quote>\")|\\.|\$\{?(?P<name>[A-Z][A-Z0-9_]*)\b", re.DOTALL)

# A text that gives the variable a value itself.
GIVEN: Final = r"(?:\b(?:read|for|local|declare)\s+(?:-\w+\s+)*{0}\b|\b{0}=)"

SHELL: Final = re.compile(r"(?:/(?:usr/)?bin/)?(?:ba|da|z)?sh")


def shell_reads(analysis: Analysis) -> Iterator[Access]:
    """Each variable, named where the text is written down, that a shell on this machine asks its inherited environment for."""
    statements = analysis.once(Statements)
    for each in analysis.once(shell_texts):
        scope, call = each.scope, each.call
        if each.below or "env" in dict(call.keywords) or not _is_here(each):
            continue
        written = "".join(piece.text if piece.value is None else " ? " for piece in statements.parts(each.text, scope))
        for name in dict.fromkeys(_asked_for(written)):
            if re.search(GIVEN.format(name), written) is None:
                yield _access(scope, call, name)


def _asked_for(text: str) -> Iterator[str]:
    """The variables that a shell puts in: none in single quotes, and none behind a backslash."""
    at, quoted = 0, False
    while (found := (QUOTED if quoted else PARTS).search(text, at)) is not None:
        at = found.end()
        if found["quote"]:
            quoted = not quoted
        elif found["name"]:
            yield found["name"]


def _is_here(each: ShellText) -> bool:
    """The shell is one of this machine: `shell=True`, `create_subprocess_shell`, `sh -c`, and nothing over SSH."""
    given = dict(each.call.keywords)
    first = each.call.arguments[0] if each.call.arguments else given.get("args", given.get("cmd"))
    listed: tuple[Expression, ...] = first[1] if first is not None and first[0] in ("list", "tuple") else each.call.arguments
    if listed and listed[0][0] == "string" and SHELL.fullmatch(str(listed[0][1])):
        return each.text in listed
    return each.text in each.call.given and (last_name(each.call.callee) not in ASKED_FOR_A_SHELL or "shell" in given)


def _access(scope: FunctionSymbol, call: CallSite, name: str) -> Access:
    mention = Mention(call.callee, ("called",), call.line, call.column)
    return Access(scope, Touch.EXPAND, name, None, call.line, call.column, call.end_line, mention)
