"""Netra guard: finds what asynchronous multi-user Python gets wrong, before its users do.

An island: it imports nothing else of Netra and only the standard library, and it never imports or runs what it reads. Read
it in the order in which it works: `source` finds and parses files and makes `facts` of each, `program` links the facts,
`meaning` says what expressions are and what calls give, `entries` from where a program is entered, and `analysis` puts that
together. `members`, `requests`, `database` and `revisions` answer what the rules of several families ask; `rules` holds one
rule a file. `inspection` runs them, `output` shows what they find, `command` is the way in.
"""
