"""The tables of the stage."""

from __future__ import annotations

import polars as pl

from trading_assets.models.evaluation_tables import (
    CONTRIBUTIONS,
    COSTS,
    EXPLANATION_DRIFT,
    FOLD,
    IMPORTANCE_STABILITY,
    MODEL,
    OF_CONTRIBUTIONS,
    PERMUTATION_IMPORTANCE,
    RELIABILITY,
    SHUFFLED_LABELS,
    VERSION,
)
from trading_assets.models.online_tables import ONLINE_UPDATES
from trading_assets.models.promotion import CHALLENGER, CHAMPION, SHADOW
from trading_assets.protocol.decisions import ACTIONS
from trading_assets.warehouse.table import Column, Table

OK, INSUFFICIENT_DATA = "ok", "insufficient_data"
TOO_FEW_ROWS, SINGLE_CLASS, NO_FOLDS = "too_few_rows", "single_class", "no_folds"

#: What is said of a model beside its scores and their metrics.
OF_EVALUATION = (
    PERMUTATION_IMPORTANCE,
    IMPORTANCE_STABILITY,
    CONTRIBUTIONS,
    EXPLANATION_DRIFT,
    SHUFFLED_LABELS,
    RELIABILITY,
    COSTS,
)

SPLITS = Table(
    name="models.splits",
    description="One row is a split of the validation protocol. Proportions are resolved once and kept.",
    key=("split",),
    columns={
        "split": Column(pl.String, "which split", one_of=("train", "validation", "holdout")),
        "start": Column(pl.Date, "first date, inclusive"),
        "end": Column(pl.Date, "last date, inclusive"),
        "proportion": Column(pl.Float64, "fraction of the usable sessions; null where dates were given", nullable=True),
        "warm_up_sessions": Column(pl.Int64, "sessions that must precede train", at_least=0),
    },
)

FOLDS = Table(
    name="models.folds",
    description="One row is a walk-forward fold of a model: what it was allowed to learn from, and what it scored.",
    key=("model", "fold"),
    columns={
        "model": MODEL,
        "version": VERSION,
        "fold": FOLD,
        "train_start": Column(pl.Date, "first session of the training window"),
        "train_end": Column(pl.Date, "last session anything trained on may have seen, labels included (embargoed)"),
        "test_start": Column(pl.Date, "first session scored"),
        "test_end": Column(pl.Date, "last session scored so far"),
        "train_rows": Column(pl.Int64, "rows trained on", at_least=0),
        "test_rows": Column(pl.Int64, "rows scored", at_least=0),
        "purged_rows": Column(
            pl.Int64, "rows before the test fold left out because their label is not over by train_end", at_least=0
        ),
        "unscored_rows": Column(pl.Int64, "test rows without any feature value", at_least=0),
        "last_label_end": Column(
            pl.Date, "latest end of a label trained on; null without training rows", nullable=True
        ),
        "status": Column(pl.String, "outcome of the fold", one_of=(OK, INSUFFICIENT_DATA)),
        "reason": Column(pl.String, "too_few_rows or single_class; null if ok", nullable=True),
    },
)

PREDICTIONS = Table(
    name="models.predictions",
    description="One row is an out-of-sample score, known at the close of its session.",
    key=("model", "symbol", "session"),
    columns={
        "model": MODEL,
        "version": VERSION,
        "fold": FOLD,
        "symbol": Column(pl.String, "symbol"),
        "session": Column(pl.Date, "session at whose close the score is known"),
        "score": Column(pl.Float64, "probability that the label is 1", at_least=0, at_most=1),
        "label": Column(
            pl.Int8,
            "1 if what the label asks came true, by default that the forward return beats the benchmark's, else 0; "
            "null where undefined and from the holdout on",
            nullable=True,
            at_least=0,
            at_most=1,
        ),
        "label_end": Column(
            pl.Date,
            "session at whose open the label counts as known, of a triple barrier when its time is up; "
            "null where undefined and from the holdout on",
            nullable=True,
        ),
        "uncalibrated": Column(
            pl.Float64,
            "the score before the curve of earlier folds; null of models that are not calibrated",
            nullable=True,
            at_least=0,
            at_most=1,
        ),
    },
)

METRICS = Table(
    name="models.metrics",
    description=(
        "One row is a metric of a fold, from labels over before the holdout. "
        "`auc` is the model's, `logistic_auc` and `naive_auc` those of the baselines."
    ),
    key=("model", "fold", "metric"),
    columns={
        "model": MODEL,
        "version": VERSION,
        "fold": FOLD,
        "metric": Column(pl.String, "name of the metric"),
        "value": Column(pl.Float64, "value; null where undefined", nullable=True),
    },
)

EXPLANATIONS = Table(
    name="models.explanations",
    description="One row is a feature of a model: how much it moved the scores of the last fold before the holdout.",
    key=("model", "feature"),
    columns=OF_CONTRIBUTIONS,
)

OUTCOMES = Table(
    name="models.outcomes",
    description="One row is the latest training of a model.",
    key=("model",),
    columns={
        "model": MODEL,
        "version": VERSION,
        "status": Column(pl.String, "whether any fold could be trained", one_of=(OK, INSUFFICIENT_DATA)),
        "reason": Column(pl.String, "why not; null if ok", nullable=True),
        "folds": Column(pl.Int64, "folds", at_least=0),
        "scored_folds": Column(pl.Int64, "folds that were trained and scored", at_least=0),
        "scored_rows": Column(pl.Int64, "rows scored", at_least=0),
        "unscored_rows": Column(pl.Int64, "test rows without any feature value", at_least=0),
        "until": Column(
            pl.Date, "its scores end before this, as no strategy that reads it is registered; null: any", nullable=True
        ),
    },
)

CROSS_VALIDATION = Table(
    name="models.cross_validation",
    description="One row is a metric of a path of combinatorial purged cross-validation, before the holdout.",
    key=("model", "path", "metric"),
    columns={
        "model": MODEL,
        "procedure": Column(pl.String, "digest of settings, seed and code of what is trained"),
        "path": Column(pl.Int64, "number of the path over all groups of sessions, from 0", at_least=0),
        "metric": Column(pl.String, "name of the metric"),
        "value": Column(pl.Float64, "value; null where undefined", nullable=True),
        "trainings": Column(pl.Int64, "choices of groups that a model could be trained for", at_least=0),
    },
)

FITS = Table(
    name="models.fits",
    description="One row is the model of a fold as it was fitted, for whoever learns from the same again.",
    key=("model", "fold"),
    columns={
        "model": MODEL,
        "fold": FOLD,
        "made_of": Column(pl.String, "digest of training set, settings, seed, code and libraries"),
        "content": Column(pl.String, "the model as its family saves it, in base64"),
    },
)

#: What a paired test of a candidate and a champion found.
_TEST = {
    "effect": Column(pl.Float64, "mean log loss a session of the champion less that of the candidate", nullable=True),
    "error": Column(pl.Float64, "its standard error, overlapping labels counted", nullable=True, at_least=0),
    "statistic": Column(pl.Float64, "effect over error", nullable=True),
    "critical": Column(pl.Float64, "what the statistic has to exceed", nullable=True),
    "p": Column(pl.Float64, "one-sided p-value", nullable=True, at_least=0, at_most=1),
    "detectable": Column(
        pl.Float64, "true effect that this test would find four times out of five", nullable=True, at_least=0
    ),
    "power": Column(
        pl.Float64,
        "how often a true effect of the least size that matters would have been found",
        nullable=True,
        at_least=0,
        at_most=1,
    ),
}

PROMOTIONS = Table(
    name="models.promotions",
    description="One row is what became of a candidate, append only: champion or not, and by which test.",
    key=("model", "candidate"),
    columns={
        "model": MODEL,
        "candidate": Column(pl.String, "version that asked"),
        "champion": Column(pl.String, "version that was champion before; null: none", nullable=True),
        "decision": Column(pl.String, "what the candidate became", one_of=(CHAMPION, CHALLENGER)),
        "test": Column(pl.String, "how it was decided; null: there was nothing to test", nullable=True),
        "sessions": Column(pl.Int64, "sessions that both have scored and that were tested", nullable=True, at_least=0),
        **_TEST,
        "reason": Column(pl.String, "the decision in words"),
        "decided_at": Column(pl.Datetime("us"), "when it was put on record, UTC"),
        "run_id": Column(pl.String, "run that trained the candidate"),
    },
)

TUNING_TRIALS = Table(
    name="models.tuning_trials",
    description=(
        "One row is a set of parameters that the search of a fold tried, judged by inner folds of its training window; "
        "trial 0 is what the configuration says. None of a model without `tune`."
    ),
    key=("model", "fold", "trial"),
    columns={
        "model": MODEL,
        "version": VERSION,
        "fold": FOLD,
        "trial": Column(pl.Int64, "number of the trial, from 0 in the order in which it was tried", at_least=0),
        "parameters": Column(pl.String, "JSON of the parameters that are searched"),
        "inner_loss": Column(
            pl.Float64, "mean log loss of the inner folds that judged it; null: none could", nullable=True, at_least=0
        ),
        "inner_folds": Column(pl.Int64, "inner folds that judged it", at_least=0),
        "pruned": Column(pl.Boolean, "whether it ended before the last inner fold; it is a trial all the same"),
        "chosen": Column(pl.Boolean, "whether the model of the fold has these parameters: one of each fold"),
    },
)

TUNING_LOSSES = Table(
    name="models.tuning_losses",
    description=(
        "One row is a session that a tuned model scored out of sample, of labels over before the holdout: its loss "
        "beside that of the parameters of the configuration, fitted on the same rows."
    ),
    key=("model", "session"),
    columns={
        "model": MODEL,
        "version": VERSION,
        "fold": FOLD,
        "session": Column(pl.Date, "session of the scores"),
        "tuned": Column(pl.Float64, "mean log loss with the parameters that the search of the fold chose", at_least=0),
        "untuned": Column(pl.Float64, "mean log loss with the parameters of the configuration", at_least=0),
    },
)

TUNING_GAIN = Table(
    name="models.tuning_gain",
    description="One row is what the search of a model bought out of sample, by a paired test of sessions.",
    key=("model",),
    columns={
        "model": MODEL,
        "version": VERSION,
        "trials": Column(pl.Int64, "different sets of parameters that its searches tried", at_least=1),
        "pruned": Column(pl.Int64, "trials of all folds that ended early", at_least=0),
        "changed_folds": Column(pl.Int64, "folds whose search chose other parameters than configured", at_least=0),
        "sessions": Column(pl.Int64, "sessions that were compared", at_least=0),
        "tuned": Column(pl.Float64, "mean log loss a session with the chosen parameters", nullable=True, at_least=0),
        "untuned": Column(pl.Float64, "the same with the configured parameters", nullable=True, at_least=0),
        **_TEST,
        "effect": Column(pl.Float64, "mean log loss a session without the search less that with it", nullable=True),
        "result": Column(pl.String, "what the test found", one_of=("bought", "nothing", "cost")),
        "reason": Column(pl.String, "the same in words"),
    },
)

#: Of models that search, and of those that learn on within their folds.
OF_SOME = (TUNING_TRIALS, TUNING_LOSSES, TUNING_GAIN, ONLINE_UPDATES)

CHAMPIONS = Table(
    name="models.champions",
    description=(
        "One row is what became of a candidate when a champion could change: at a refit, or by a person's word. "
        "Decided anew in each run, as it would have been decided then."
    ),
    key=("model", "session", "cause", "candidate"),
    columns={
        "model": Column(pl.String, "name of the champion in the configuration"),
        "session": Column(pl.Date, "first session whose scores are those of who is champion then"),
        "cause": Column(
            pl.String,
            "what decided: the configuration (its first candidate), a test at a refit, or a person",
            one_of=("configuration", "test", *ACTIONS),
        ),
        "candidate": Column(pl.String, "model that competes"),
        "decision": Column(
            pl.String, "champion: its scores are traded from then on; shadow: they are not", one_of=(CHAMPION, SHADOW)
        ),
        "champion": Column(pl.String, "candidate that was champion before; null: none", nullable=True),
        "is_pinned": Column(pl.Boolean, "whether a person's word keeps the champion, whatever tests say"),
        "sessions": Column(
            pl.Int64, "sessions that were tested; null: there was nothing to test", nullable=True, at_least=0
        ),
        "last_label_end": Column(
            pl.Date, "latest end of a label that counted, before the session; null: none did", nullable=True
        ),
        **_TEST,
        "reason": Column(pl.String, "the decision in words"),
    },
)

LIVE_QUALITY = Table(
    name="models.live_quality",
    description=(
        "One row is a metric of scores from the holdout on, once their labels are over, by window of sessions: "
        "of models and champions that a registered strategy reads."
    ),
    key=("model", "version", "window", "metric"),
    columns={
        "model": Column(pl.String, "name of the model or the champion in the configuration"),
        "version": VERSION,
        "window": Column(pl.Int64, "number of the window, from 0 at the start of the holdout", at_least=0),
        "start": Column(pl.Date, "first session of the window that the version scored"),
        "end": Column(pl.Date, "last session of it whose labels are over"),
        "sessions": Column(pl.Int64, "sessions of these", at_least=1),
        "rows": Column(pl.Int64, "scores whose labels are over", at_least=1),
        "metric": Column(pl.String, "as in models.metrics"),
        "value": Column(pl.Float64, "value; null where undefined", nullable=True),
        "promised": Column(pl.Float64, "mean over the folds before the holdout; null: none has it", nullable=True),
        "spread": Column(pl.Float64, "standard deviation over these folds; null: fewer than two", nullable=True),
    },
)

LOSS_DRIFT = Table(
    name="models.loss_drift",
    description=(
        "One row is a session from the holdout on whose labels are over: how far the losses of a model have added up "
        "beyond what they were before."
    ),
    key=("model", "session"),
    columns={
        "model": Column(pl.String, "name of the model or the champion in the configuration"),
        "session": Column(pl.Date, "session of the scores"),
        "known_on": Column(pl.Date, "session at whose open the last of its labels was over"),
        "loss": Column(pl.Float64, "mean log loss of its scores", at_least=0),
        "promised": Column(pl.Float64, "mean log loss of the sessions before the holdout"),
        "excess": Column(pl.Float64, "cumulative sum beyond that, in deviations of a session's loss", at_least=0),
        "threshold": Column(
            pl.Float64, "sum that few years reach in which nothing has changed", nullable=True, at_least=0
        ),
        "alarm": Column(pl.Boolean, "whether the sum is above the threshold"),
    },
)

REGIMES = Table(
    name="models.regimes",
    description="One row is the probability of a market regime, filtered: known at the close of its session.",
    key=("benchmark", "session", "regime"),
    columns={
        "benchmark": Column(pl.String, "symbol of the benchmark whose bars the regimes are of"),
        "session": Column(pl.Date, "session at whose close the probability is known"),
        "regime": Column(
            pl.Int64,
            "number of the regime, kept by refits that go on with it; those of the first fit from 0, the calmest",
            at_least=0,
        ),
        "probability": Column(pl.Float64, "sums to 1 over the regimes of a session", at_least=0, at_most=1),
        "version": Column(pl.String, "content hash of settings, seed and training data of the fit"),
        "trained_until": Column(pl.Date, "last session that the fit has seen"),
    },
)
