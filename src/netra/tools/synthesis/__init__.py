"""Rows made up to fit a JSON Schema: the same for the same schema, count and seed, and every one of them valid.

A schema is first made into *places*, each with the ways in which a value can be made there. What is contradictory or not
supported is refused then, with its place named, before a row is made. Rows are then made by construction, and judged all the
same: by `jsonschema`, row by row, so that a misunderstanding in here is an error and not a wrong file.

Read it in this order: `dialect` is what a schema may say; `alternatives` lays `$ref` and `allOf` together, and makes of
`anyOf` and `oneOf` ways to choose from; `place` is where a value stands, and a way is how one is made there; `numbers` with
their `distributions`, `texts` with their `formats`, and `containers` are the ways; `judge` tells what fits; `recipe` puts all
of them together.

Nothing here reads a file or asks the network: a `$ref` leads to a place of the same document or is refused.
"""

from netra.tools.synthesis.dialect import SchemaRefused
from netra.tools.synthesis.place import Stopped
from netra.tools.synthesis.recipe import Recipe

__all__ = ["Recipe", "SchemaRefused", "Stopped"]
