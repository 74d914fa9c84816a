"""Where a strategy stands: its verdict as it was made, if it still is one of this configuration."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import polars as pl

from trading_assets.config import Configuration
from trading_assets.protocol import Record
from trading_assets.protocol.batches import Member
from trading_assets.protocol.looks import looks_of, results_of, seen_but_unknown
from trading_assets.robustness.holdout.intact import verified_record
from trading_assets.robustness.tables import EARLIER_VERDICTS, HOLDOUT_RESULTS, OVERFITTING, RESULTS, VERDICTS
from trading_assets.strategies.tables import REFUSED, STATUS
from trading_assets.warehouse import Rows, Warehouse
from trading_assets.warehouse.errors import WarehouseError, block

#: What the verdict on a strategy is whose holdout is not over yet: nothing was looked at, so nothing can be stale.
WAITING = "insufficient_evidence"


class VerdictMissingError(WarehouseError):
    """There is no verdict on the strategy under this configuration."""


@dataclass(frozen=True)
class CurrentVerdict:
    """A verdict: its criteria as rows of `robustness.verdicts`, the result, and the result in words.

    Attributes
    ----------
    earlier
        Results of earlier versions of the product on the same look: product_version, result, note.
    refused
        Why what is registered now was refused a look, so that the verdict is of an earlier registration; None
        where it is of this one.
    """

    criteria: pl.DataFrame
    result: str
    explanation: str
    earlier: pl.DataFrame
    refused: str | None = None

    def meets(self, required: str) -> bool:
        """Return whether the result is of this registration, and `required` or better.

        Parameters
        ----------
        required
            From the worst to the best: ``insufficient_evidence``, ``reject``, ``conditional``, ``go``.

        Raises
        ------
        ValueError
            It is none of them.
        """
        if required not in RESULTS:
            raise ValueError(f"no result is called {required!r}: expected one of {', '.join(RESULTS)}")
        return self.refused is None and RESULTS.index(self.result) >= RESULTS.index(required)


def current_verdict(warehouse: Warehouse, configuration: Configuration, strategy: str) -> CurrentVerdict:
    """Return the verdict on a strategy.

    Parameters
    ----------
    warehouse, configuration
        Where the verdict is, and the configuration that it has to be of.
    strategy
        Name of the strategy.

    Raises
    ------
    VerdictMissingError
        None was made, the strategy failed since, the holdout was evaluated under another configuration, the strategy is
        not registered any more, or what stands in the warehouse is not the result that is on record of its last look.
    LedgerTamperedError
        What is on record is not what was once written, or a result has no look.
    """
    on_record = verified_record(warehouse, configuration)
    rows = warehouse.read_or_empty(VERDICTS, rows=Rows("strategy", strategy)).sort("position")
    if rows.is_empty():
        raise _missing(strategy, "none was made, or the strategy failed")
    status = warehouse.read_or_empty(STATUS, rows=Rows("strategy", strategy)).filter(status=REFUSED)
    refused = next(iter(status["error"]), None)
    looked = warehouse.read_or_empty(HOLDOUT_RESULTS, rows=Rows("strategy", strategy))["config_hash"].to_list()
    last = rows.filter(kind="result").row(0, named=True)
    if strategy not in configuration.registration:
        if looked:
            raise _missing(strategy, "it was registered when it was made, and is not in this configuration")
    elif refused is None:
        member = (configuration.name, strategy)
        if looked or last["result"] != WAITING or seen_but_unknown(on_record.records, member):
            if not all(configuration.is_current(each, strategy) for each in looked):
                raise _missing(strategy, "the configuration has changed since its holdout was evaluated")
            _assert_recorded(last["result"], on_record.records, member)
            if not looked:
                raise _missing(strategy, "its holdout has no results under this configuration")
            if not trials_are_counted(warehouse, configuration, strategy):
                raise _missing(strategy, "other strategies or grids have changed since its trials were counted")
    earlier = warehouse.read_or_empty(EARLIER_VERDICTS, rows=Rows("strategy", strategy)).filter(kind="result")
    return CurrentVerdict(
        rows.filter(pl.col("kind") != "result"),
        last["result"],
        last["note"] or "",
        earlier.sort("recorded_at").select("product_version", "result", "note"),
        refused,
    )


def trials_are_counted(warehouse: Warehouse, configuration: Configuration, strategy: str) -> bool:
    """Return whether what the trials say of a strategy is of the strategies and grids of today, or not on record.

    Parameters
    ----------
    warehouse, configuration
        Where the statistics on the trials are, and the configuration that they have to be of.
    strategy
        Name of the strategy.
    """
    rows = warehouse.read_or_empty(OVERFITTING, rows=Rows("strategy", strategy))
    return {*rows["config_hash"]} <= {configuration.hash, configuration.hash_of_trials}


def _assert_recorded(result: str, records: Sequence[Record], member: Member) -> None:
    """Check that a verdict is what was put on record when the last look was judged; earlier versions put none."""
    look = looks_of(records, member)[-1:]
    if not look or "imported" in look[0].payload:
        return
    judged = [each.payload for each in results_of(records, member) if each.payload["look"] == look[0].payload["look"]]
    if not judged:
        raise _missing(member[1], "its holdout was looked at, and the run stopped before it was judged")
    if judged[-1]["verdict"] != result:
        raise _missing(
            member[1], f"the warehouse says {result}, and {judged[-1]['verdict']} is on record of its last look"
        )


def _missing(strategy: str, cause: str) -> VerdictMissingError:
    return VerdictMissingError(
        block(
            f"no verdict on {strategy}: {cause}",
            table=VERDICTS.name,
            expected="rows of a run under this configuration",
            what_to_do=f"trading-assets run --select {strategy}",
        )
    )
