"""What a server calls by its shape alone: middleware of ASGI, WSGI and Django, and the resources of Falcon.

Nothing is derived from a class of a library there, and nothing decorated. One object of each class answers everybody.
"""

from collections.abc import Iterator
from typing import Final

from netra.guard.entries.sorts import LISTENER, VERBS
from netra.guard.facts import ASYNC, PLAIN
from netra.guard.program import Program, imported_packages
from netra.guard.symbols import FunctionSymbol

CALLED: Final = frozenset({("self", "scope", "receive", "send"), ("self", "environ", "start_response")})
AROUND: Final = "every request"
OF_DJANGO: Final = frozenset(
    "__call__ __acall__ process_request process_view process_response process_exception process_template_response".split()
)
RESOURCE: Final = "falcon"
OF_FALCON: Final = frozenset("process_request process_resource process_response process_request_ws process_resource_ws".split())
ANSWERING: Final = frozenset(f"on_{verb}" for verb in VERBS)


def shaped(program: Program) -> Iterator[tuple[FunctionSymbol, str, str]]:
    """Each function that is called so: with its sort and its label."""
    packages = program.once(imported_packages)
    for module in program.own:
        for kind in () if module.in_tests else module.classes:
            for method in kind.methods.get("__call__", ()):
                if tuple(method.parameters) in CALLED:
                    yield method, LISTENER, AROUND
            making = kind.methods.get("__init__", ())
            if "django" in packages and any("get_response" in each.parameters for each in making):
                for name in sorted(OF_DJANGO & kind.methods.keys()):
                    yield kind.methods[name][0], LISTENER, AROUND
            if RESOURCE in packages:
                for name in sorted(ANSWERING & kind.methods.keys()):
                    if tuple(kind.methods[name][0].parameters)[:3] == ("self", "req", "resp"):
                        yield kind.methods[name][0], LISTENER, f"{RESOURCE} {name.removeprefix('on_').upper()} {kind.name}"
                for name in sorted(OF_FALCON & kind.methods.keys()):
                    if tuple(kind.methods[name][0].parameters)[:2] == ("self", "req"):
                        yield kind.methods[name][0], LISTENER, f"{RESOURCE} {name} {kind.name}"
    if "django" in packages:
        for scope in program.scopes:
            if scope.facts.sort == PLAIN and tuple(scope.parameters) == ("get_response",) and not scope.module.in_tests:
                for each in scope.children:
                    if each.facts.sort in (PLAIN, ASYNC) and tuple(each.parameters) == ("request",):
                        yield each, LISTENER, AROUND
