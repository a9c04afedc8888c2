"""S101."""

from collections.abc import Iterator

from netra.guard.analysis import Analysis
from netra.guard.faults import Mend, Sighting
from netra.guard.rule import rule
from netra.guard.sharing import Sharing


@rule("S101", "user-in-shared-slot")
def user_in_shared_slot(analysis: Analysis) -> Iterator[Sighting]:
    """What belongs to one user is put where the next request overwrites it, or finds it.

    A variable of the module, an attribute of a class, of an object that serves the whole process, or of `app.state` has room
    for one value. Between the request that writes it and the line that reads it, another user's request writes its own.

    ```python
    class Dispatcher:
        def handle(self, user, message):
            self.user = user  # S101: one `dispatcher` serves everybody
            return self.answer(message)


    dispatcher = Dispatcher()
    ```

    Pass the value on as an argument, or keep it in an object that is made for the request, or in a `ContextVar`.
    """
    sharing = analysis.once(Sharing)
    for write in sharing.writes:
        if write.how != "slot":
            continue
        whose = sharing.of_user(write.value, write.scope, write.line)
        if whose is None:
            continue
        way = analysis.reach.path_to(write.scope)
        if way:
            message = f"`{write.slot.name}` outlives the request, and what is kept there is of one user (`{whose}`)"
            mend = Mend("pass it on as an argument, or keep it in an object of this request")
            yield Sighting(write.scope, write.line, write.column, write.end_line, message, (write.slot.step, *way), mend)
