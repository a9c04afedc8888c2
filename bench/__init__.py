"""Benchmarks: ratios measured inside one run, on real processes, sockets and PostgreSQL. See `python -m bench --help`."""
