"""Values that go from process to process."""

from collections.abc import Callable
from dataclasses import fields
from operator import attrgetter
from typing import Any, TypeVar

T = TypeVar("T")


def carried(cls: type[T]) -> type[T]:
    """A frozen dataclass that is pickled as its class and its fields' values, all of which its constructor takes: half
    of what a dataclass with slots takes by itself, which looks its fields up each time."""
    names = [field.name for field in fields(cls)]  # type: ignore[arg-type]  # a dataclass
    values: Callable[[Any], Any] = attrgetter(*names)
    cls.__reduce__ = lambda self: (cls, values(self))  # type: ignore[method-assign]
    return cls
