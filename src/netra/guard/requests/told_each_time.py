"""What is kept for all and told with every call for whom: `client = client_of(gateway)`, and then `client.teams(user)`.

Whoever is named by the lines that lead to it was asked whether they may have it, or for their settings: it is nobody's own.
"""

from netra.guard.requests.serving import WHOM
from netra.guard.requests.sharing import Write
from netra.guard.requests.whose import names_within


def is_told_each_time(write: Write) -> bool:
    """The function that has a value kept by a call tells what it is given there for whom, with the next one."""
    scope = write.scope
    place = (write.line, write.column, write.end_line)
    kept = write.value[1] if write.value[0] == "tuple" else (write.value,)
    # `memory().answer(user)` begins where `memory()` does.
    keeping = [
        number
        for number, each in enumerate(scope.facts.calls)
        if (each.line, each.column, each.end_line) == place and any(given in kept for given in each.given)
    ]
    values = [value for number in keeping for value in (("call", number), ("await", ("call", number)))]
    places = values + [each.target for each in scope.facts.assignments if each.value in values and each.target[0] == "name"]
    whose = names_within(write.value, scope) & WHOM
    return any(
        each.callee[0] == "attribute"
        and each.callee[1] in places
        and any(given[0] == "name" and given[1] in whose for given in each.given)
        for each in scope.facts.calls
    )
