import asyncio
from pathlib import Path

from netra.prove import checkers, faults
from netra.prove.faults import Bites, InjectedFault, World
from netra.prove.history import History
from netra.prove.proof import ProofPlan, ProofRun, excludes
from netra.prove.rows import MarkedRow
from netra.prove.schedule import Moment
from netra.prove.verdict import Conclusion, judge
from tests.prove.memory import MemoryPerson, MemoryTarget

CHECKERS = checkers.load()
READERS = tuple(fault for name, fault in faults.load().items() if name in ("readers-cut", "all-return-at-once"))


async def test_a_server_that_is_right_is_proved_so() -> None:
    proof = ProofRun(ProofPlan(6, 3, 1, READERS, pace=0.02), History())
    await proof.attack(MemoryTarget(proof.heard))
    verdict = judge(proof.history.records, CHECKERS)
    assert verdict.outcome is Conclusion.PROVED, (verdict.doubts, verdict.breaches[:3])
    assert verdict.users == 6
    assert {fault.name for fault in verdict.faults} == {"readers-cut", "all-return-at-once"}


async def test_a_server_that_mixes_users_up_is_caught_with_a_witness() -> None:
    proof = ProofRun(ProofPlan(4, 1, 1, pace=0.02), History())
    target = MemoryTarget(proof.heard)

    async def mixed_up(number: int, mark: str) -> MemoryPerson:
        person = MemoryPerson(target, number, mark)
        if number == 3:
            heard = target.heard
            target.heard = lambda user, where, text: heard(3 if user == 2 else user, where, text)
        return person

    target.sign_up = mixed_up  # type: ignore[method-assign]
    await proof.attack(target)
    verdict = judge(proof.history.records, CHECKERS)
    assert verdict.outcome is Conclusion.BREACH
    assert "user 3 received the mark of user 2" in verdict.breaches[0].witness


async def test_a_log_may_name_a_user_beside_their_mark_and_nobody_elses(tmp_path: Path) -> None:
    proof = ProofRun(ProofPlan(2, 0.1, 1), History())
    await proof.attack(MemoryTarget(proof.heard))
    first, second = proof.users
    said = f"run of {first.person.user_id} says {{}}\n"
    await asyncio.to_thread(
        (tmp_path / "server.log").write_text, said.format(first.person.mark) + said.format(second.person.mark)
    )
    await asyncio.to_thread(proof.read_logs, [tmp_path / "server.log"])
    foreign = [record for record in proof.history if record.kind == "foreign"]
    assert [record.data["owner"] for record in foreign] == [second.number]


async def test_a_row_may_hold_the_mark_of_its_owner_and_nobody_elses() -> None:
    proof = ProofRun(ProofPlan(2, 0.1, 1), History())
    await proof.attack(MemoryTarget(proof.heard))
    first, second = proof.users
    proof.read_rows(MarkedRow("letter", first.person.user_id, user.person.mark) for user in (first, second))
    foreign = [record.data for record in proof.history if record.kind == "foreign"]
    assert [(each["owner"], each["where"]) for each in foreign] == [(second.number, "a row of user 0 in the table letter")]


async def test_runs_that_never_end_are_waited_for_no_longer_than_there_is_patience() -> None:
    proof = ProofRun(ProofPlan(2, 0.2, 1, pace=0.02, settle=0.5), History())
    target = MemoryTarget(proof.heard)
    target.endless = True
    async with asyncio.timeout(20):
        await proof.attack(target)
    assert any(user.live for user in proof.users)
    assert "run-ends" in {breach.checker for breach in judge(proof.history.records, CHECKERS).breaches}


async def test_a_fault_that_is_to_be_seen_alone_is_and_users_work_until_the_last_is_over() -> None:
    begun = dict.fromkeys(("one", "two"), 0)

    def lasting(name: str, *, alone: bool) -> InjectedFault:
        async def inject(world: World, tally: Bites) -> None:
            begun[name] = len(world.history.records)
            # Something has to be done meanwhile, by users who are at work long after the time that was asked for.
            while not any(each.name == "start_run" for each in world.history.records[begun[name] :]):  # noqa: ASYNC110
                await asyncio.sleep(0)
            tally.bite()

        return InjectedFault(name, (), name, inject, ours=False, stops=False, alone=alone, abilities=frozenset())

    pair = (lasting("one", alone=True), lasting("two", alone=False))
    plan = ProofPlan(2, 0.01, 1, pair, pace=0.01, moments=(Moment(0.0, "one"), Moment(0.0, "two")))
    proof = ProofRun(plan, History())
    await proof.attack(MemoryTarget(proof.heard))
    told = [(each.name, "began" in each.data) for each in proof.history if each.kind == "fault"]
    assert told == [("one", True), ("one", False), ("two", True), ("two", False)]


def test_two_faults_of_the_same_servers_wait_for_each_other() -> None:
    known = faults.load()
    assert excludes(known["worker-killed"], known["database-paused"])
    assert excludes(known["one-floods"], known["forged-tokens"])
    assert not excludes(known["worker-killed"], known["forged-tokens"])
