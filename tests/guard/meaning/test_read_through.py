from netra.guard.meaning.read_through import is_read_to_the_end
from netra.guard.values import Routine
from tests.guard.programs import analysed


def test_what_a_function_gives_is_certain_where_all_of_it_is_read() -> None:
    text = """
        from elsewhere import run, traced
        def number(): return 3
        def said() -> int: return run()
        def unknown(): return run()
        def hook(): ...
        @traced
        def decorated(): return 3
        """
    analysis = analysed(text)
    functions = {each.name: Routine(each) for each in analysis.scopes if each.name}
    certain = {
        name: is_read_to_the_end(each, analysis.receivers.outcome(each), analysis.receivers) for name, each in functions.items()
    }
    assert certain == {"number": True, "said": True, "unknown": False, "hook": False, "decorated": False}
