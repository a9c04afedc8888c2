"""How a call of a tool ended, in the words in which everybody outside of this process is told.

Over HTTP and over MCP it is the same answer; an agent is told the same by the error that it catches, whose `failure` has the
same code, message and `permission_info`.
"""

from collections.abc import Mapping
from typing import Any

from netra.errors import NetraError, Unauthenticated, Unavailable
from netra.tools.gate import PermissionDenied, RateLimited, ToolCaller
from netra.tools.toolbox import Toolbox


async def call_and_answer(toolbox: Toolbox, caller: ToolCaller, name: str, arguments: Mapping[str, Any]) -> dict[str, Any]:
    """Call a tool, and say how it ended: a `status`, with a `result`, or with an `error` and why it was refused.

    Raises what is no answer of the tool: `UnknownTool`, `InvalidInput` for its arguments, `Unauthenticated`, `Unavailable`.
    """
    toolbox[name].read(arguments)
    try:
        return {"status": "success", "result": await toolbox.call(caller, name, arguments)}
    except (PermissionDenied, RateLimited) as refused:
        return {
            "status": refused.code,
            "error": {"code": refused.code, "message": refused.detail},
            "permission_info": refused.extra["permission_info"],
            "retry_after": refused.retry_after if isinstance(refused, RateLimited) else None,
        }
    except (Unauthenticated, Unavailable):
        raise
    except NetraError as failed:
        return {"status": "error", "error": {**failed.extra, "code": failed.code, "message": failed.detail}}
