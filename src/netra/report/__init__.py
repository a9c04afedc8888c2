"""One report of regressions out of what guard, prove, the tests and the health of a server say, against a saved one.

It believes evidence only: what was not run is unknown, what was made before the code changed is old, and a point of the
checklist is ticked by a document or not at all. It reads files and HTTP, and imports nothing else of Netra.
"""
