"""`python -m netra.guard`, which needs nothing but Python."""

import sys

from netra.guard.command import main

if __name__ == "__main__":
    sys.exit(main(last=True))
