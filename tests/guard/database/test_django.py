from netra.guard.database.django import asks, is_threaded
from tests.guard.programs import analysed


def test_what_asks_the_database_of_django() -> None:
    text = """
        from channels.db import database_sync_to_async
        from django.db import connection, models
        class Tour(models.Model): ...
        class Other: ...
        def f():
            Tour.objects.get(pk=1)
            Tour.objects.filter(pk=1)
            found = Tour.objects.filter(pk=1)
            found.count()
            Other.objects.get(pk=1)
            Tour().save()
            connection.cursor()
        @database_sync_to_async
        def g(): ...
        """
    analysis = analysed(text)
    f, g = (each for each in analysis.scopes if each.name in ("f", "g"))
    assert sorted({call.line for call in f.facts.calls if asks(analysis, call.callee, f)}) == [7, 10, 12, 13]
    assert (is_threaded(f), is_threaded(g)) == (False, True)
