"""Whether a server of the model context protocol serves one client only: the process that has started it, over its pipes."""

from typing import Final

from netra.guard.analysis import Analysis
from netra.guard.facts import CallSite
from netra.guard.meaning.makers import maker
from netra.guard.program import Program
from netra.guard.symbols import FunctionSymbol

OF_MCP: Final = frozenset({"mcp", "fastmcp"})

# What begins to serve over the standard input, and what makes an application or a session for clients on a network.
STDIO: Final = frozenset({"stdio_server", "run_stdio_async"})
NETWORK: Final = frozenset(
    """streamable_http_app sse_app http_app run_sse_async run_http_async run_streamable_http_async SseServerTransport
    StreamableHTTPSessionManager StreamableHTTPServerTransport create_streamable_http_app create_sse_app""".split()
)


def is_for_one_client(analysis: Analysis, scope: FunctionSymbol) -> bool:
    """Only tools of a server lead to it that serves the process that has started it."""
    entries = [each for each in analysis.reach.routes_to(scope) if each.serves]
    return bool(entries) and all(each.label.startswith("MCP ") for each in entries) and analysis.program.once(speaks_stdio_only)


def speaks_stdio_only(program: Program) -> bool:
    """Every way in which the program starts such a server is known, and is for the process that has started it."""
    if any(program.calls_named.get(name) for name in NETWORK):
        return False
    started = [
        _is_stdio(call)
        for scope, _, call in program.calls_of(("run", "run_async"))
        if not scope.module.in_tests and _is_of_mcp(program, scope, call)
    ]
    return all(started) and (bool(started) or any(program.calls_named.get(name) for name in STDIO))


def _is_of_mcp(program: Program, scope: FunctionSymbol, call: CallSite) -> bool:
    return call.callee[0] == "attribute" and maker(call.callee[1], scope, program) in OF_MCP


def _is_stdio(call: CallSite) -> bool:
    """`server.run()` and `server.run("stdio")`; a low-level server is run on the streams that it is given."""
    if len(call.arguments) > 1 or any(name == "**" for name, _ in call.keywords):
        return len(call.arguments) > 1
    given = [*call.arguments, *(value for name, value in call.keywords if name == "transport")]
    return all(each == ("string", "stdio") for each in given)
