from netra.guard.meaning.read_through import is_read_to_the_end, is_what_stands_there
from netra.guard.values import Routine
from tests.guard.programs import analysed, function, of_class


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


def test_what_stands_there_is_what_is_called_where_no_decorator_and_no_class_below_puts_another() -> None:
    text = """
        class Base:
            def kept(self): return 1
            def replaced(self): return 1
        class Below(Base):
            def replaced(self): return 2
        @traced
        def decorated(): return 3
        def plain(): return 4
        async def waiting(): return 5
        """
    analysis = analysed(text)
    base = of_class(analysis.program, "example.Base")
    routines = [Routine(each[0], receiver=base) for each in base.methods.values()]
    routines += [Routine(function(analysis.program, f"example.{name}")) for name in ("decorated", "plain", "waiting")]
    certain = {each.function.name: is_what_stands_there(each, analysis.receivers) for each in routines}
    assert certain == {"kept": True, "replaced": False, "decorated": False, "plain": True, "waiting": False}
