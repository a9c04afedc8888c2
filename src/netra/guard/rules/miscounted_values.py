"""D112."""

from collections.abc import Iterator

from netra.guard.analysis import Analysis
from netra.guard.database.placeholders import counted
from netra.guard.faults import Mend, Sighting
from netra.guard.rule import rule
from netra.guard.values import Step


@rule("D112", "miscounted-values")
def miscounted_values(analysis: Analysis) -> Iterator[Sighting]:
    """A statement is given more or fewer values than it has places: the driver refuses it every time.

    ```python
    cursor.execute(f"UPDATE person SET name = '{name}' WHERE id = {number}", (name, number))  # D112: no place for two values
    cursor.execute("INSERT INTO person (id, name) VALUES (%s, %s)", (number,))  # D112
    ```

    The whole text has to be written down, but for parts of names and what stands in quotes, and the values have to be a tuple
    or list that is written down as well. Places with names or numbers are left alone.
    """
    for scope, _, call in analysis.calls_of("execute"):
        if scope.module.in_tests or len(call.arguments) != 2 or call.keywords or call.callee[0] != "attribute":
            continue
        if call.arguments[1][0] not in ("tuple", "list", "name"):
            continue
        found = counted(call.arguments[0], call.arguments[1], scope)
        if found is None or found.places == found.values:
            continue
        values = "1 value" if found.values == 1 else f"{found.values} values"
        places = {0: "no place", 1: "1 place"}.get(found.places, f"{found.places} places")
        message = f"the statement is given {values} and has {places} for any: the driver refuses it"
        step = Step(scope.module.path, call.line, f"`{scope.name}` gives it {values}")
        mend = Mend("put a place into the statement for each value that it is given, and a value for each place")
        yield Sighting(scope, call.line, call.column, call.end_line, message, (step,), mend)
