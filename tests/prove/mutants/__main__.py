"""`netra`, with a defect in it: `python -m tests.prove.mutants fence-ignored serve --port 9000`.

Without arguments it lists the defects.
"""

import sys

from tests.prove.mutants import load
from tests.prove.mutants.edit import install


def main(arguments: list[str]) -> None:
    """Edit Netra, then be its command. Raises `EditImpossible`; exits with 2 when there is no such defect."""
    known = load()
    if not arguments or arguments[0] not in known:
        sys.stderr.writelines(f"{name:30} {defect.words}\n" for name, defect in known.items())
        raise SystemExit(2)
    name, *rest = arguments
    install(known[name].edits)
    from netra.cli.main import main as netra

    sys.argv = ["netra", *rest]
    netra()


if __name__ == "__main__":
    main(sys.argv[1:])
