"""The ledger of upgrades: registrations that go on under another version of the product, chained like looks are."""

from __future__ import annotations

import datetime as dt
from dataclasses import asdict

import polars as pl

from trading_assets.config import Configuration
from trading_assets.protocol.earlier_ledgers import UPGRADES
from trading_assets.protocol.head_file import HeadFile
from trading_assets.robustness.holdout.upgrade import FIRST_VERSION, Upgrade
from trading_assets.robustness.tables import EARLIER_VERDICTS, REGISTRATION_UPGRADES
from trading_assets.warehouse import Warehouse


def upgrades_head(configuration: Configuration) -> HeadFile:
    """Return where the end of the ledger of upgrades is kept outside the warehouse."""
    return HeadFile(configuration.home / "upgrades.head", UPGRADES)


def verified_upgrades(warehouse: Warehouse, configuration: Configuration) -> pl.DataFrame:
    """Return the upgrades on record, checked while nobody can write to them.

    Raises
    ------
    LedgerTamperedError
        See `Chain.verify`.
    """
    head_file = upgrades_head(configuration)

    def checked(rows: pl.DataFrame) -> pl.DataFrame:
        head_file.verify(rows)
        return rows

    return warehouse.examine(REGISTRATION_UPGRADES, checked)


def record_upgrade(warehouse: Warehouse, head_file: HeadFile, upgrade: Upgrade, now: dt.datetime) -> None:
    """Verify the upgrades on record and add one to them, unless it is their last of the strategy.

    Parameters
    ----------
    warehouse, head_file
        Where the upgrades are, and the file that keeps their end outside the warehouse.
    upgrade, now
        Upgrade to record, and when (UTC).

    Raises
    ------
    LedgerTamperedError
        Nothing was written.
    """

    def added(rows: pl.DataFrame) -> pl.DataFrame:
        head_file.verify(rows)
        last = rows.filter(strategy=upgrade.strategy).tail(1).select("new_hash", "new_version").rows()
        if last == [(upgrade.new_hash, upgrade.new_version)]:
            return REGISTRATION_UPGRADES.empty()
        return UPGRADES.link(rows, {**asdict(upgrade), "recorded_at": now})

    warehouse.append_chained(REGISTRATION_UPGRADES, added, head_file.moved_to)


def earlier_verdict(
    verdicts: pl.DataFrame, registration_hash: str | None, upgrades: pl.DataFrame, version: str, now: dt.datetime
) -> pl.DataFrame:
    """Return rows of `robustness.earlier_verdicts` for a verdict that another version made; none if `version` did.

    Parameters
    ----------
    verdicts
        Rows of `robustness.verdicts` of one strategy.
    registration_hash
        Hash of the holdout as it was evaluated last; None if there was no look, and so no verdict to keep.
    upgrades
        Rows of `robustness.registration_upgrades` of the strategy: the holdout may have been evaluated anew already,
        and the verdict is of the registration before.
    """
    made_by = pl.col("product_version").fill_null(FIRST_VERSION)
    kept = verdicts.with_columns(product_version=made_by).filter(pl.col("product_version") != version)
    if registration_hash is None or kept.is_empty():
        return EARLIER_VERDICTS.empty()
    made_from = upgrades.filter(new_hash=registration_hash, old_version=kept["product_version"][0]).sort("row")
    registration_hash = next(iter(made_from["old_hash"]), registration_hash)
    kept = kept.with_columns(registration_hash=pl.lit(registration_hash), recorded_at=pl.lit(now, pl.Datetime("us")))
    return kept.select(list(EARLIER_VERDICTS.columns))


def history_of_upgrades(upgrades: pl.DataFrame, earlier: pl.DataFrame, strategy: str) -> str:
    """Return a sentence on every upgrade since a strategy was looked at, with the verdict before; empty for none.

    Parameters
    ----------
    upgrades, earlier
        Rows of `robustness.registration_upgrades` and `robustness.earlier_verdicts`.
    """
    results = earlier.filter(strategy=strategy, kind="result").sort("recorded_at")
    verdict_of = dict(results.select("product_version", "result").iter_rows())
    sentences = []
    for row in upgrades.filter(strategy=strategy).sort("row").iter_rows(named=True):
        before = verdict_of.get(row["old_version"])
        said = f", whose verdict was {before.replace('_', ' ')}" if before else ""
        sentences.append(f"Version {row['new_version']} took the place of {row['old_version']}{said}: no further look.")
    return " ".join(sentences)
