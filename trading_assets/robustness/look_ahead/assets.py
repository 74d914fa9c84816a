"""How the asset of the look-ahead audit computes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from trading_assets.asset_factories.table_asset import Step
from trading_assets.models.fits import kept_fits
from trading_assets.models.tables import FITS
from trading_assets.parallel.configured import workers_of
from trading_assets.protocol.decisions import decisions_behind
from trading_assets.protocol.written_rows import assert_as_written, hash_whole, is_as_written, last_written
from trading_assets.robustness.evidence import record_evidence
from trading_assets.robustness.look_ahead.point_in_time import market_snapshot
from trading_assets.robustness.look_ahead.what_is_read import models_behind
from trading_assets.robustness.rows_by_span import write
from trading_assets.robustness.tables import LOOK_AHEAD
from trading_assets.strategies.evaluation.failure import LooksAheadError, require_ok, strategy_of
from trading_assets.warehouse import Rows


def look_ahead(step: Step) -> Mapping[str, Any]:
    """Everything from bars to fills computed again from what was known at past closes: nothing may differ."""
    from trading_assets.robustness.look_ahead.audit import in_words, violations
    from trading_assets.robustness.look_ahead.audit import look_ahead as audit

    require_ok(step, ("strategies",))
    name, configuration = strategy_of(step), step.configuration
    found = audit(
        configuration,
        name,
        market_snapshot(step.work, configuration, name),
        configuration.robustness.look_ahead_cuts,
        workers_of(configuration),
        kept=_kept_fits(step, name),
        by_hand=decisions_behind(configuration, name),
    )
    write(step, look_ahead.__name__, {LOOK_AHEAD: found})
    record_evidence(step, look_ahead.__name__)
    if violations(found):
        raise LooksAheadError(in_words(found))
    return {"cuts": found["cut"].n_unique(), "columns that know the future": violations(found)}


def _kept_fits(step: Step, strategy: str) -> Mapping[str, Mapping[str, bytes]]:
    """Models that the strategy reads, as their training has left them: they are no input, each could be fitted anew.

    Raises
    ------
    EditedRowsError
        They are not those that the product wrote.
    """
    found, on_record = {}, last_written(step.configuration)
    for model in models_behind(step.configuration, strategy):
        rows = step.work.aside().read_or_empty(FITS, rows=Rows("model", model))
        now = hash_whole(FITS, rows, model)
        assert_as_written(now, on_record)
        if is_as_written(now, on_record):
            found[model] = kept_fits(rows)
    return found
