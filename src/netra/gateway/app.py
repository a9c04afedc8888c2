"""One server process: its parts opened in order and closed in the reverse, and the application that serves them.

This module and the command line are the only ones that know `Settings`; everything it opens gets plain values. It decides
nothing else: what a request means is in the module of its noun.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from datetime import timedelta
from importlib.metadata import version
from pathlib import Path
from typing import Final

from fastapi import FastAPI
from fastapi.middleware.cors import CORSMiddleware
from starlette.types import Receive, Scope, Send

from netra.agents.context import Surroundings
from netra.agents.definition import Agent, Agents, bind
from netra.agents.demo import demo
from netra.agents.export.pdf import Press
from netra.agents.linguist import ModelLinguist
from netra.agents.shape import ShapeCache
from netra.agents.spend_report import spend_report
from netra.agents.team.supervisor import supervisor
from netra.auth.mail import LogSender, MailSender, SmtpSender, UnsentSender
from netra.auth.passwords import Passwords
from netra.auth.provider import ClientRegistration
from netra.auth.sign_in import SignIn
from netra.auth.throttle import Throttle
from netra.clock import Clock, SystemClock
from netra.datasets.pool import EnginePool
from netra.datasets.store import Datasets
from netra.db.database import Database
from netra.env import get_env
from netra.errors import Unavailable
from netra.gateway import agents as agent_routes
from netra.gateway import (
    artifacts,
    audit,
    auth,
    datasets,
    events,
    health,
    loading,
    mcp,
    password_reset,
    providers,
    reports,
    secrets,
    stats,
    threads,
    tools,
    usage,
)
from netra.gateway import runs as run_routes
from netra.gateway.bodies import BodyLimit
from netra.gateway.configuration import configuration_of
from netra.gateway.connection import Bounds
from netra.gateway.logs import RecentLines
from netra.gateway.metering import Meter
from netra.gateway.model import open_model
from netra.gateway.panel import ServerPanel
from netra.gateway.parts import Parts, SocketLimits
from netra.gateway.presence import Presence
from netra.gateway.probes import probes
from netra.gateway.problems import add_problems
from netra.gateway.provision import provisioned
from netra.gateway.server import Wire
from netra.gateway.socket import answer_socket
from netra.gateway.tooling import Tooling, end_plans, equip
from netra.gateway.trespass import Trespass
from netra.gateway.turns import Turns
from netra.health.blocking import BlockingCalls
from netra.health.checks import Checkup
from netra.health.coroutines import NeverAwaited
from netra.health.loop import LoopLag
from netra.health.metrics import Metrics
from netra.ids import SessionId, UserId
from netra.models.calls import CallTally
from netra.runs.execution import Runnable
from netra.runs.runs import Runs
from netra.runs.worker import Worker
from netra.settings import Settings
from netra.settings.hosts import detect, resolve_services
from netra.streams.background import beside
from netra.streams.streams import Streams
from netra.tools.conversations import AgentCard
from netra.tools.roster import Roster
from netra.tools.servers import ConnectedServer, read_servers
from netra.tools.workloads import workload_tools
from netra.vault.key_file import own_keys
from netra.vault.sealing import SealingKeys
from netra.vault.vault import Vault

logger = logging.getLogger(__name__)

VERSION: Final = version("netra")
"""Asked of the installed package: the front door, which names it too, leads here."""

SWEEP_EVERY: Final = 3600.0
"""Seconds between two removals of what has expired: tickets, sessions, folders of broken uploads."""

BUILT_IN: Final = (demo, spend_report, supervisor)
"""The agents that come with Netra."""

ROUTERS: Final = (
    auth.router,
    auth.well_known,
    providers.router,
    password_reset.router,
    audit.router,
    threads.router,
    run_routes.router,
    events.router,
    agent_routes.router,
    loading.router,  # before the datasets, one of which its path would be taken for
    datasets.router,
    reports.router,
    secrets.router,
    artifacts.router,
    tools.router,
    mcp.router,
    usage.router,
    stats.router,
    health.router,
)


class Application(FastAPI):
    """FastAPI, but sockets go straight to where they are served.

    Ten thousand of them would each keep the frames of every layer between: a fifth of what an idle socket takes.
    """

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "websocket" and scope["path"].removeprefix(scope.get("root_path", "")) == "/ws":
            scope["app"] = self
            await answer_socket(scope, receive, send)
        else:
            await super().__call__(scope, receive, send)


def create_app(
    settings: Settings, agents: Sequence[Agent] = (), *, with_worker: bool = True, clock: Clock | None = None
) -> FastAPI:
    """The application. While its lifespan lasts, the parts are in `app.state.parts`.

    `agents` are the user's own, beside those that come with Netra; without a worker, another process executes the runs.
    """

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with opened(settings, agents, with_worker=with_worker, clock=clock) as parts:
            app.state.parts = parts
            yield

    app = Application(
        title="Netra",
        summary="The agent server whose isolation you can prove.",
        version=VERSION,
        lifespan=lifespan,
        generate_unique_id_function=lambda route: route.name,
    )
    for router in ROUTERS:
        app.include_router(router)
    app.add_middleware(
        CORSMiddleware,
        allow_origins=list(settings.allowed_origins),
        allow_methods=["GET", "POST", "PUT", "PATCH", "DELETE"],
        allow_headers=[
            *("Authorization", "Content-Type", "Idempotency-Key", "Last-Event-ID", "X-Request-ID"),
            *("MCP-Protocol-Version", "Mcp-Method", "Mcp-Name"),
        ],
        expose_headers=["Retry-After", "X-Request-ID"],
        max_age=600,
    )
    app.add_middleware(BodyLimit, limit_of=lambda scope: _largest_body(scope, settings))
    add_problems(app)
    return app


def _largest_body(scope: Scope, settings: Settings) -> int:
    """Bytes that the body of this request may have: an upload may be large, with a form's wrapping around the file."""
    if scope["method"] == "POST" and scope["path"].endswith(datasets.PATH):
        return settings.max_dataset_bytes + settings.max_body_bytes
    return settings.max_body_bytes


@asynccontextmanager
async def opened(
    settings: Settings, agents: Sequence[Agent], *, with_worker: bool, clock: Clock | None = None
) -> AsyncIterator[Parts]:
    """Open everything that a server with these settings needs; at the end, close it in the reverse order.

    So a stop loses nothing: first sockets are told to go, then runs end or are handed back, then the writer writes what they
    said, and the database goes last.
    """
    clock = clock or SystemClock()
    meter = Meter(Metrics(VERSION))
    async with AsyncExitStack() as stack:
        enter = stack.enter_async_context
        lag = await enter(LoopLag(meter.metrics.observer("netra_event_loop_lag_seconds"), clock))
        meter.sentinels(await enter(NeverAwaited()), await enter(BlockingCalls(settings.blocking_call_threshold_ms / 1000)))
        given = await asyncio.to_thread(resolve_database_url, settings)
        url = await enter(provisioned(given, settings.data_dir, migrates=settings.migrate_on_start))
        database = await enter(
            Database.open(url, pool_size=settings.database_pool_size, pool_timeout=settings.database_pool_timeout)
        )
        streams = await enter(
            Streams.open(
                database,
                clock,
                poll_interval=settings.hint_poll_interval,
                keep=timedelta(days=settings.event_retention) if settings.event_retention else None,
            )
        )
        sign_in = await enter(_sign_in(settings, database, streams, clock))
        engines = EnginePool(clock, size=settings.factory_pool_initial_size, keep=settings.factory_pool_reuse_timeout)
        await enter(beside(engines=engines.serve()))
        uploads = Datasets(database, settings.data_dir / "datasets", settings.max_dataset_bytes, clock=clock, pool=engines)
        known = Agents([*BUILT_IN, *agents])
        cards = [AgentCard(agent.name, agent.description, agent.input_schema) for _, agent in sorted(known.items())]
        production = settings.environment == "production"
        panel = ServerPanel(None if production else stack.enter_context(RecentLines().listening()))
        tooling = equip(
            streams,
            clock,
            cards,
            production=production,
            configuration=configuration_of(settings),
            panel=panel,
            artifact_room=settings.max_artifact_bytes,
            more=workload_tools(uploads, clock),
        )
        vault = Vault(database, await asyncio.to_thread(sealing_keys, settings))
        roster = Roster(await _servers(settings), clock, vault.open_all)
        await enter(roster.kept(tooling.toolbox))
        variables = _environment(settings.run_environment)
        shapes = ShapeCache(clock, size=settings.factory_cache_size, lifetime=settings.factory_cache_ttl)
        services = await asyncio.to_thread(resolve_hosts, settings)
        tally = CallTally()
        model = await open_model(settings, services.get("model"), clock, tally) if with_worker else None
        linguist = ModelLinguist() if model is not None else None
        around = Surroundings(
            database,
            uploads,
            tooling.toolbox,
            variables,
            vault.open_all,
            linguist=linguist,
            shapes=shapes,
            model=model,
            tally=tally,
        )
        bound = bind(known, around)
        runs = Runs(streams, clock, bound, max_concurrent_per_user=settings.factory_max_concurrent_per_user)
        worker = await enter(_worker(settings, streams, clock, bound)) if with_worker else None
        presence = await enter(_presence(settings, sign_in, clock))
        streams.on_access_changed(presence.access_changed)
        trespass = await enter(Trespass.open(database, clock))
        sweep = _sweep(sign_in, uploads, tooling, clock)
        plans, resets = end_plans(tooling.changes, clock), sign_in.resets.serve()
        await enter(beside(sweep=sweep, plans=plans, password_resets=resets))
        checkup = await enter(_checkup(settings, database, streams, worker, lag, roster))
        started = clock.monotonic()
        panel.process(lag, database, lambda: clock.monotonic() - started)
        panel.presence(presence)
        panel.tools(tooling.toolbox)
        meter.tools(tooling.toolbox, runs)
        meter.streams(streams)
        meter.database(database)
        meter.presence(presence, trespass)
        meter.engines(engines)
        meter.models(tally)
        meter.factory(
            worker,
            context=settings.factory_target_context_ms,
            agent=settings.factory_target_agent_ms,
            cleanup=settings.factory_target_cleanup_ms,
        )
        yield Parts(
            database=database,
            streams=streams,
            clock=clock,
            sign_in=sign_in,
            presence=presence,
            runs=runs,
            agents=known,
            datasets=uploads,
            toolbox=tooling.toolbox,
            changes=tooling.changes,
            vault=vault,
            artifacts=tooling.artifacts,
            press=Press(),
            trespass=trespass,
            checkup=checkup,
            meter=meter,
            doors=Turns(settings.requests_at_once, settings.requests_waiting),
            turns=Turns(settings.requests_at_once, settings.requests_waiting),
            limits=_limits(settings),
            allowed_origins=frozenset(settings.allowed_origins),
            started=started,
        )


def resolve_hosts(settings: Settings) -> Mapping[str, str]:
    """The URL of each service that the settings name, with the host that it means here. Blocking."""
    return {name: decision.url for name, decision in resolve_services(settings, detect(Path("/"), get_env())).items()}


def resolve_database_url(settings: Settings) -> str | None:
    """The URL to connect to, with the host that it means here; None: the embedded database. Blocking."""
    return resolve_hosts(settings).get("database")


def sealing_keys(settings: Settings) -> SealingKeys | None:
    """The keys that users' secrets are sealed with here; None: the operator of a real installation has given none. Blocking."""
    if settings.secret_keys:
        return SealingKeys.read({key_id: key.get_secret_value() for key_id, key in settings.secret_keys.items()})
    return own_keys(settings.data_dir) if settings.environment in ("development", "test") else None


def wire(settings: Settings) -> Wire:
    """How connections are served."""
    return Wire(
        max_frame_bytes=settings.max_frame_bytes,
        ping_interval=settings.ping_interval,
        pong_timeout=settings.pong_timeout,
        drain_timeout=settings.drain_timeout,
        trusted_proxies=settings.trusted_proxies,
    )


def _sign_in(settings: Settings, database: Database, streams: Streams, clock: Clock) -> AbstractAsyncContextManager[SignIn]:
    async def tell(user_id: UserId, session_id: SessionId | None) -> None:  # noqa: ARG001 - one check covers all of a user
        streams.hints.access_changed(user_id)

    throttle = Throttle(
        database,
        per_account=settings.login_attempts_per_account,
        per_address=settings.login_attempts_per_address,
        window=settings.login_window,
        lockout=settings.login_lockout,
    )
    return SignIn.open(
        database,
        issuer=settings.public_url,
        access_lifetime=settings.access_token_lifetime,
        refresh_lifetime=settings.refresh_token_lifetime,
        ticket_lifetime=settings.ticket_lifetime,
        reset_lifetime=settings.password_reset_lifetime,
        registrations_per_address=settings.registrations_per_address,
        audit_kept=timedelta(days=settings.audit_retention) if settings.audit_retention else None,
        providers=_providers(settings),
        service_secrets={name: secret.get_secret_value() for name, secret in settings.service_secrets.items()},
        mail=_mail(settings),
        passwords=Passwords(minimum_length=settings.password_min_length),
        throttle=throttle,
        on_access_change=tell,
        clock=clock,
    )


def _providers(settings: Settings) -> list[ClientRegistration]:
    given = {name: secret.get_secret_value() for name, secret in settings.oidc_secrets.items()}
    return [
        ClientRegistration(name, issuer, settings.oidc_clients[name], given.get(name))
        for name, issuer in settings.oidc_providers.items()
    ]


def _mail(settings: Settings) -> MailSender:
    if settings.mail_url is not None and settings.mail_from is not None:
        return SmtpSender.of(settings.mail_url.get_secret_value(), settings.mail_from)
    # Whoever reads the log of a development server runs it; elsewhere a link in the log would be somebody's account.
    return LogSender() if settings.environment in ("development", "test") else UnsentSender()


def _worker(
    settings: Settings, streams: Streams, clock: Clock, agents: Mapping[str, Runnable]
) -> AbstractAsyncContextManager[Worker]:
    return Worker.open(
        streams,
        clock,
        agents,
        concurrency=settings.factory_pool_max_size,
        max_concurrent_per_user=settings.factory_max_concurrent_per_user,
        attempts=settings.run_attempts,
        lease=settings.run_lease,
        heartbeat=settings.run_heartbeat,
        execution_timeout=settings.factory_execution_timeout,
        cleanup_deadline=settings.cleanup_deadline,
        drain_timeout=settings.drain_timeout,
        rollup=settings.rollup_interval_ms / 1000,
        poll=settings.hint_poll_interval,
    )


@asynccontextmanager
async def _presence(settings: Settings, sign_in: SignIn, clock: Clock) -> AsyncIterator[Presence]:
    async with Presence.open(
        sign_in.identities,
        clock,
        per_user=settings.max_connections_per_user,
        message_rate=settings.messages_per_second,
        message_burst=settings.messages_burst,
        check_interval=settings.access_check_interval,
    ) as presence:
        yield presence
        await presence.drain(settings.drain_timeout)


def _checkup(
    settings: Settings, database: Database, streams: Streams, worker: Worker | None, lag: LoopLag, roster: Roster
) -> Checkup:
    checks = probes(
        database,
        streams,
        worker,
        lag,
        lease=settings.run_lease,
        late=settings.loop_lag_threshold_ms / 1000,
        model_url=settings.model_url.get_secret_value() if settings.model_url else None,
        roster=roster,
    )
    return Checkup(settings.service_name, VERSION, settings.environment, checks)


async def _servers(settings: Settings) -> Mapping[str, ConnectedServer]:
    """The MCP servers that the operator has connected."""
    return await asyncio.to_thread(read_servers, settings.mcp_servers) if settings.mcp_servers else {}


def _limits(settings: Settings) -> SocketLimits:
    return SocketLimits(
        heartbeat_interval=settings.ping_interval,
        pong_timeout=settings.pong_timeout,
        max_message_size=settings.max_frame_bytes,
        max_connections=settings.max_connections_per_user,
        messages_per_second=settings.messages_per_second,
        messages_burst=settings.messages_burst,
        authenticate_timeout=settings.authenticate_timeout,
        bounds=Bounds(settings.max_unsent_bytes, settings.send_deadline, settings.token_grace),
    )


def _environment(names: Sequence[str]) -> Callable[[UserId], Mapping[str, str]]:
    """What every run may see of the server's environment: the operator's list, as it was at start."""
    shared = {name: value for name, value in get_env().items() if name in names}
    return lambda _: dict(shared)


async def _sweep(sign_in: SignIn, uploads: Datasets, tooling: Tooling, clock: Clock) -> None:
    """Remove, now and then, what has expired or was left behind."""
    while True:
        try:
            await sign_in.sweep()
            await uploads.sweep()
            await tooling.toolbox.sweep()
        except Unavailable as error:
            logger.warning("the sweep waits for the database: %s", type(error).__name__)
        await clock.sleep(SWEEP_EVERY)
