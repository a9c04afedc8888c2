from netra.guard.database.placeholders import CountedPlaces, counted
from tests.guard.programs import analysed, function

TEXT = """
def save(cursor, table, where, a, b):
    cursor.execute("SELECT 1 FROM t WHERE a = %s AND b LIKE '%%'", (a, b))
    cursor.execute(f"SELECT 1 FROM {table}_rows WHERE a = ?", [a])
    cursor.execute(f"SELECT 1 FROM t WHERE {where}", [a])
    cursor.execute("CREATE TABLE t (a int)", [a])
"""


def test_places_and_values_are_counted_where_both_are_written_down() -> None:
    analysis = analysed(TEXT)
    scope = function(analysis.program, "example.save")
    found = [counted(each.arguments[0], each.arguments[1], scope) for each in scope.facts.calls]
    assert found == [CountedPlaces(1, 2), CountedPlaces(1, 1), None, None]
