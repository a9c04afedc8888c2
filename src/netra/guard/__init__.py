"""Netra guard: finds what asynchronous multi-user Python gets wrong, before its users do.

An island: it imports nothing else of Netra and only the standard library, and it never imports or runs what it reads. Read
it in the order in which it works: `source` finds and parses files, `collector` turns each into `facts`, `program` links the
facts, `receivers` says what an expression is, `kinds` what a callable gives, `contexts` where a coroutine is a fault, `reach`
from which routes; `rules/` holds one rule a file. `analysis` is all of that put together, `command` the way in.
"""
