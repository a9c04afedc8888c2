"""Two revisions of a program, and what a change between them left behind."""
