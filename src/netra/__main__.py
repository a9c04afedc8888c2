"""`python -m netra`, which is `netra`."""

from netra.cli.main import main

if __name__ == "__main__":
    main()
