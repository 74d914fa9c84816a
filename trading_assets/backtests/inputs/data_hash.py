"""A fingerprint of the bars that a backtest saw."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
from collections.abc import Iterable, Iterator, Sequence

import polars as pl

from trading_assets.config.canonical import digest
from trading_assets.features.alternative import Publications
from trading_assets.features.history import KEY, is_in_order_of_keys
from trading_assets.market_data.tables import PUBLICATIONS
from trading_assets.protocol.written_rows import hash_whole
from trading_assets.strategies.evaluation.received_tables import last_in_force, marks_of, of_symbols

_HASHED_COLUMNS = (
    "symbol",
    "session",
    "open",
    "high",
    "low",
    "close",
    "volume",
    "split_ratio",
    "cash_dividend",
    "forward_factor",
)
#: Of a bar of the quarantine what a market is built from.
QUARANTINED_COLUMNS = ("symbol", "session", "open", "low", "close", "volume")


def data_hash(
    bars: Iterable[pl.DataFrame],
    symbols: Sequence[str],
    end: dt.date,
    columns: Sequence[str] = _HASHED_COLUMNS,
) -> str:
    """Return the SHA-256 of the bars of some symbols up to a session, whatever order the rows come in.

    Column by column, little-endian: raw prices, volume and corporate actions. Later bars change nothing.

    Parameters
    ----------
    bars
        Rows of `market_data.bars`, gone through more than once: all at once, or of some symbols at a time by symbol.
    symbols, end
        Symbols and last session whose bars count.
    columns
        Columns that count, in the order in which they are hashed; ``symbol`` and ``session`` are among them.
    """

    def parts() -> Iterator[pl.DataFrame]:
        own = pl.col("symbol").is_in(list(symbols)), pl.col("session") <= end
        for rows in bars:
            kept = rows.filter(*own).select(columns)
            yield kept if tuple(columns[:2]) == KEY and is_in_order_of_keys(kept) else kept.sort(*columns)

    digest = hashlib.sha256()
    for name in columns:
        if name == "symbol":
            continue
        values = []
        for column in (kept[name] for kept in parts()):
            digest.update(column.is_null().to_numpy().tobytes())
            values.append(column.to_physical().fill_null(0).to_numpy())
        for part in values:
            digest.update(part.astype(part.dtype.newbyteorder("<"), copy=False).tobytes())
    between = b"["
    for kept in parts():
        if kept.height:
            digest.update(between + _json_of(kept["symbol"]))
            between = b","
    digest.update(b"]" if between == b"," else b"[]")
    return digest.hexdigest()


def _json_of(texts: pl.Series) -> bytes:
    """The elements of an array of texts, each run of equal ones written at once."""
    runs = texts.rle().struct.unnest()
    return "".join(f"{json.dumps(text)}," * count for count, text in runs.rows())[:-1].encode()


def hash_with_rates(
    bars: Iterable[pl.DataFrame],
    symbols: Sequence[str],
    end: dt.date,
    risk_free: pl.DataFrame,
    borrow_rates: pl.DataFrame,
    publications: Publications | None = None,
) -> str:
    """Return `data_hash`, and where rates or publications are on record the hash of it and them.

    What a run decided and earned follows from all.

    Parameters
    ----------
    bars, symbols, end
        As `data_hash` takes them.
    risk_free, borrow_rates
        Rows of `market_data.risk_free`, and of `market_data.borrow_rates`, of which those of these symbols count, as
        far as they act by `end` (`last_in_force`).
    publications
        What features of alternative data are made of; values and when they were public count, not the files.
    """
    own = data_hash(bars, symbols, end)
    if publications is not None:
        published = publications.rows.filter(pl.col("session") <= end)
        own = digest([own, hash_whole(PUBLICATIONS, published, columns=("session", "value")).parts])
    rates = [of_symbols(each, symbols) for each in (risk_free, borrow_rates)]
    if all(each.is_empty() for each in rates):
        return own
    days = [rows.filter(pl.col("symbol").is_in(list(symbols)))["session"].unique() for rows in bars]
    until = last_in_force(pl.concat(days), end)
    return digest([own, *(marks_of(each, until)["hash"] for each in rates)])
