from netra.guard.facts import Expression
from netra.guard.sharing import Sharing
from tests.guard.programs import analysed, function, of_class

TEXT = """
from functools import lru_cache
module_wide = {}
class Kept: ...
class Cached: ...
class Fresh:
    everywhere = []
    def __init__(self): self.mine = []
kept = Kept()
@lru_cache
def cached(): return Cached()
def work(user, request):
    local = {}
    fresh = Fresh()
    made = build(user)
    other = settings.user_id
    return locals()
"""


def test_what_is_made_once_for_the_process_is_shared() -> None:
    analysis = analysed(TEXT)
    assert {each.name for each in Sharing(analysis).singletons} == {"Kept", "Cached"}
    assert of_class(analysis.program, "example.Fresh") not in Sharing(analysis).singletons


def test_a_slot_outlives_the_request_and_a_local_name_does_not() -> None:
    analysis = analysed(TEXT)
    scope = function(analysis.program, "example.work")
    sharing = Sharing(analysis)

    def shared(expression: Expression) -> bool:
        return sharing.slot(expression, scope) is not None

    assert shared(("name", "module_wide")) and not shared(("name", "local"))
    assert shared(("attribute", ("name", "fresh"), "everywhere")) and not shared(("attribute", ("name", "fresh"), "mine"))
    assert shared(("attribute", ("name", "kept"), "anything"))
    assert shared(("attribute", ("attribute", ("name", "app"), "state"), "x"))


def test_what_is_made_of_a_user_is_the_users() -> None:
    analysis = analysed(TEXT)
    scope = function(analysis.program, "example.work")
    sharing = Sharing(analysis)
    assert sharing.of_user(("name", "made"), scope) == "user"
    assert sharing.of_user(("name", "request"), scope) == "request"
    assert sharing.of_user(("name", "local"), scope) is None
