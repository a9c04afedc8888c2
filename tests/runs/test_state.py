"""The table of a run's life, and the same life in a real database."""

import asyncio
from contextlib import AsyncExitStack
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from netra.db.database import Database
from netra.events.codec import draft
from netra.events.model import TERMINAL_TYPES, AgentCompleted, InputRequired, Usage
from netra.ids import UserId
from netra.runs import ledger
from netra.runs.claim import Claimed, claim, end_drafts, failed
from netra.runs.journal import Journal
from netra.runs.ledger import Ending
from netra.runs.queue import Job
from netra.runs.runs import Accepted, NotWaiting, RunEnded
from netra.runs.state import LIVE, TRANSITIONS, Change, IllegalTransition, State, advance, draw
from netra.streams.log import Fenced
from netra.streams.writer import Claim
from tests.fixtures.postgres import Template, add_account
from tests.runs.world import World, open_world
from tests.structure.source import ROOT

PAGE = ROOT / "docs/reference/runs.md"


def test_what_the_table_does_not_name_cannot_happen() -> None:
    for state in State:
        for change in Change:
            if (state, change) in TRANSITIONS:
                assert advance(state, change) is TRANSITIONS[state, change]
            else:
                with pytest.raises(IllegalTransition):
                    advance(state, change)


def test_nothing_happens_to_a_run_that_has_ended() -> None:
    assert not [state for state, _ in TRANSITIONS if not state.live]


def test_from_every_live_state_a_run_can_end() -> None:
    ends = {after for (before, _), after in TRANSITIONS.items() if before in LIVE and not after.live}
    assert ends == set(State) - LIVE
    for state in LIVE:
        assert any(not after.live for (before, _), after in TRANSITIONS.items() if before is state), state


def test_every_state_can_be_reached() -> None:
    reached = {State.QUEUED}
    while more := {after for (before, _), after in TRANSITIONS.items() if before in reached} - reached:
        reached |= more
    assert reached == set(State)


def test_the_page_about_runs_shows_the_table() -> None:
    assert f"```mermaid\n{draw()}\n```" in PAGE.read_text("utf-8")


# The same in a database ----------------------------------------------------------------------------------------------------

LANES = 2


class Life(RuleBasedStateMachine):
    """Two users with two threads each, and whatever may happen to their runs, in any order.

    The model is the table alone: it says in which state every run is. That threads take turns, that slots are full as long
    as somebody could use one, and that the log tells the same story, is asked of the database after every step.
    """

    runs: Bundle[tuple[UserId, Accepted]] = Bundle("runs")
    claims: Bundle[tuple[UserId, Accepted, Claim]] = Bundle("claims")
    template: Template

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.stack = AsyncExitStack()
        self.name = self.template.copy()
        self.url = self.template.url(self.name)
        self.states: dict[Accepted, State] = {}
        self.newest: dict[Accepted, Claim] = {}

    @initialize()
    def open(self) -> None:
        async def enter() -> None:
            self.database = await self.stack.enter_async_context(Database.open(self.url, pool_size=3))
            self.world: World = await self.stack.enter_async_context(open_world(self.database, max_concurrent_per_user=LANES))

            async def agent(context: Any) -> None:
                """Never executed: this machine is the worker."""

            self.world.agent(agent)
            self.users = [await add_account(self.database, f"{name}@example.com") for name in ("alice", "bob")]
            self.threads = {user: [await self.world.thread(user) for _ in range(3)] for user in self.users}

        self.runner.run(enter())

    def teardown(self) -> None:
        self.runner.run(self.stack.aclose())
        self.runner.close()
        self.template.drop(self.name)

    @rule(target=runs, who=st.integers(0, 1), where=st.integers(0, 2), interrupt=st.booleans())
    def accept(self, who: int, where: int, interrupt: bool) -> tuple[UserId, Accepted]:
        user = self.users[who]
        thread = self.threads[user][where]
        on_busy = "interrupt" if interrupt else "queue"
        accepted = self.runner.run(self.world.start(user, "agent", thread_id=thread, on_busy=on_busy))
        if interrupt:
            for other, state in self.states.items():
                if other.thread_id == thread and state.live:
                    change = Change.CANCEL_WANTED if state is State.RUNNING else Change.CANCELLED
                    self.states[other] = advance(state, change)
        self.states[accepted] = State.QUEUED
        return user, accepted

    @rule(target=claims, run=runs)
    def take(self, run: tuple[UserId, Accepted]) -> tuple[UserId, Accepted, Claim] | Any:
        user, accepted = run
        before, row = self.states[accepted], self.runner.run(self.row(user, accepted))
        job = Job(0, user, accepted.run_id, row.dispatches)
        taken = self.runner.run(claim(self.world.streams, self.world.clock, job, self.world.agents, attempts=1000, lanes=LANES))
        if before not in (State.QUEUED, State.RUNNING) or row.lane is None:
            assert taken is None
        elif row.cancel_by is not None:
            assert taken is Change.CANCELLED
            self.states[accepted] = advance(before, Change.CANCELLED)
        else:
            assert isinstance(taken, Claimed)
            self.states[accepted] = advance(before, taken.change)
            self.newest[accepted] = taken.claim
        return user, accepted, taken.claim if isinstance(taken, Claimed) else None

    @rule(held=claims)
    def park(self, held: tuple[UserId, Accepted, Claim | None]) -> None:
        async def park(user: UserId, accepted: Accepted, claim: Claim) -> None:
            async with self.world.streams.transaction(user, ledger.TURN) as transaction:
                event = draft(
                    InputRequired(request_id="ask#1", question="?", schema={}), self.world.clock.now(), run_id=accepted.run_id
                )
                await ledger.release(transaction, claim, Change.PARKED, [event], waits_for="ask#1")
                await ledger.dispatch(transaction.connection, user, LANES)

        self.write(held, Change.PARKED, park)

    @rule(held=claims)
    def hand_back(self, held: tuple[UserId, Accepted, Claim | None]) -> None:
        async def hand_back(user: UserId, _: Accepted, claim: Claim) -> None:
            async with self.world.streams.transaction(user, ledger.TURN) as transaction:
                await ledger.release(transaction, claim, Change.HANDED_BACK)

        self.write(held, Change.HANDED_BACK, hand_back)

    @rule(held=claims, well=st.booleans())
    def end(self, held: tuple[UserId, Accepted, Claim | None], well: bool) -> None:
        done = AgentCompleted(result=1, usage=Usage(), duration_ms=1.0)
        ending = Ending(Change.COMPLETED, done, result=1) if well else failed("agent_error", "no")

        async def end(user: UserId, accepted: Accepted, claim: Claim) -> None:
            row = await self.row(user, accepted)
            row.state = State.RUNNING  # what a worker believes that has not heard otherwise
            drafts = end_drafts(Journal(), ending.event, self.world.clock.now(), accepted.run_id, row.agent)
            async with self.world.streams.transaction(user, ledger.TURN) as transaction:
                await ledger.end(transaction, accepted.run_id, row, ending, drafts, lanes=LANES, fence=claim.fence)

        self.write(held, ending.change, end)

    @rule(run=runs)
    def answer(self, run: tuple[UserId, Accepted]) -> None:
        user, accepted = run
        answer = self.world.runs.answer(user, accepted.run_id, "ask#1", True)
        if self.states[accepted] is State.WAITING:
            self.runner.run(answer)
            self.states[accepted] = advance(State.WAITING, Change.ANSWERED)
        else:
            with pytest.raises(NotWaiting):
                self.runner.run(answer)

    @rule(run=runs)
    def cancel(self, run: tuple[UserId, Accepted]) -> None:
        user, accepted = run
        before = self.states[accepted]
        cancel = self.world.runs.cancel(user, accepted.run_id)
        if before.live:
            change = Change.CANCEL_WANTED if before is State.RUNNING else Change.CANCELLED
            self.states[accepted] = advance(before, change)
            assert self.runner.run(cancel) is self.states[accepted]
        else:
            with pytest.raises(RunEnded):
                self.runner.run(cancel)

    @invariant()
    def every_run_is_in_the_state_that_the_table_says(self) -> None:
        for user in self.users:
            found = {run_id: State(state) for run_id, state in self.query("SELECT id, state FROM run WHERE user_id = %s", user)}
            assert found == {run.run_id: state for run, state in self.states.items() if run.run_id in found}
        assert len(self.states) == sum(len(self.query("SELECT id FROM run WHERE user_id = %s", user)) for user in self.users)

    @invariant()
    def the_oldest_live_run_of_a_thread_has_its_turn(self) -> None:
        for user, threads in self.threads.items():
            for thread in threads:
                live = self.query(
                    "SELECT turn FROM run WHERE user_id = %s AND thread_id = %s AND state = ANY(%s) ORDER BY accepted_seq",
                    user,
                    thread,
                    [*LIVE],
                )
                assert [turn for (turn,) in live] == [True] * bool(live) + [False] * (len(live) - 1)

    @invariant()
    def no_slot_is_free_while_a_run_could_use_it_and_each_has_its_job(self) -> None:
        for user in self.users:
            lanes = {run_id for (run_id,) in self.query("SELECT id FROM run WHERE user_id = %s AND lane IS NOT NULL", user)}
            could = self.query("SELECT id FROM run WHERE user_id = %s AND turn AND lane IS NULL AND state = 'queued'", user)
            assert len(lanes) <= LANES
            assert len(lanes) == LANES or not could
            jobs = self.query("SELECT args ->> 'run_id' FROM procrastinate_jobs WHERE args ->> 'user_id' = %s", str(user))
            # A job may outlive its run's need of it: whoever fetches it finds nothing to take.
            assert {str(run_id) for run_id in lanes} <= {run_id for (run_id,) in jobs}

    @invariant()
    def the_log_tells_the_same(self) -> None:
        for user, threads in self.threads.items():
            for thread in threads:
                events = self.query(
                    "SELECT seq, run_id, type FROM event WHERE user_id = %s AND thread_id = %s ORDER BY seq", user, thread
                )
                assert [seq for seq, _, _ in events] == list(range(1, len(events) + 1))
                for run, state in self.states.items():
                    types = [kind for _, run_id, kind in events if run_id == run.run_id]
                    if not types:
                        continue
                    assert types[0] == "run_queued"
                    assert [kind in TERMINAL_TYPES for kind in types] == [False] * (len(types) - 1) + [not state.live]

    # ---------------------------------------------------------------------------------------------------------------------

    def write(self, held: tuple[UserId, Accepted, Claim | None], change: Change, work: Any) -> None:
        """Do what only the holder of a run may do: it works for the newest claim of a running run, for no other."""
        user, accepted, claim = held
        if claim is None:
            return
        if claim is self.newest.get(accepted) and self.states[accepted] is State.RUNNING:
            self.runner.run(work(user, accepted, claim))
            self.states[accepted] = advance(State.RUNNING, change)
        else:
            with pytest.raises(Fenced):
                self.runner.run(work(user, accepted, claim))

    async def row(self, user: UserId, accepted: Accepted) -> ledger.RunRow:
        async with self.database.for_user(user).transaction() as connection:
            return await ledger.read(connection, user, accepted.run_id)

    def query(self, statement: Any, *parameters: Any) -> list[tuple[Any, ...]]:
        async def query() -> list[tuple[Any, ...]]:
            async with self.database.system().transaction() as connection:
                return await (await connection.execute(statement, parameters)).fetchall()

        return self.runner.run(query())


@pytest.mark.slow
def test_the_life_of_a_run_in_a_real_database_is_the_table(template: Template) -> None:
    class Here(Life):
        pass

    Here.template = template
    # Without shrinking: a step costs a database round trip or ten, and a history of 25 steps can be read as it is.
    options = settings(
        max_examples=30,
        stateful_step_count=25,
        deadline=None,
        phases=[Phase.explicit, Phase.generate],
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
    )
    run_state_machine_as_test(Here, settings=options)
