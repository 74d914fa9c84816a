"""Rows of a request as a model takes them, or each fault by row and feature."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from trading_assets.models.families.interface import Features

#: Rows of a request.
MOST_ROWS = 10_000
#: Faults that an answer names one by one.
MOST_FAULTS = 100
_NUMBERS = {float, int, type(None)}
_LARGEST = float(np.finfo(np.float32).max)


@dataclass(frozen=True)
class RowFault:
    """What is wrong with a row: `row` counts from 0; no `feature` where it is the row as a whole, or the request."""

    row: int | None
    feature: str | None
    fault: str


class RowsError(ValueError):
    """Rows that a model cannot take.

    Attributes
    ----------
    faults
        The first `MOST_FAULTS` of them.
    more
        Whether there are others.
    """

    def __init__(self, faults: list[RowFault]) -> None:
        super().__init__(f"{faults[0].fault}: row {faults[0].row}, feature {faults[0].feature}")
        self.faults, self.more = faults[:MOST_FAULTS], len(faults) > MOST_FAULTS

    def as_json(self) -> dict[str, Any]:
        """Return what is answered."""
        return {"error": "rows cannot be scored", "faults": [asdict(each) for each in self.faults], "more": self.more}


def features_of_rows(body: object, names: tuple[str, ...]) -> Features:
    """Return (rows, features) of a request; null, as in `features.daily`, is a value that is not known.

    Parameters
    ----------
    body
        What the request says: ``{"rows": [{feature: number or null, ...}, ...]}``.
    names
        Features of the model, in the order in which it takes them.

    Raises
    ------
    RowsError
        There are no rows, or too many; a feature is missing or none of the model's; a value is a text, no number,
        without end, or larger than single precision has; a row has no value at all.

    Examples
    --------
    >>> features_of_rows({"rows": [{"b": 2, "a": 1.5}, {"a": None, "b": -1}]}, ("a", "b"))
    array([[ 1.5,  2. ],
           [ nan, -1. ]], dtype=float32)
    >>> features_of_rows({"rows": [{"a": "1"}]}, ("a",))
    Traceback (most recent call last):
    trading_assets.serving.rows.RowsError: a text, expected a number or null: row 0, feature a
    """
    rows = body.get("rows") if isinstance(body, dict) else None
    if not isinstance(rows, list) or not rows:
        raise RowsError([RowFault(None, None, 'expected {"rows": [{feature: number or null, ...}, ...]}')])
    if len(rows) > MOST_ROWS:
        raise RowsError([RowFault(None, None, f"{len(rows)} rows, expected at most {MOST_ROWS} in one request")])
    wanted = frozenset(names)
    values = [_values(row, names, wanted) for row in rows]
    found = None if None in values else np.array(values, dtype=np.float64)
    if found is not None:
        unknown = np.isnan(found)
        # What is not known is NaN by now; any other NaN was sent as one.
        as_sent = np.count_nonzero(unknown) == sum(each.count(None) for each in values if each is not None)
        if as_sent and not unknown.all(axis=1).any() and (np.abs(found[~unknown]) <= _LARGEST).all():
            return found.astype(np.float32)
    faults = [fault for place, row in enumerate(rows) for fault in _faults(place, row, names, wanted)]
    raise RowsError(faults)


def _values(row: object, names: tuple[str, ...], wanted: frozenset[str]) -> list[Any] | None:
    """Values of a row that has the features and no other, all numbers or null; None of any other row."""
    if type(row) is not dict or row.keys() != wanted:
        return None
    values = [row[name] for name in names]
    if not _NUMBERS.issuperset(map(type, values)):
        return None
    return values if all(type(each) is not int or abs(each) <= _LARGEST for each in values) else None


def _faults(place: int, row: object, names: tuple[str, ...], wanted: frozenset[str]) -> Iterator[RowFault]:
    if not isinstance(row, dict):
        yield RowFault(place, None, "no object of features")
        return
    for name in names:
        if name not in row:
            yield RowFault(place, name, "missing, expected a number or null")
        elif (fault := _fault(row[name])) is not None:
            yield RowFault(place, name, fault)
    for name in row:
        if name not in wanted:
            yield RowFault(place, name, "unknown, the model has no such feature")
    if all(row.get(name, 0) is None for name in names):
        yield RowFault(place, None, "no feature has a value")


def _fault(value: object) -> str | None:
    if value is None:
        return None
    if isinstance(value, str):
        return "a text, expected a number or null"
    if type(value) not in (float, int):
        return f"{'a truth value' if isinstance(value, bool) else 'no number'}, expected a number or null"
    number = value if isinstance(value, int | float) else 0
    if isinstance(number, float) and math.isnan(number):
        return "NaN, expected a number or null"
    return None if abs(number) <= _LARGEST else "larger than single precision has"
