import json

from netra.prove.output.json import write
from netra.prove.verdict import judge
from tests.prove.histories import NOON, Told


def test_a_verdict_is_read_back_as_it_was() -> None:
    history = Told().done("read_log", 1).event(1, 1).event(1, 1)
    smallest = tuple(history.records[-2:])
    told = json.loads(write(judge(history.records), seed=7, command="netra prove", began_at=NOON, smallest=smallest))
    assert told["began_at"] == "2026-11-26T12:00:00+00:00"
    assert (told["version"], told["verdict"], told["seed"]) == (1, "breach", 7)
    assert told["operations"] == {"read_log": {"ok": 1}}
    assert [each["breaches"] for each in told["promises"] if each["checker"] == "order"] == [1]
    assert told["breaches"][0]["records"] == told["smallest_history"]


def test_what_is_not_applicable_says_what_the_server_lacks() -> None:
    told = json.loads(write(judge(Told().target("resume").records), seed=7, command="netra prove", began_at=NOON, smallest=()))
    lacks = {each["checker"]: each["lacks"] for each in told["not_applicable"]}
    assert lacks["quotas"] == ["plans", "tools"]
    assert "quotas" not in {each["checker"] for each in told["promises"]}
