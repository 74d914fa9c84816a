"""Compilation of the passes over features, and what numba does not have."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from numba import float64
from numba.extending import intrinsic

from trading_assets.machine_code import kept_on_disk

F = TypeVar("F", bound=Callable[..., Any])


def operation(function: F) -> F:
    """Mark a function that `program` runs.

    It writes its first argument, (rows,); the second are the bounds of the symbols, or groups, behind each other: the
    first row of each, and the number of rows. Those of its expression follow: arrays, (rows,), and constants. It must
    not write those, nor keep any.
    """
    return function


def kernel(function: F) -> F:
    """Compile an `operation`, or a part of one, and keep its machine code on disk."""
    return kept_on_disk(function, Path(__file__).parent)


@intrinsic  # type: ignore[untyped-decorator]
def fma(_context: Any, left: Any, right: Any, added: Any) -> Any:
    """Return a product and a sum that are rounded once: the same on every processor.

    Parameters
    ----------
    left, right
        What is multiplied.
    added
        What is added to the product before it is rounded.
    """

    def generate(_: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        return builder.fma(*arguments)

    return float64(float64, float64, float64), generate
