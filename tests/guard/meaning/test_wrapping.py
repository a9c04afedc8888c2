from netra.guard.meaning.wrapping import wrapped_calls
from tests.guard.programs import analysed

DECORATOR = """
import functools

def retry(function):
    @functools.wraps(function)
    async def wrapper(*args):
        return function(*args)
    return wrapper
"""


def lines(text: str) -> list[int]:
    analysis = analysed(text)
    return [call.line for _, call, _, _ in wrapped_calls(analysis.program, analysis.receivers)]


def test_the_call_of_what_is_decorated_gives_a_coroutine() -> None:
    assert lines(f"{DECORATOR}\n@retry\nasync def load(): ...\n") == [7]


def test_where_one_of_them_is_no_coroutine_function_nothing_is_known() -> None:
    assert lines(f"{DECORATOR}\n@retry\nasync def load(): ...\n\n@retry\ndef save():\n    return 1\n") == []
    assert lines(DECORATOR) == []
