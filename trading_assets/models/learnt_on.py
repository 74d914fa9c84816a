"""An online model between two runs: as far as the labels go that are over by now, by the steps of the next run.

What is registered is how the model began its fold. From there it goes on by the labels in the warehouse, step by step
as a run does, so that it has the bits of the next run; nothing is fitted from the start. What it decided on sessions
that a run has scored has to be what is on record of them.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import replace

import polars as pl

from trading_assets.config import Configuration
from trading_assets.models.evaluation_tables import types_of_folds
from trading_assets.models.inputs import samples_of
from trading_assets.models.on_record import assert_inputs_as_written, hash_of_model, opened_by
from trading_assets.models.online import followed
from trading_assets.models.online_tables import ONLINE_UPDATES
from trading_assets.models.registered_model import RegisteredModel, UnscoredError
from trading_assets.models.samples import day
from trading_assets.models.splits import holdout_start
from trading_assets.models.tables import PREDICTIONS, SPLITS
from trading_assets.models.training import learner_of
from trading_assets.protocol.written_rows import assert_as_written, last_written
from trading_assets.warehouse import Rows, UnitOfWork, Warehouse


def learnt_on(
    warehouse: Warehouse, configuration: Configuration, loaded: RegisteredModel, fold: int
) -> RegisteredModel:
    """Return a registered online model as it has learnt on by the labels that may be seen.

    Parameters
    ----------
    warehouse, configuration
        Warehouse of the configuration, and the configuration.
    loaded
        The model as it began its fold.
    fold
        Number of the fold.

    Raises
    ------
    UnscoredError
        The fold or its features are others now, or what the model decided is not what is on record.
    EditedRowsError
        Bars, features or decisions on record are not those that the product wrote.
    """
    name, learner = loaded.model, learner_of(configuration, loaded.model)
    until = dt.date.max if opened_by(configuration, name) else holdout_start(warehouse.read(SPLITS))

    work = UnitOfWork(warehouse.path, wait_seconds=warehouse.wait_seconds)
    assert_inputs_as_written(configuration, work, None)
    with warehouse.held_open() as held:
        samples, folds, _ = samples_of(held, configuration, name, until)
        decided = held.read_or_empty(ONLINE_UPDATES, rows=Rows("model", name))
        scored = held.read_or_empty(PREDICTIONS, columns=["session"], where="model = ?", parameters=[name])
    assert_as_written(hash_of_model(ONLINE_UPDATES, decided, name), last_written(configuration))
    own = next((each for each in folds if each.number == fold), None)
    if own is None or tuple(samples.names) != loaded.features:
        raise UnscoredError(
            f"model {name} cannot go on from its last refit: its fold or its features are others now\n"
            "  what to do: trading-assets run --select models"
        )
    if day(own.test_end) >= samples.session.max(initial=0):
        # Labels that are over on the last session there is are known to the one after it.
        own = replace(own, test_end=own.test_end + dt.timedelta(days=1))
    fitted, updates = followed(loaded.fitted, samples, own, samples.scorable(), learner)
    newest = scored["session"].max()
    types = types_of_folds(ONLINE_UPDATES)
    known = decided.filter(fold=fold).select(list(types)).sort("known_on")
    now = pl.DataFrame(schema=types) if updates is None else updates.select(list(types)).sort("known_on")
    if not now.filter(pl.col("session") <= pl.lit(newest, pl.Date)).equals(known, null_equal=True):
        raise UnscoredError(
            f"model {name} does not decide again what is on record of its updates\n"
            f"  expected: the rows of {ONLINE_UPDATES.name} of fold {fold}\n"
            "  what to do: bars, features or their code have changed since: trading-assets run"
        )
    return replace(loaded, fitted=fitted)
