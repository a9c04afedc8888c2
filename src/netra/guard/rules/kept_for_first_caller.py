"""S117."""

from collections.abc import Iterator

from netra.guard.analysis import Analysis
from netra.guard.faults import CERTAIN, LIKELY, Mend, Sighting
from netra.guard.requests.first_caller import kept_for_first
from netra.guard.rule import rule
from netra.guard.values import Step


@rule("S117", "kept-for-first-caller", hesitant=True)
def kept_for_first_caller(analysis: Analysis) -> Iterator[Sighting]:
    """What was got with the credential of one caller is kept for all, whatever they sign in with.

    Each caller says with what to sign in, and the function looks first whether a variable of the module, an attribute of the
    class or of the one object is filled already. It is filled with what belongs to the first: a token that acts for that user,
    the models of that account, a client that is signed in. Everybody else gets that, also with a credential that opens nothing.

    ```python
    class Provider:
        models = []

        @classmethod
        def get_models(cls, api_key):
            if not cls.models:
                cls.models = fetch("/models", headers={"Authorization": f"Bearer {api_key}"})  # S117
            return cls.models
    ```

    Keep it in a dictionary under the credential, or under what it stands for, or in an object that is made for the caller. A
    function that compares the credential with the one that was kept is left alone, and so is a place in which something is from
    the beginning. Guard is certain where the credential comes with a request, or where others hand on what they are given to
    sign in with: of a function that nobody calls, or only with a setting of the program, all callers may have the same.
    """
    for kept in kept_for_first(analysis):
        scope, each = kept.scope, kept.each
        message = f"`{kept.slot.name}` is got with the `{kept.credential}` of one caller, and kept for all"
        path = scope.module.path
        why = (
            *kept.way,
            Step(path, scope.facts.line, f"`{scope.facts.qualified}` is told by each caller with what to sign in"),
            Step(path, kept.tested, "whoever comes later gets what is there, whatever they have given"),
            kept.slot.step,
        )
        mend = Mend("keep it under the credential, or in an object that is made for the caller")
        yield Sighting(scope, each.line, each.column, each.line, message, why, mend, CERTAIN if kept.way else LIKELY)
