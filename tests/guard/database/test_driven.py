from netra.guard.database.driven import DrivenWrites
from tests.guard.programs import analysed


def test_what_is_written_over_a_connection_and_left() -> None:
    text = """
        import sqlite3
        def never():
            connection = sqlite3.connect("x.db")
            connection.execute("INSERT INTO person VALUES (1)")
            connection.close()
        def on_one_way(wanted):
            connection = sqlite3.connect("x.db")
            connection.execute("INSERT INTO person VALUES (1)")
            if wanted:
                return 1
            connection.commit()
            return 2
        def always():
            connection = sqlite3.connect("x.db")
            connection.execute("INSERT INTO person VALUES (1)")
            connection.commit()
        def reads():
            connection = sqlite3.connect("x.db")
            return connection.execute("SELECT 1").fetchone()
        """
    found = DrivenWrites(analysed(text)).lost()
    assert sorted((each.tracked.scope.name, each.call.line, each.line, each.committed) for each in found) == [
        ("never", 5, 6, 0),
        ("on_one_way", 9, 11, 12),
    ]
