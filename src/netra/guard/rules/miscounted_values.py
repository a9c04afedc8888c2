"""M109."""

from collections.abc import Iterator

from netra.guard.analysis import Analysis
from netra.guard.entries.unused import NamesUsed
from netra.guard.faults import CERTAIN, Mend, Sighting
from netra.guard.members.placeholders import values_to_count
from netra.guard.rule import rule


@rule("M109", "miscounted-values", hesitant=True)
def miscounted_values(analysis: Analysis) -> Iterator[Sighting]:
    """A statement is given more values than it has places for, or fewer.

    The driver raises when the line runs: what is left behind when a column is added, or when values are put into the text
    itself.

    ```python
    cursor.execute("UPDATE orders SET owner = %s WHERE id = %s", (owner,))  # M109
    cursor.execute(f"DELETE FROM orders WHERE id = '{order}'", (order,))  # M109
    ```

    Looked at are texts and tuples that stand in the function, in modules that import a driver, which says how a place is
    written: `%s` for those of PostgreSQL and MySQL, `?` for SQLite. What is put together with the text may be a place itself,
    and is left alone, unless it is glued to a name or a quote. Texts of more than 200 letters are not known to their end.

    Give it a value for each place.
    """
    used = analysis.program.once(NamesUsed)
    for each in values_to_count(analysis):
        if not used.is_unused(each.scope):
            message = f"the statement has {_counted(each.places)}, and is given {each.given}: the driver raises an error"
            mend = Mend("give it a value for each place")
            yield Sighting(each.scope, each.line, each.column, each.end_line, message, (), mend, CERTAIN)


def _counted(places: int) -> str:
    return "no place for a value" if places == 0 else f"{places} place{'s' if places > 1 else ''} for values"
