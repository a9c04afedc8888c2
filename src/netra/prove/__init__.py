"""Netra prove: attacks a running server with real users, and says with a witness whether they can meet.

An island: it speaks only what a server speaks in public, and imports nothing else of Netra. Read it as its five nouns:
`workload` is what the users do, `targets/` how a server is spoken to, `faults/` what goes wrong meanwhile, `history` what was
seen of all that, one JSON object a line, and `checkers/` judge a history afterwards. `proof` puts a run together, `verdict`
sums it up, `output/` shows it, `command` is the way in.
"""
