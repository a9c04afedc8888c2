"""An attribute that is worked out when it is first asked for: `functools.cached_property` without a lock.

Up to Python 3.11 the one of the library takes a lock at each first question. Guard asks hundreds of thousands of them, and
no two of its threads ask the same object.
"""

from collections.abc import Callable
from typing import Any, Generic, TypeVar, overload

Owner = TypeVar("Owner")
Answer = TypeVar("Answer")


class lazily(Generic[Owner, Answer]):  # noqa: N801 - it is written where a decorator is
    """`@lazily` on a method without parameters; the object needs a `__dict__`, in which the answer is found from then on."""

    def __init__(self, work_out: Callable[[Owner], Answer]) -> None:
        self._work_out = work_out
        self.__doc__ = work_out.__doc__

    def __set_name__(self, owner: type, name: str) -> None:
        self._name = name

    @overload
    def __get__(self, instance: None, owner: Any) -> "lazily[Owner, Answer]": ...

    @overload
    def __get__(self, instance: Owner, owner: Any) -> Answer: ...

    def __get__(self, instance: Owner | None, owner: Any) -> "Answer | lazily[Owner, Answer]":
        if instance is None:
            return self
        answer = self._work_out(instance)
        # Not into its `__dict__`: Python 3.11 reads all attributes of an object faster of which nobody has asked for that.
        setattr(instance, self._name, answer)
        return answer
