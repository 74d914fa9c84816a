"""Run the operations of many expressions over arrays, each once, with as few arrays as they need at a time."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from functools import lru_cache, partial
from typing import Any, NamedTuple

import numpy as np

from trading_assets.features.compiled import averages, groups, rows, windows
from trading_assets.features.compiled.blocks import Floats, Integers
from trading_assets.features.compiled.expression import COLUMN, Expression

#: Modules of operations.
OPERATIONS = {"averages": averages, "groups": groups, "rows": rows, "windows": windows}


class Step(NamedTuple):
    """One operation.

    Attributes
    ----------
    operation
        What is computed; None for a column.
    arguments
        Constants, and keys of the arrays that earlier steps have written.
    key
        Of the array that it writes.
    outputs
        Names under which that array is asked for.
    last_use
        Keys of the arrays that no later step reads.
    """

    operation: Callable[..., None] | None
    arguments: tuple[Any, ...]
    key: str
    outputs: tuple[str, ...]
    last_use: tuple[str, ...]


class Key(str):
    """Key of an array, which no constant is."""

    __slots__ = ()


def program_of(expressions: Mapping[str, Expression]) -> tuple[Step, ...]:
    """Put the operations of expressions in an order: what several share is computed once, and read soon after.

    Parameters
    ----------
    expressions
        By the name that their values have.
    """
    return _program(tuple(expressions.items()))


@lru_cache(64)
def _program(expressions: tuple[tuple[str, Expression], ...]) -> tuple[Step, ...]:
    found: dict[str, Expression] = {}
    for _, expression in expressions:
        _collect(expression, found)
    names: dict[str, list[str]] = {}
    for name, expression in expressions:
        names.setdefault(expression.key, []).append(name)
    last_read: dict[str, str] = {}
    for key, expression in found.items():
        for argument in expression.arguments:
            if isinstance(argument, Expression):
                last_read[argument.key] = key
    steps = []
    for key, expression in found.items():
        arguments = tuple(Key(each.key) if isinstance(each, Expression) else each for each in expression.arguments)
        unread = [key] if key not in last_read else []
        ended = [each for each in dict.fromkeys(arguments) if isinstance(each, Key) and last_read[each] == key]
        steps.append(
            Step(_function(expression.operation), arguments, key, tuple(names.get(key, ())), (*ended, *unread))
        )
    return tuple(steps)


def _function(operation: str) -> Callable[..., None] | None:
    if operation == COLUMN:
        return None
    module, name = operation.split(".")
    if module == "numpy":
        return partial(_elementwise, getattr(np, name))
    function: Callable[..., None] = getattr(OPERATIONS[module], name)
    return function


def _elementwise(function: np.ufunc, out: Floats, _bounds: Integers, *arguments: Floats | float) -> None:
    function(*arguments, out=out)


def _collect(expression: Expression, found: dict[str, Expression]) -> None:
    if expression.key in found:
        return
    for argument in expression.arguments:
        if isinstance(argument, Expression):
            _collect(argument, found)
    found[expression.key] = expression


class Workspace(threading.local):
    """Arrays that one program leaves to the next: memory that is asked for anew costs more than the arithmetic."""

    def __init__(self) -> None:
        self._free: list[Floats] = []
        self._rows = 0

    def arrays(self, rows: int) -> list[Floats]:
        """Return arrays of at least so many rows that nobody uses."""
        if rows > self._rows:
            self._free, self._rows = [], rows
        return self._free

    def new(self) -> Floats:
        """Return one more."""
        return np.empty(self._rows)


_WORKSPACE = Workspace()


def run(
    program: tuple[Step, ...],
    columns: Mapping[str, Floats],
    bounds: Integers,
    write: Callable[[str, Floats], None],
) -> None:
    """Compute the expressions of a program.

    Parameters
    ----------
    program
        See `program_of`.
    columns
        Values of the columns by name, (rows,), symbol behind symbol.
    bounds
        First row of each symbol, and the number of rows.
    write
        Is handed each name with its values, (rows,), which it must not keep: the next step writes there.
    """
    size = int(bounds[-1])
    held: dict[str, Floats] = {}
    taken: dict[str, Floats] = {}
    free = _WORKSPACE.arrays(size)
    with np.errstate(all="ignore"):
        for step in program:
            if step.operation is None:
                values = columns[step.arguments[0]]
            else:
                taken[step.key] = free.pop() if free else _WORKSPACE.new()
                values = taken[step.key][:size]
                arguments = [held[each] if type(each) is Key else each for each in step.arguments]
                step.operation(values, bounds, *arguments)
            held[step.key] = values
            for name in step.outputs:
                write(name, values)
            for key in step.last_use:
                del held[key]
                if key in taken:
                    free.append(taken.pop(key))
