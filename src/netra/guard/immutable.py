"""Values that nobody changes: dataclasses with slots that are equal when their fields are.

`dataclass(frozen=True)` refuses to be changed while it runs, and sets each field the long way for it: making one takes three
times as long. Guard makes hundreds of thousands of them. Type checkers refuse as well, and take no time.
"""

from dataclasses import dataclass
from typing import TypeVar, dataclass_transform

Kind = TypeVar("Kind")


@dataclass_transform(frozen_default=True)
def immutable(kind: type[Kind]) -> type[Kind]:
    """`@immutable` on a class with annotated fields; a type checker reports whoever sets one of them later."""
    return dataclass(slots=True, unsafe_hash=True)(kind)
