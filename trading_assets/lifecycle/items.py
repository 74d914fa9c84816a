"""What a look finds that is to be done, and what was done."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path

import polars as pl

#: Columns of the table that `trading-assets lifecycle` prints.
SCHEMA = {
    "action": pl.String,
    "what": pl.String,
    "age_days": pl.Float64,
    "bytes": pl.Int64,
    "why": pl.String,
    "done": pl.String,
}
_DAY = 86_400.0


@dataclass(frozen=True)
class Item:
    """Something that is to be done.

    Attributes
    ----------
    action
        `to files`, `inside`, `remove` or `compact`.
    what, why
        What it is done to, and which key asks for it.
    age_days
        Age; None: it has none.
    size
        Bytes that it takes now; None: not known before it is done.
    act
        Does it, and returns what came of it, in a few words.
    """

    action: str
    what: str
    why: str
    age_days: float | None
    size: int | None
    act: Callable[[], str] = field(repr=False)


def as_rows(done: Iterable[tuple[Item, str]]) -> pl.DataFrame:
    """Return items and what came of each as rows: empty where nothing was done."""
    rows = [(each.action, each.what, each.age_days, each.size, each.why, said) for each, said in done]
    return pl.DataFrame(rows, schema=SCHEMA, orient="row").with_columns(pl.col("age_days").round(1))


def age_of(path: Path, now: float) -> float:
    """Return days since a file or folder was last changed, at a time in seconds since 1970."""
    return (now - path.stat().st_mtime) / _DAY


def size_of(path: Path) -> int:
    """Return the bytes of a file, or of all files of a folder."""
    if path.is_file():
        return path.stat().st_size
    return sum(each.stat().st_size for each in path.rglob("*") if each.is_file() and not each.is_symlink())
