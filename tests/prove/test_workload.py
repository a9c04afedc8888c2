import random

from netra.prove.checkers.run_ends import check as check_run_ends
from netra.prove.follower import Watcher
from netra.prove.history import History, operations
from netra.prove.workload import THREADS, User
from tests.prove.memory import MemoryTarget


async def user_of(target: MemoryTarget, seed: str = "s") -> User:
    history, person = History(), await target.sign_up(1, "mark-1")
    user = User(person, history, random.Random(seed), Watcher(person, history, random.Random(1)))
    await user.begin()
    return user


async def test_the_same_seed_means_the_same_intentions() -> None:
    told = []
    for seed in ("a", "a", "b"):
        target = MemoryTarget(lambda *_: None)
        user = await user_of(target, seed)
        for _ in range(40):
            await user.one_thing(target.abilities)
        told.append([(each.name, {**each.invoke.data, "run": ""}) for each in operations(user.history)])
    assert told[0] == told[1]
    assert told[0] != told[2]


async def test_one_request_sent_many_times_is_one_run() -> None:
    user = await user_of(MemoryTarget(lambda *_: None))
    await user.send_many(20)
    assert len(user.runs) == 1
    starts = [each for each in operations(user.history) if each.name == "start_run"]
    assert len(starts) == 20
    assert len({each.invoke.data["key"] for each in starts}) == 1


async def test_a_refusal_is_a_fail_and_a_broken_connection_is_unknown() -> None:
    target = MemoryTarget(lambda *_: None)
    user = await user_of(target)
    await user.start_run()
    await user.cancel()
    target.failing = True
    await user.read_log()
    results = [(each.name, each.result) for each in operations(user.history)][-2:]
    assert results == [("cancel", "fail"), ("read_log", "unknown")]


async def test_in_the_end_every_thread_is_read_whole() -> None:
    target = MemoryTarget(lambda *_: None)
    user = await user_of(target)
    await user.start_run()
    await user.conclude(wait=0)
    logs = [record for record in user.history if record.kind == "log"]
    assert len(logs) == THREADS
    assert [len(log.data["events"]) for log in logs] == [len(target.threads[thread]) for thread in user.threads]
    started = {run: mark for log in logs for run, mark in log.data["started"].items()}
    assert started == dict.fromkeys(user.runs, "mark-1 request 1.")


async def test_an_answer_that_was_lost_is_given_again() -> None:
    user = await user_of(MemoryTarget(lambda *_: None))
    user.live.add("r")
    user.questions.append(("r", "1"))
    await user.answer()
    assert user.questions == [("r", "1")]


async def test_a_run_that_talks_is_one_of_the_users_own() -> None:
    target = MemoryTarget(lambda *_: None)
    user = await user_of(target)
    await user.talk(user.threads[1], steps=30)
    (run,) = user.runs
    assert [event.run for event in target.threads[user.threads[1]]] == [run] * 33
    await user.conclude(wait=0)
    assert list(check_run_ends(user.history.records)) == []
