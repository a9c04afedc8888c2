"""Files on disk → the facts of each, cached by content: everything that reads Python text is here."""
