"""What differs between two archived runs of a strategy, or between two strategies: numbers, trades, decisions, data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import polars as pl

from trading_assets.backtests.results.settled_curve import settled
from trading_assets.backtests.tables import DECISIONS, DEVELOPMENT, EQUITY, HOLDOUT, METRICS, TRADES
from trading_assets.config.differences import Difference, between
from trading_assets.reports.comparison.opened import OpenedRun
from trading_assets.robustness.resampling.paired_difference import PairedDifference, paired_difference

#: Spans that are compared by chance, too: one continuous run each.
COMPARED_SPLITS = (DEVELOPMENT, HOLDOUT)
RESAMPLES, BLOCK = 2_000, 20
#: Sections of which a part may be another strategy's.
_OF_OTHERS = ("strategies", "registration", "models", "champions")
_TRADE = ("split", "symbol", "side", "entry_session")
_SAID_OF_A_TRADE = ("exit_session", "exit_reason", "return", "pnl")
#: What places a decision. Its reason, and the numbers behind it, may differ.
_DECISION = ("session", "moment", "symbol", "pair_id", "decision")
_NOT_COMPARED = {"decision_id", "order_id", "strategy", "split", "detail", *_DECISION}


@dataclass(frozen=True)
class FirstDecision:
    """The first decision that differs.

    Attributes
    ----------
    session, symbol
        Where it is.
    first, second
        What each decided there, and why; empty: nothing.
    numbers
        column, first, second: numbers behind a decision that both took, as far as they differ.
    """

    session: str
    symbol: str
    first: str
    second: str
    numbers: pl.DataFrame


@dataclass(frozen=True)
class Comparison:
    """What differs between two of them.

    Attributes
    ----------
    first, second
        What is compared, and what with.
    labels
        What they are called; one text each.
    configuration
        Keys whose values differ.
    data
        symbol, from, to, months, what: runs of months whose bars differ or are there only once.
    code
        what, first, second: version, commit and code where they differ.
    metrics
        split, metric, first, second, difference.
    chance
        By split: what the difference is, and what chance would make of it.
    trades
        only_in, split, symbol, side, entry_session, exit_session, exit_reason, return, pnl.
    common_trades
        How many round trips both have.
    decision
        The first decision that differs in development; None if all are the same.
    """

    first: OpenedRun
    second: OpenedRun
    labels: tuple[str, str]
    configuration: list[Difference]
    data: pl.DataFrame
    code: pl.DataFrame
    metrics: pl.DataFrame
    chance: Mapping[str, PairedDifference]
    trades: pl.DataFrame
    common_trades: int
    decision: FirstDecision | None


def compared(
    first: OpenedRun,
    second: OpenedRun,
    texts: tuple[Mapping[str, str], Mapping[str, str]],
    labels: tuple[str, str],
    seed: int,
) -> Comparison:
    """Compare two strategies of archived runs, the same one or not.

    Parameters
    ----------
    first, second
        What is compared.
    texts
        Values of the configuration of each by key path.
    labels
        What they are called.
    seed
        Of the resamples.
    """
    trades, common = trades_apart(first.rows(TRADES), second.rows(TRADES), labels)
    curves = (first.rows(EQUITY), second.rows(EQUITY))
    metrics = metrics_beside(first.rows(METRICS), second.rows(METRICS))
    return Comparison(
        first,
        second,
        labels,
        configuration_apart(
            texts,
            (str(first.row["strategy"]), str(second.row["strategy"])),
            labels,
            is_same=first.row["strategy_hash"] == second.row["strategy_hash"],
        ),
        data_apart(first.bars_by_month(), second.bars_by_month(), labels),
        code_apart(first.row, second.row),
        metrics,
        chance_of(curves, metrics, seed),
        trades,
        common,
        first_decision(first.rows(DECISIONS), second.rows(DECISIONS)),
    )


def configuration_apart(
    texts: tuple[Mapping[str, str], Mapping[str, str]],
    names: tuple[str, str],
    labels: tuple[str, str],
    *,
    is_same: bool = False,
) -> list[Difference]:
    """Return the keys that differ; of two strategies their own, beside each other, as `strategies.*`.

    Parameters
    ----------
    texts
        Values of the configuration of each by key path.
    names, labels
        Names of the strategies, and what the two are called.
    is_same
        Whether what the configurations say of the strategy is the same: what they say of others is left out.
    """
    if names[0] == names[1]:
        found = between(*texts, labels)
        return [each for each in found if not is_same or each.key.partition(".")[0] not in _OF_OTHERS]
    own = [_of_strategy(text, name) for text, name in zip(texts, names, strict=True)]
    return between(own[0], own[1], labels)


def _of_strategy(text: Mapping[str, str], name: str) -> dict[str, str]:
    """Values that are of one strategy, under keys that have no name of it, and what is of all of them."""
    found = {}
    for key, value in text.items():
        section, _, rest = key.partition(".")
        if section in ("strategies", "registration"):
            own, _, leaf = rest.partition(".")
            if own == name:
                found[f"{section}.*.{leaf}"] = value
        else:
            found[key] = value
    return found


def data_apart(first: pl.DataFrame, second: pl.DataFrame, labels: tuple[str, str]) -> pl.DataFrame:
    """Return the months of symbols whose bars are not the same.

    Parameters
    ----------
    first, second
        symbol, month, bars, content.
    labels
        What the two are called.

    Returns
    -------
    polars.DataFrame
        symbol, from, to (first days of months), months, what; by symbol.
    """
    both = first.join(second, on=["symbol", "month"], how="full", coalesce=True, suffix="_second")
    what = (
        pl.when(pl.col("content").is_null())
        .then(pl.lit(f"only in {labels[1]}"))
        .when(pl.col("content_second").is_null())
        .then(pl.lit(f"only in {labels[0]}"))
        .when(pl.col("content") != pl.col("content_second"))
        .then(pl.lit("other bars"))
    )
    found = both.with_columns(what=what).drop_nulls("what")
    return (
        found.group_by("symbol", "what")
        .agg(pl.col("month").min().alias("from"), pl.col("month").max().alias("to"), months=pl.len().cast(pl.Int64))
        .sort("symbol", "from", "what")
        .select("symbol", "from", "to", "months", "what")
    )


def code_apart(first: Mapping[str, Any], second: Mapping[str, Any]) -> pl.DataFrame:
    """Return what, first, second: version, commit and hash of the code, as far as they differ; none of the same files.

    Parameters
    ----------
    first, second
        Rows of `backtests.run_archive`.
    """
    is_same = all(first[name] == second[name] for name in ("product_version", "code"))
    rows = [
        (what, first[name] and str(first[name])[:12], second[name] and str(second[name])[:12])
        for what, name in (("version", "product_version"), ("commit", "commit"), ("code", "code"))
        if not is_same and first[name] != second[name]
    ]
    return pl.DataFrame(rows, schema={"what": pl.String, "first": pl.String, "second": pl.String}, orient="row")


def metrics_beside(first: pl.DataFrame, second: pl.DataFrame) -> pl.DataFrame:
    """Return split, metric, first, second, difference of rows of `backtests.metrics`, in their order.

    Parameters
    ----------
    first, second
        Rows of `backtests.metrics` of one strategy each.
    """
    sides = [rows.select("split", "metric", pl.col("value").alias(name)) for rows, name in
             ((first, "first"), (second, "second"))]  # fmt: skip
    both = sides[0].join(sides[1], on=["split", "metric"], how="full", coalesce=True, maintain_order="left_right")
    return both.with_columns(difference=pl.col("second") - pl.col("first"))


def chance_of(
    curves: tuple[pl.DataFrame, pl.DataFrame], metrics: pl.DataFrame, seed: int
) -> dict[str, PairedDifference]:
    """Return what chance would make of the differences in return and Sharpe ratio, by split.

    Parameters
    ----------
    curves
        Rows of `backtests.equity` of each.
    metrics
        As `metrics_beside` returns them: how many sessions a year has.
    seed
        Of the resamples.
    """
    found = {}
    for split in COMPARED_SPLITS:
        sides = [
            settled(curve.filter(split=split).sort("session")).select(
                "session", pl.col("daily_return", "excess_return").fill_null(0.0)
            )
            for curve in curves
        ]
        both = sides[0].join(sides[1], on="session", suffix="_second").sort("session")
        periods = metrics.filter(split=split, metric="periods_per_year").select(pl.max_horizontal("first", "second"))
        if both.is_empty() or periods.is_empty() or periods.item() is None:
            continue
        series = [both[name].to_numpy() for name in both.columns[1:]]
        found[split] = paired_difference(
            series[0],
            series[2],
            (series[1], series[3]),
            float(periods.item()),
            resamples=RESAMPLES,
            block=BLOCK,
            seed=seed,
        )
    return found


def trades_apart(first: pl.DataFrame, second: pl.DataFrame, labels: tuple[str, str]) -> tuple[pl.DataFrame, int]:
    """Return the round trips that only one of two has, by entry, and how many both have; of development and holdout.

    Parameters
    ----------
    first, second
        Rows of `backtests.trades`.
    labels
        What the two are called.
    """
    sides = [rows.filter(pl.col("split").is_in(list(COMPARED_SPLITS))) for rows in (first, second)]
    only = []
    for own, other, label in ((sides[0], sides[1], labels[0]), (sides[1], sides[0], labels[1])):
        alone = own.join(other, on=list(_TRADE), how="anti").select(*_TRADE, *_SAID_OF_A_TRADE)
        only.append(alone.select(pl.lit(label).alias("only_in"), pl.all()))
    common = sides[0].join(sides[1], on=list(_TRADE), how="semi").height
    return pl.concat(only).sort("split", "entry_session", "symbol", "only_in"), common


def first_decision(first: pl.DataFrame, second: pl.DataFrame) -> FirstDecision | None:
    """Return the first decision of development in which two differ, or in whose numbers they do.

    Parameters
    ----------
    first, second
        Rows of `backtests.decisions`.
    """
    sides = [rows.filter(split=DEVELOPMENT) for rows in (first, second)]
    names = [name for name in first.columns if name not in _NOT_COMPARED]
    marked = [rows.with_columns(pl.int_range(pl.len()).over(_DECISION).alias("again")) for rows in sides]
    key = [*_DECISION, "again"]
    both = marked[0].join(
        marked[1].with_columns(there=pl.lit(True)),
        on=key,
        how="full",
        coalesce=True,
        nulls_equal=True,
        suffix="_second",
    )
    alone = pl.col("there").is_null() | pl.col("strategy").is_null()
    differs = pl.any_horizontal(alone, *(pl.col(name).ne_missing(pl.col(f"{name}_second")) for name in names))
    found = both.filter(differs).sort("session", "moment", "symbol", "decision", nulls_last=True).head(1)
    if found.is_empty():
        return None
    row = found.row(0, named=True)
    one, two = (_decided(rows, row["session"], row["symbol"]) for rows in sides)
    numbers = [
        (name.replace("_", " "), _said(row[name]), _said(row[f"{name}_second"]))
        for name in names
        if row["there"] is not None and row["strategy"] is not None and row[name] != row[f"{name}_second"]
    ]
    schema = {"number": pl.String, "first": pl.String, "second": pl.String}
    return FirstDecision(
        str(row["session"]), row["symbol"], one, two, pl.DataFrame(numbers, schema=schema, orient="row")
    )


def _decided(rows: pl.DataFrame, session: object, symbol: str) -> str:
    """All that was decided on a symbol at a session, in words; empty: nothing."""
    own = rows.filter(pl.col("session") == session, symbol=symbol).sort("moment", "decision")
    return "; ".join(
        f"{row['decision']} ({(row['reason'] or 'no reason').replace('_', ' ')})" for row in own.iter_rows(named=True)
    )


def _said(value: object) -> str | None:
    return None if value is None else f"{value:.6g}" if isinstance(value, float) else str(value)
