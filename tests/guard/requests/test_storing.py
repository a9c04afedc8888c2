from netra.guard.requests.storing import Storing
from tests.guard.programs import analysed, function

TEXT = """
from fastapi import FastAPI
app = FastAPI()
class Memory:
    def get(self, name): return self.kept.get(name)
    def put(self, name, value, size=0): self.kept[name] = (size, value)
    def made(self, name, make):
        if name not in self.kept: self.kept[name] = make()
        return self.kept[name]
    def tag(self, **tags): self.kept.update(tags)
shared = Memory()
@app.get("/a")
async def a(name, text):
    shared.get(name)
    shared.put(name, text, 1)
    shared.put(name, text)
    shared.made(name, build)
    shared.tag(first=text)
    Memory().put(name, text, 1)
def nobody(name): shared.put(name, name, 1)
"""


def test_what_a_call_has_kept_in_a_shared_object_is_seen_with_the_key_and_the_value_that_it_gives() -> None:
    told = Storing(analysed(TEXT)).told
    found = {(write.line, write.how, write.key, write.value, keeping.function.name) for write, keeping in told}
    name, text = ("name", "name"), ("name", "text")
    assert found == {
        (15, "item", name, ("tuple", (("constant", "int"), text)), "put"),
        (16, "item", name, text, "put"),  # what has a default may be left out
        (17, "item", name, ("name", "build"), "made"),
        (18, "update", None, ("dict", ((("string", "first"), text),)), "tag"),
    }


def test_who_looks_for_it_by_way_of_a_method_is_known() -> None:
    analysis = analysed(TEXT)
    storing = Storing(analysis)
    scope = function(analysis.program, "example.a")
    slot = storing.told[0][0].slot
    assert storing.asks(scope, slot, ("name", "name")) and not storing.asks(scope, slot, ("name", "text"))
    assert {keeping.function.name for _, keeping in storing.told if storing.looks(keeping)} == {"made"}
