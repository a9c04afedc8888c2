from netra.guard.meaning.lazies import is_lazy
from tests.guard.programs import analysed, function


def test_a_query_waits_to_be_awaited_and_a_row_does_not() -> None:
    text = """
    from tortoise.models import Model

    class User(Model): ...

    def work():
        User.get(id=1)
        User()
        User.get(id=1).prefetch_related("posts")
    """
    analysis = analysed(text)
    scope = function(analysis.program, "example.work")
    values = [analysis.receivers.value(("call", index), scope) for index in range(len(scope.facts.calls))]
    lazy = {each.line for each, value in zip(scope.facts.calls, values, strict=True) if is_lazy(value)}
    assert lazy == {7, 9}
