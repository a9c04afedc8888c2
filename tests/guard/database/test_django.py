from netra.guard.database.django import asks, is_connection, is_threaded, keeps_connections
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
    assert sorted({call.line for call in f.facts.calls if asks(analysis, call, f)}) == [7, 10, 12, 13]
    assert (is_threaded(f), is_threaded(g)) == (False, True)


def test_which_settings_keep_a_connection_for_the_next_request() -> None:
    def keeps(text: str) -> bool:
        return keeps_connections(analysed(text))

    assert keeps('DATABASES = {"default": {"NAME": "x", "CONN_MAX_AGE": None or 60}}')
    assert keeps('DATABASES = {"default": {"OPTIONS": {"pool": True}}}')
    assert keeps("DATABASES = {'default': dj_database_url.config(conn_max_age=600)}")
    assert keeps('DATABASES["default"]["CONN_MAX_AGE"] = 60')
    assert not keeps('DATABASES = {"default": {"OPTIONS": {"pool": False}}}')
    assert not keeps('LIMITS = {"pool": True}')


def test_a_connection_of_django_is_known_by_what_it_was_imported_as() -> None:
    text = """
        from django.db import connection as db, connections
        def f(connection):
            db.cursor()
            connections["replica"].cursor()
            connection.cursor()
        """
    analysis = analysed(text)
    (f,) = (each for each in analysis.scopes if each.name == "f")
    assert [is_connection(analysis, call.callee[1], f) for call in f.facts.calls] == [True, True, False]
