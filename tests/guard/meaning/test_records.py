from netra.guard.meaning.records import kept_as_value
from tests.guard.programs import analysed, function

TEXT = """
async def size(name): ...

async def record(name):
    return {"name": name, "size": size(name)}

async def tasks(name, other):
    return {"one": size(name), "other": size(other)}

async def late(name):
    return {"name": name, "task": size(name)}

async def greatest(names):
    sizes = [size(name) for name in names]
    return max(sizes)

async def handed(names, give):
    sizes = [size(name) for name in names]
    return give(sizes)
"""


def test_a_field_beside_values_and_a_list_that_is_compared_are_values() -> None:
    program = analysed(TEXT).program
    told = {}
    for name in ("record", "tasks", "late", "greatest", "handed"):
        scope = function(program, f"example.{name}")
        index, call = next((index, call) for index, call in enumerate(scope.facts.calls) if call.callee == ("name", "size"))
        kept = kept_as_value(scope, index, call, program)
        told[name] = kept and kept.line
    assert told == {"record": 5, "tasks": None, "late": None, "greatest": 15, "handed": None}
