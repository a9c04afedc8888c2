"""Who is compared, each with its defaults and with what its own documentation says of production."""

from dataclasses import dataclass, field
from typing import Final

AGNO_DOCS: Final = "docs.agno.com/agent-os/security/authorization/user-isolation"
LANGGRAPH_DOCS: Final = "langchain-ai.github.io/langgraph/concepts/auth"
JOINED: Final = (
    "an event that comes twice has the same `id` both times. `langgraph_runtime_inmem.ops.Runs.Stream.join` listens first and "
    "replays then, so what is told in between comes by both ways; a client can drop an event whose `id` it has. The server for "
    "production has another runtime, which was not judged."
)
PYDANTIC_AI: Final = "pydantic-ai-slim 2.68.0, `pydantic_ai.ui.UIAdapter.conversation_scope`"


@dataclass(frozen=True, slots=True)
class Contestant:
    """A server under certain settings."""

    name: str
    settings: str
    """"defaults" or "production"."""
    target: str
    """As `netra prove --target` knows it."""
    command: str
    """What starts it, in the folder of the programs; PORT and DATA stand for what differs each time."""
    words: str
    """The settings, in words."""
    quote: str
    """What its documentation says of them."""
    source: str
    """Where it says so."""
    remark: str = ""
    """What a look into its code has shown of an event that came out of order."""
    lock: str = ""
    """The lock of its environment; "": it runs in ours."""
    packages: tuple[str, ...] = ()
    """Whose versions are told."""
    keyed: bool = False
    """Users show tokens."""
    postgresql: bool = False
    """It is given a PostgreSQL, beside its own folder."""
    path: str = ""
    """Behind the host, what runs are asked of."""
    ready: str = ""
    """What answers with 200 once it serves."""
    environment: dict[str, str] = field(default_factory=dict)

    @property
    def title(self) -> str:
        return f"{self.name}, {self.settings}"


CONTESTANTS: Final[tuple[Contestant, ...]] = (
    Contestant(
        name="Netra",
        settings="defaults",
        target="netra",
        command="netra serve --port PORT --data-dir DATA",
        words="`netra serve` with its own PostgreSQL; only the number of sign-ups that one address may make is raised, because "
        "all users of a proof come from one machine. Isolation has no switch, so there is no other setting to show.",
        quote="identity is fixed when a socket connects; a refresh may only renew the same user",
        source="ARCHITECTURE.md, isolation, wall by wall",
        ready="/health/ready",
        environment={
            "NETRA_REGISTRATIONS_PER_ADDRESS": "1000000",
            "NETRA_LOGIN_ATTEMPTS_PER_ADDRESS": "1000000",
            "NETRA_HOST_RESOLUTION": "off",
        },
    ),
    Contestant(
        name="pydantic-ai AG-UI",
        settings="defaults",
        target="ag-ui",
        command="uvicorn ag_ui_server:app --port PORT --log-level warning",
        words="`AGUIAdapter.dispatch_request(request, agent=agent)`: the server keeps nothing, the client sends the "
        "conversation along, nobody is asked who they are.",
        quote="takes an agent and a Starlette request (e.g. from FastAPI) coming from an AG-UI frontend, and returns a "
        "streaming Starlette response of AG-UI events",
        source="pydantic.dev/docs/ai/integrations/ui/ag-ui",
        lock="ag-ui",
        packages=("pydantic-ai-slim", "ag-ui-protocol"),
        path="/agent",
        ready="/ready",
    ),
    Contestant(
        name="pydantic-ai AG-UI",
        settings="production",
        target="ag-ui",
        command="uvicorn ag_ui_server:app --port PORT --log-level warning",
        words="conversations held on the server (`conversation_store`, in memory), scoped to the authenticated user "
        "(`conversation_scope`); the token is checked by the application around it, as the adapter leaves that to it.",
        quote="Always pass the authenticated user or tenant.",
        source=PYDANTIC_AI,
        lock="ag-ui",
        packages=("pydantic-ai-slim", "ag-ui-protocol"),
        keyed=True,
        path="/agent",
        ready="/ready",
    ),
    Contestant(
        name="Agno AgentOS",
        settings="defaults",
        target="agno",
        command="uvicorn agno_server:app --port PORT --log-level warning",
        words="SQLite, no authorization; each request says its `user_id`.",
        quote="Isolation is off by default.",
        source=AGNO_DOCS,
        lock="agno",
        packages=("agno",),
        ready="/health",
    ),
    Contestant(
        name="Agno AgentOS",
        settings="production",
        target="agno",
        command="uvicorn agno_server:app --port PORT --log-level warning",
        words="PostgreSQL, `authorization` with a verification key, `user_isolation=True`; tokens with the scopes "
        "`agents:read`, `agents:run`, `sessions:read`, `sessions:write`.",
        quote="Reads (sessions, memory, traces): Scoped to the caller's user_id. Other users' rows are not returned.",
        source=AGNO_DOCS,
        lock="agno",
        packages=("agno",),
        keyed=True,
        postgresql=True,
        ready="/health",
    ),
    Contestant(
        name="LangGraph API",
        settings="defaults",
        target="langgraph",
        command="langgraph dev --config langgraph_defaults.json --no-browser --no-reload --port PORT",
        words="`langgraph dev`, whose server is in memory and made, as its package says, for rapid development and testing; no "
        "authentication.",
        quote="Self-Hosted: No default authentication",
        source=LANGGRAPH_DOCS,
        remark=JOINED,
        lock="langgraph",
        packages=("langgraph-api", "langgraph-cli", "langgraph-runtime-inmem", "langgraph"),
        ready="/ok",
    ),
    Contestant(
        name="LangGraph API",
        settings="production",
        target="langgraph",
        command="langgraph dev --config langgraph_production.json --no-browser --no-reload --port PORT --n-jobs-per-worker 10",
        words="the documented custom authentication: an `@auth.authenticate` handler, and an `@auth.on` handler that adds the "
        "owner to what is made and filters by it; ten jobs at once. The server is the in-memory one all the same: the one for "
        "production needs a licence, Redis and containers, and was not judged.",
        quote='Authorization ("AuthZ") determines what you can do. This validates the user\'s privileges and roles on a '
        "per-resource basis.",
        source=LANGGRAPH_DOCS,
        remark=JOINED,
        lock="langgraph",
        packages=("langgraph-api", "langgraph-cli", "langgraph-runtime-inmem", "langgraph"),
        keyed=True,
        ready="/ok",
    ),
)
