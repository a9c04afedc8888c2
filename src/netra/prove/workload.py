"""What one user does, for as long as the proof lasts: runs, tools, uploads, readings, cancellations, answers, refreshes.

Everything is drawn from the user's own random source, so that a seed gives the same user the same intentions, however the
server answers.
"""

import asyncio
import random
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from netra.prove.answers import Lost, Refused
from netra.prove.follower import Watcher
from netra.prove.history import History
from netra.prove.marks import as_variable, new_mark
from netra.prove.targets import Ability, Log, Person, ReceivedEvent, Work

THREADS: Final = 2
"""Threads of a user: enough to tell them apart, and within the smallest plan."""
ATTEMPTS: Final = 30
"""That a user makes at having threads: ten seconds' worth of refusals."""
TERMINAL: Final = frozenset({"agent_completed", "agent_failed", "agent_cancelled"})


@dataclass
class User:
    """A person with what they are about."""

    person: Person
    history: History
    source: random.Random
    follower: Watcher
    threads: list[str] = field(default_factory=list)
    runs: dict[str, str] = field(default_factory=dict)
    """Accepted runs, each with its thread."""
    live: set[str] = field(default_factory=set)
    """Accepted runs whose end has not been seen."""
    ended: set[str] = field(default_factory=set)
    """Runs whose end has been seen, perhaps before the answer that accepted them."""
    questions: list[tuple[str, str]] = field(default_factory=list)
    """Runs that wait for their user, each with its request."""
    datasets: list[str] = field(default_factory=list)
    requests: int = 0
    pace: float = 1.0
    """Seconds between two things, on average."""
    plant: Callable[[str, int], None] = lambda _mark, _owner: None

    @property
    def number(self) -> int:
        return self.person.number

    async def attempt(
        self, name: str, work: Callable[[], Awaitable[Mapping[str, Any]]], /, **data: Any
    ) -> Mapping[str, Any] | None:
        """Do something, and record how it went. None: refused, or nobody knows."""
        operation = self.history.invoke(name, self.number, **data)
        try:
            result = await work()
        except Refused as error:
            self.history.see("fail", name, self.number, operation, status=error.status, limited=error.limited)
        except Lost as error:
            self.history.see("unknown", name, self.number, operation, why=str(error)[:200])
        else:
            self.history.see("ok", name, self.number, operation, **result)
            return result
        return None

    # What there is to do -------------------------------------------------------------------------------------------------

    async def begin(self) -> None:
        """Have threads to work in. Who gets none after so many attempts is left out, and leaves a doubt."""
        self.follower.on_event = self._notice
        for _ in range(ATTEMPTS):
            made = await self.attempt("new_thread", self._new_thread, timed=True)
            if made is None:
                await asyncio.sleep(self.source.uniform(0.1, 0.5))
                continue
            self.threads.append(made["thread"])
            self.follower.follow(made["thread"])
            if len(self.threads) == THREADS:
                return
        self.history.see("said", "doubt", self.number, why=f"user {self.number} got {len(self.threads)} threads of {THREADS}")

    async def _new_thread(self) -> dict[str, Any]:
        return {"thread": await self.person.new_thread(f"About {self.person.mark}")}

    def _notice(self, event: ReceivedEvent) -> None:
        if event.type in TERMINAL:
            self.ended.add(event.run)
            self.live.discard(event.run)
        elif event.type == "input_required" and event.details.get("request"):
            self.questions.append((event.run, str(event.details["request"])))

    async def live_on(self, goes_on: Callable[[], bool], abilities: frozenset[Ability]) -> None:
        """Do one thing after another, for as long as the attack goes on."""
        while self.threads and goes_on():
            await self.one_thing(abilities)
            await asyncio.sleep(self.source.expovariate(1 / self.pace))

    async def one_thing(self, abilities: frozenset[Ability]) -> None:
        source = self.source
        can = [(6, self.start_run), (3, self.read_log)]
        can += [(1, self.cancel)] if Ability.CANCEL in abilities else []
        can += [(3, self.answer)] if Ability.ANSWER in abilities else []
        can += [(2, self.use_tool)] if Ability.TOOLS in abilities else []
        can += [(1, self.upload)] if Ability.DATASETS in abilities else []
        can += [(1, self.keep_secret), (2, self.list_secrets)] if Ability.SECRETS in abilities else []
        can += [(1, self.refresh)] if Ability.SESSIONS in abilities else []
        can += [(1, self.migrate)] if Ability.PLANS in abilities else []
        weights = [weight for weight, _ in can]
        await source.choices([work for _, work in can], weights)[0]()

    async def start_run(self) -> None:
        """One request, sent once or, by its key, several times at once."""
        key = self.source.random() < 0.7
        await self._start(self.source.choice((1, 1, 1, 2, 5)) if key else 1, keyed=key)

    async def send_many(self, times: int) -> None:
        """One request, sent so many times at once by its key."""
        await self._start(times, keyed=True)

    async def _start(self, times: int, *, keyed: bool) -> None:
        self.requests += 1
        source = self.source
        mark = f"{self.person.mark} request {self.requests}."
        work = Work(mark, source.randint(0, 8), source.choice((0, 5, 20, 80)), source.random() < 0.1, source.random() < 0.05)
        thread = source.choice(self.threads)
        key = f"{source.getrandbits(96):024x}" if keyed else None
        await self._send(thread, work, key, times)

    async def talk(self, thread: str, steps: int) -> None:
        """One run that takes so many steps without a pause, and tells of each."""
        self.requests += 1
        await self._send(thread, Work(f"{self.person.mark} request {self.requests}.", steps, 0), None, 1)

    async def _send(self, thread: str, work: Work, key: str | None, times: int) -> None:
        known = {"thread": thread, "key": key, "mark": work.text}

        async def send() -> dict[str, Any]:
            return {"run": await self.person.start_run(thread, work, key), "thread": thread}

        answers = await asyncio.gather(*(self.attempt("start_run", send, timed=True, **known) for _ in range(times)))
        for answer in answers:
            if answer is not None and answer["run"] not in self.runs:
                self.runs[answer["run"]] = thread
                self.live.update({answer["run"]} - self.ended)

    async def read_log(self) -> None:
        thread = self.source.choice(self.threads)

        async def read() -> dict[str, Any]:
            return {"thread": thread, "events": len((await self.person.log(thread)).events)}

        await self.attempt("read_log", read, timed=True, thread=thread)

    async def cancel(self) -> None:
        if self.live:
            run = self.source.choice(sorted(self.live))

            async def stop() -> dict[str, Any]:
                await self.person.cancel(run)
                return {"run": run}

            await self.attempt("cancel", stop, run=run)

    async def answer(self) -> None:
        if self.questions:
            run, request = self.questions.pop(0)
            yes = self.source.random() < 0.7
            if await self._do("answer", run=run, request=request, value=yes) is None and run in self.live:
                self.questions.append((run, request))  # it may never have come

    async def use_tool(self) -> None:
        await self._do("use_tool", tool="get_thread_history", arguments={"thread_id": self.source.choice(self.threads)})

    async def upload(self) -> None:
        rows = "".join(f"2026-01-01T00:00:{second:02d}Z,{self.person.mark},10,20\n" for second in range(20))
        content = "timestamp,model,input_tokens,output_tokens\n" + rows
        stored = await self._do("upload", name=f"{self.person.mark}.csv", content=content)
        if stored is not None:
            self.datasets.append(str(stored["id"]))

    async def keep_secret(self) -> None:
        """A secret carries a mark of its own, which not even its user is ever shown again; its name carries the user's."""
        mark = new_mark(self.source)
        self.plant(mark, self.number)
        await self._do("set_secret", name=f"{as_variable(self.person.mark)}_{self.source.randint(1, 3)}", value=mark)

    async def list_secrets(self) -> None:
        await self._do("list_secrets")

    async def refresh(self) -> None:
        if await self._do("refresh") is None:
            # A pair that nobody knows to be used or not is given up: the next use of a used one would end the session.
            await self._do("sign_in")

    async def migrate(self) -> None:
        await self._do("migrate")

    async def _do(self, name: str, /, **arguments: Any) -> Mapping[str, Any] | None:
        async def work() -> dict[str, Any]:
            result = await self.person.do(name, **arguments)
            return {key: result[key] for key in ("status", "id") if key in result}

        told = {key: value for key, value in arguments.items() if key not in ("content", "value", "arguments")}
        return await self.attempt(name, work, timed=True, **told)

    # The end -------------------------------------------------------------------------------------------------------------

    async def settle(self, until: float) -> None:
        """Let every run come to its end: answer what waits, until the history is so old or no run is left."""
        while self.live and self.history.age < until:
            await self.answer()
            await asyncio.sleep(self.source.uniform(0.1, 0.3))

    async def conclude(self, wait: float) -> None:
        """Read every thread whole, let the follower come up to it, and record both."""
        for thread in self.threads:
            log = await self._log(thread)
            if log is None:
                continue
            head = log.events[-1].seq if log.events else 0
            until = self.history.age + wait
            while not self.follower.has(thread, head) and self.history.age < until:  # noqa: ASYNC110 - it ends by itself too
                await asyncio.sleep(0.05)
            self._record(thread, log, head)

    async def _log(self, thread: str) -> Log | None:
        for _ in range(20):
            try:
                return await self.person.log(thread)
            except (Lost, Refused):
                await asyncio.sleep(0.5)
        return None

    def _record(self, thread: str, log: Log, head: int) -> None:
        runs: dict[str, list[tuple[str, str]]] = {}
        started: dict[str, str] = {}
        for event in log.events:
            if event.run:
                runs.setdefault(event.run, []).append((event.type, event.call))
                if event.type == "agent_started":
                    words = str(event.details.get("input", ""))
                    place = words.find(self.person.mark)
                    if place >= 0:
                        started[event.run] = words[place : words.find(".", place) + 1]
        self.history.see(
            "log",
            "thread",
            self.number,
            thread=thread,
            epoch=log.epoch,
            first=log.events[0].seq if log.events else 1,
            events=[(event.seq, event.digest) for event in log.events],
            runs=runs,
            started=started,
            stayed={self.follower.name: self.follower.connected},
            head=head,
        )
