"""E109."""

from collections.abc import Iterator

from netra.guard.analysis import Analysis
from netra.guard.faults import CERTAIN, Mend, Sighting
from netra.guard.rule import rule
from netra.guard.unset import unset_secrets
from netra.guard.values import Step


@rule("E109", "unset-secret", hesitant=True)
def unset_secret(analysis: Analysis) -> Iterator[Sighting]:
    """A secret that nobody has set is compared with what a client has sent, and equal to what he has left out.

    `os.getenv` gives None for a missing variable, and so does `headers.get` for a missing header. Where the variable was
    forgotten, everybody is let in who sends nothing.

    ```python
    def is_internal(request: Request) -> bool:
        return request.headers.get("X-Internal") == os.getenv("INTERNAL_SECRET")  # E109


    if request.headers.get("Authorization") != f"Bearer {API_TOKEN}":  # E109: everybody can send `Bearer None`
        raise HTTPException(401)
    ```

    Looked at are headers, cookies and parameters, as they are asked for or as a route takes them (`Header(None)`, a scheme with
    `auto_error=False`), and secrets read in the function, kept under a name of a module or an object, or by a field of
    `BaseSettings` with None as its default. Left alone is a comparison where the function, or somebody else, asks whether the
    secret is there, or where the function asks whether anything was sent.

    Refuse to start without the secret, or refuse everybody while it is missing.
    """
    for each in unset_secrets(analysis):
        what = f"everybody can send `{each.said}`" if each.said else "what a client leaves out is equal to it"
        message = f"where `{each.variable}` is not set, {what}, and is let in"
        read = Step(each.read.module.path, each.read_line, f"without `{each.variable}` this gives None")
        mend = Mend("refuse to start, or refuse everybody, without it")
        yield Sighting(each.scope, each.line, each.column, each.line, message, (read,), mend, CERTAIN)
