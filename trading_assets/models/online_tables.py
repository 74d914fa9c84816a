"""The table of what an online model decided."""

from __future__ import annotations

import polars as pl

from trading_assets.models.evaluation_tables import FOLD, MODEL, VERSION
from trading_assets.warehouse.table import Column, Table

UPDATE, REFUSE, ROLLBACK, KEEP = "update", "refuse", "rollback", "keep"
DECISIONS = (UPDATE, REFUSE, ROLLBACK, KEEP)

ONLINE_UPDATES = Table(
    name="models.online_updates",
    description=(
        "One row is a session on which an online model could have learnt: what was decided, by which numbers, and the "
        "first session whose scores follow from it. None of a model of another family."
    ),
    key=("model", "fold", "known_on"),
    columns={
        "model": MODEL,
        "version": VERSION,
        "fold": FOLD,
        "known_on": Column(pl.Date, "session at whose open the last of the labels was over that it learnt from"),
        "session": Column(pl.Date, "first session that is scored by what was decided: a later one"),
        "decision": Column(
            pl.String,
            "update: a step was taken; refuse: not, the buffer would fare worse; rollback: live losses were in alarm, "
            "and an earlier checkpoint took over; keep: in alarm, and none was better",
            one_of=DECISIONS,
        ),
        "rows": Column(pl.Int64, "rows of the window; 0 if nothing was to be learnt", at_least=0),
        "buffer_rows": Column(pl.Int64, "rows of the buffer", at_least=1),
        "before": Column(
            pl.Float64, "mean log loss of the buffer by the weights that scored its first session", at_least=0
        ),
        "trial": Column(
            pl.Float64,
            "the same by a step from these that has not learnt from it; of an alarm by the best earlier checkpoint",
            nullable=True,
            at_least=0,
        ),
        "fitted_before": Column(
            pl.Float64, "the same by the weights in force, which may have learnt from it", at_least=0
        ),
        "fitted_after": Column(
            pl.Float64, "the same by the weights of the step, or of the checkpoint", nullable=True, at_least=0
        ),
        "tolerance": Column(pl.Float64, "rise of the loss above which an update is refused", at_least=0),
        "excess": Column(pl.Float64, "cumulative sum of live losses since the last alarm, in deviations", at_least=0),
        "threshold": Column(pl.Float64, "sum that is an alarm; null: too few losses yet", nullable=True, at_least=0),
        "step": Column(pl.Float64, "largest change of a weight", at_least=0),
        "checkpoint": Column(pl.Int64, "number of the checkpoint in force from then on, from 0 of a fold", at_least=0),
        "reason": Column(pl.String, "the decision in words"),
    },
)
