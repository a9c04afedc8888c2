"""A token is looked at when a socket opens, and its expiry never again."""

from tests.prove.mutants import Attack, Defect
from tests.prove.mutants.edit import Edit

DEFECT = Defect(
    edits=(
        Edit(
            "netra.gateway.connection",
            "        if self.identity.expires_at is not None and self.closing is None:\n",
            "        if self.identity.expires_at is None:\n",
        ),
    ),
    checkers=("access",),
    within=90,
    # The grace after a token's end is ten seconds, and two more are the way's.
    attack=Attack(seconds=28, settings={"NETRA_ACCESS_TOKEN_LIFETIME": "10"}),
)
