import pytest

from netra.guard.meaning.overriding import misfits
from tests.guard.programs import analysed

TEXT = """
class Bus:
    def run(self):
        self.stop()

    async def work(self):
        await self.fetch()

    def stop(self): ...

    async def fetch(self): ...

class Late(Bus):
    async def stop(self):
        print("stop")

class Early(Bus):
    def fetch(self):
        return 1

class Own(Bus):
    def run(self):
        pass

    async def stop(self):
        print("stop")
"""


def test_a_method_of_another_kind_is_found_with_the_inherited_call_that_meets_it() -> None:
    analysis = analysed(TEXT)
    found = misfits(analysis.program, analysis.receivers, lambda scope, call, value: "drops it")
    told = [(each.method.facts.qualified, each.caller.facts.qualified, each.how) for each in found]
    assert told == [("Late.stop", "Bus.run", "drops it"), ("Early.fetch", "Bus.work", "awaits it")]


def test_nothing_is_found_where_the_judge_finds_nothing_wrong() -> None:
    analysis = analysed(TEXT)
    found = misfits(analysis.program, analysis.receivers, lambda scope, call, value: None)
    assert [each.method.facts.qualified for each in found] == ["Early.fetch"]


@pytest.mark.parametrize(
    ("call", "expected"),
    [
        ("bus.stop()", ["use"]),
        ("bus.stop(); return bus.stop", []),
        ("bus.stop(); other.stop()", []),
        ("bus.stop(); await late.stop()", []),
        ("return 1", []),
    ],
)
def test_a_call_from_outside_meets_a_method_that_nobody_awaits(call: str, expected: list[str]) -> None:
    text = f"""
    class Bus:
        def stop(self): ...

    class Late(Bus):
        async def stop(self):
            print("stop")

    async def use(bus: Bus, late: Late, other):
        {call}
    """
    analysis = analysed(text)
    found = misfits(
        analysis.program, analysis.receivers, lambda scope, call, value: None if call.where[0] == "await" else "drops it"
    )
    assert [each.caller.name for each in found] == expected
