"""An id is told to be another's by what stands beside it, and no role that one thing plays for another is."""

import pytest

from netra.guard.requests.mixed_ids import among_arguments, under_other_keys
from tests.guard.programs import analysed, function

TEXT = """
    class Caller: ...

    def taking({parameters}):
        return rows.find(call_id=call_id, fleet_id=fleet_id)

    class Maps:
        def of(self, user_id): ...
        def grant(self, user_id, map_id): ...
        def lend(self, seat_id, map_id): ...

    def granted(maps: Maps, map_id, colleague_id):
        maps.grant(map_id, colleague_id)

    def lent(maps: Maps, map_id, colleague_id):
        maps.lend(map_id, colleague_id)

    def of(maps: Maps, colleague_id):
        maps.of(colleague_id)

    def other(me, call):
        return me["fleet_id"], me.group_id

    def passing(me, call, call_id, map_id, colleague_id):
        taking({given})
    """


@pytest.mark.parametrize(
    ("parameters", "given", "expected"),
    [
        ("fleet_id", "me['id']", True),
        ("fleet_id", "me['fleet_id']", False),
        ("me_id", "me['id']", False),
        ("vehicle_id", "me['id']", False),
        ("group_id", "me.id", False),
        ("call_id", "call.caller_id", True),
        ("call_id", "call.other_call_id", False),
        ("call_id", "call.place_id", False),
        ("user_id, map_id", "map_id, colleague_id", False),
        ("map_id, user_id", "map_id, colleague_id", False),
        ("user_id, map_id", "map_id=map_id, user_id=colleague_id", False),
    ],
)
def test_what_a_call_is_given(parameters: str, given: str, *, expected: bool) -> None:
    analysis = analysed(TEXT.replace("{parameters}", parameters).replace("{given}", given))
    scope, taking = function(analysis.program, "example.passing"), function(analysis.program, "example.taking")
    assert bool([*among_arguments(analysis, scope, scope.facts.calls[0], taking, 0)]) == expected


@pytest.mark.parametrize(("caller", "name", "found"), [("granted", "grant", 1), ("lent", "lend", 0)])
def test_two_have_changed_places_where_the_other_is_wanted_here(caller: str, name: str, found: int) -> None:
    analysis = analysed(TEXT.replace("{parameters}", "").replace("{given}", ""))
    scope, taking = function(analysis.program, f"example.{caller}"), function(analysis.program, f"example.Maps.{name}")
    assert len([*among_arguments(analysis, scope, scope.facts.calls[0], taking, 1)]) == found


@pytest.mark.parametrize(
    ("put", "found", "expected"),
    [
        ("store.put(('wishes', guest_id), 1)", "store.get(('wishes', thread_id))", ["guest_id"]),
        ("store.set(f'wishes:{guest_id}', 1)", "store.get(f'wishes:{thread_id}')", ["guest_id"]),
        ("store.put(('wishes', guest_id), 1)", "store.get(('wishes', guest_id))", []),
        ("store.put(('wishes', guest_id), 1)", "store.get(('facts', thread_id))", []),
        ("store.put(('wishes', guest_id), 1)", "store.get(('wishes', hotel_guest_id))", []),
    ],
)
def test_what_is_kept_under_one_id_is_looked_for_under_another(put: str, found: str, expected: list[str]) -> None:
    text = f"""
        def keep(store, guest_id): {put}
        def look(store, guest_id, thread_id, hotel_guest_id): {found}
        """
    assert [each.name for each in under_other_keys(analysed(text))] == expected
