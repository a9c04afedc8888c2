"""Who somebody is: accounts, sessions, tokens, keys, and the proof that a request carries."""
