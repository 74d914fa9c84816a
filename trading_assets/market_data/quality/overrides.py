"""Findings that a person has reviewed and overridden."""

from __future__ import annotations

from pathlib import Path

import polars as pl

from trading_assets.market_data.quality.rules import RULES

_COLUMNS = ("symbol", "session", "rule")
NO_OVERRIDES = pl.DataFrame(schema={"symbol": pl.String, "session": pl.Date, "rule": pl.String})


class OverrideError(Exception):
    """The list of overrides cannot be used; `str()` is one block for people."""


def read_overrides(path: Path | None) -> pl.DataFrame:
    """symbol, session, rule: findings that are none.

    Parameters
    ----------
    path
        A CSV with these columns, dates as YYYY-MM-DD; others, such as a note, are for its readers. None: no overrides.

    Raises
    ------
    OverrideError
        No such file, a missing column, a date that is none, a rule that is none.
    """
    if path is None:
        return NO_OVERRIDES
    try:
        table = pl.read_csv(path, infer_schema=False)
    except (OSError, pl.exceptions.PolarsError) as error:
        raise OverrideError(f"cannot read the overrides\n  file: {path}\n  cause: {error}") from None
    absent = [name for name in _COLUMNS if name not in table.columns]
    if absent:
        raise OverrideError(
            f"the overrides have no column {absent[0]!r}\n  file: {path}, line 1\n"
            f"  expected: {', '.join(_COLUMNS)}; found: {', '.join(table.columns)}"
        )
    rows = table.select(pl.col(name).str.strip_chars() for name in _COLUMNS).with_columns(
        pl.col("session").str.to_date("%Y-%m-%d", strict=False), line=pl.int_range(2, pl.len() + 2)
    )
    for name, wrong, expected in (
        ("symbol", pl.col("symbol").fill_null("") == "", "a symbol"),
        ("session", pl.col("session").is_null(), "a date like 2004-08-19"),
        ("rule", ~pl.col("rule").is_in([rule.name for rule in RULES]).fill_null(False), "the name of a rule"),
    ):
        bad = rows.filter(wrong)
        if not bad.is_empty():
            raise OverrideError(
                f"the overrides have a wrong {name!r}\n  file: {path}, line {bad['line'][0]}\n  expected: {expected}"
            )
    return rows.select(*_COLUMNS).unique().sort(*_COLUMNS)
