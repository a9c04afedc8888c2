from netra.guard.meaning.places import CoroutinePlaces, Fate
from tests.guard.programs import analysed, function

TEXT = """
import json

async def note(): ...

def shown(text):
    return text.upper()

def kept(text):
    notes.append(text)

async def all_of_it():
    json.dumps([note()])
    shown(note())
    kept(note())
    return note().title
"""


def test_a_place_says_what_becomes_of_a_coroutine_there_and_what_proves_it() -> None:
    analysis = analysed(TEXT)
    scope = function(analysis.program, "example.all_of_it")
    places = CoroutinePlaces(analysis.program, analysis.receivers, frozenset())
    notes = [call for call in scope.facts.calls if call.callee == ("name", "note")]
    fates = [places.place(call.where, scope) for call in notes]
    assert [fate for fate, _, _ in fates] == [Fate.FORMATTED, Fate.PASSED, Fate.UNCLEAR, Fate.USED]
    assert [[step.line for step in steps] for _, _, steps in fates] == [[], [7], [], []]


def test_what_is_written_down_is_understood() -> None:
    analysis = analysed("def one(): return 1\n\n\ndef two(): ...\n")
    places = CoroutinePlaces(analysis.program, analysis.receivers, frozenset())
    assert places.is_understood(function(analysis.program, "example.one"))
