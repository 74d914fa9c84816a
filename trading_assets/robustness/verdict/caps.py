"""Why a verdict is at best conditional: what the configuration made easier, and what the data cannot tell."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
import polars as pl

from trading_assets.config.robustness import Robustness
from trading_assets.config.sections import Costs, InstrumentCosts
from trading_assets.config.verdict import LOOSER_IF_HIGHER, VerdictThresholds
from trading_assets.models.evaluation import early_promotions, leaks
from trading_assets.models.fold_evaluation import finding_of_rows

#: Settings of the section `robustness` of which fewer are looser.
COUNTS = ("resamples", "permutations", "look_ahead_cuts", "block_sessions", "cross_validation_blocks")
#: A cost below this part of its default is no cost that anybody pays.
LEAST_COST = 0.5
#: Departures on record a symbol-year below which a universe is one of survivors.
LEAST_DEPARTURES = 0.01
#: The test of a model against the naive forecast, one-sided.
MODEL_ALPHA = 0.05
_DAYS_A_YEAR = 365.25


def looser_criteria(settings: Robustness) -> Iterator[str]:
    """Yield a sentence for each criterion and count that is looser than shipped."""
    shipped = Robustness()
    for name in VerdictThresholds.model_fields:
        own, default = getattr(settings.verdict, name), getattr(shipped.verdict, name)
        if own > default if name in LOOSER_IF_HIGHER else own < default:
            yield f"the criterion {name} is {own:g}, looser than the {default:g} that it ships with"
    for name in COUNTS:
        own, default = getattr(settings, name), getattr(shipped, name)
        if own < default:
            yield f"{name} is {own}, fewer than the {default} that it ships with"
    # Blocks as long as the sample only rotate it: no spread is left.
    blocks = settings.block_sessions
    if blocks > shipped.block_sessions:
        yield f"block_sessions is {blocks}, longer than the {shipped.block_sessions} that it ships with"


def cheap_costs(costs: Costs, asset_classes: Iterable[str]) -> Iterator[str]:
    """Yield a sentence for each cost of what is traded that is below half of its default.

    Whatever makes slippage cheaper counts, not its base alone: the multiples under stress, at weekends, by volatility
    and by size, how far the benchmark must fall in how many sessions until costs are stressed, and what an order moves.
    """
    shipped = Costs()
    for asset_class in sorted(set(asset_classes)):
        own = getattr(costs, asset_class, None)
        if not isinstance(own, InstrumentCosts):
            continue
        default = getattr(shipped, asset_class)
        for name in ("fee_bps", "slippage_bps", "weekend_multiplier"):
            yield from _cheap(f"costs.{asset_class}.{name}", getattr(own, name), getattr(default, name))
        if own.stress_return < default.stress_return / LEAST_COST:
            yield (
                f"costs.{asset_class}.stress_return is {own.stress_return:g}, so that costs are stressed after falls "
                f"twice as deep as the default {default.stress_return:g} alone"
            )
    for name in ("stress_multiplier", "stress_window", "impact", "borrow_bps"):
        yield from _cheap(f"costs.{name}", getattr(costs, name), getattr(shipped, name))
    for name in ("volatility_clip", "size_clip"):
        for end, own, default in zip(("low", "high"), getattr(costs, name), getattr(shipped, name), strict=True):
            yield from _cheap(f"costs.{name} ({end})", own, default)


def cheap_borrowing(rates: pl.DataFrame, symbols: Iterable[str]) -> Iterator[str]:
    """Yield a sentence if a file lends what is traded below half of the default.

    Parameters
    ----------
    rates
        Rows of `market_data.borrow_rates`.
    """
    default = Costs().borrow_bps
    own = rates.filter(pl.col("symbol").is_in(list(symbols)), pl.col("borrow_bps") < LEAST_COST * default)
    cheap = own["symbol"].unique().sort().to_list()
    if cheap:
        named = ", ".join(cheap[:5]) + (", ..." if len(cheap) > 5 else "")
        yield f"costs.borrow_rates lends {named} below half of the default of {default:g} bp"


def _cheap(name: str, own: float, default: float) -> Iterator[str]:
    if own < LEAST_COST * default:
        yield f"{name} is {own:g}, below half of its default {default:g}"


def claim_of_indices(indices: Mapping[str, str], symbols: Iterable[str]) -> str:
    """Return the sentence on why no departures are asked of what a strategy trades; empty where they are.

    Nothing in the data says that an instrument is one of an index, so it is a claim of the registration, and the
    verdict says it. It has to name all symbols; the configuration takes five at most.
    """
    own = sorted(set(symbols))
    if not own or not set(own) <= indices.keys():
        return ""
    named = ", ".join(f"{symbol} ({indices[symbol]})" for symbol in own)
    return f"No departures are asked for, as the registration claims index instruments, which nothing checks: {named}."


def without_departures(
    instruments: pl.DataFrame,
    memberships: pl.DataFrame,
    start: dt.date,
    end: dt.date,
    indices: Mapping[str, str] = MappingProxyType({}),
) -> Iterator[str]:
    """Yield a sentence if the universe has fewer departures on record than companies go away.

    Parameters
    ----------
    instruments
        Rows of `market_data.instruments` that the strategy may trade.
    memberships
        Rows of `market_data.universe` of these symbols, but for universes that are chosen by rules: whose rank falls
        has not gone. A symbol whose last spell ended before `end` has departed.
    start, end
        First and last session that the result is of, train to holdout.
    indices
        Symbol -> index that the registration claims it to be an instrument of, see `claim_of_indices`.
    """
    if claim_of_indices(indices, instruments["symbol"]):
        return
    listed = instruments.drop_nulls("first_session").select(
        first=pl.max_horizontal("first_session", pl.lit(start)), last=pl.min_horizontal("last_session", pl.lit(end))
    )
    days = sum(max((last - first).days + 1, 0) for first, last in listed.iter_rows())
    left = instruments.filter(pl.col("delisted").is_between(start, end))["symbol"].to_list()
    last_spells = memberships.group_by("symbol").agg(
        pl.when(pl.col("end").null_count() == 0).then(pl.col("end").max()).alias("end")
    )
    ended = last_spells.filter(pl.col("end") >= start, pl.col("end") < end)["symbol"].to_list()
    departures = len(left) + len([symbol for symbol in ended if symbol not in left])
    years = days / _DAYS_A_YEAR
    if departures < LEAST_DEPARTURES * years or not years:
        yield (
            f"the universe has {departures} recorded departures in {years:.0f} symbol-years, fewer than one in 100: "
            "it may be one of survivors (memberships or delistings of the source would tell)"
        )


def unproven_models(metrics: Mapping[str, pl.DataFrame], models: Sequence[str]) -> Iterator[str]:
    """Yield a sentence for each model that does not beat the naive forecast.

    A paired one-sided t-test at 5 % of the log loss, fold by fold, before the holdout.

    Parameters
    ----------
    metrics
        Rows of `models.metrics` by model.
    models
        Models that the strategy or one of its members reads.
    """
    from scipy.stats import ttest_rel

    for model in sorted(set(models)):
        rows = metrics[model].filter(pl.col("metric").is_in(["log_loss", "naive_log_loss"]))
        folds = rows.pivot("metric", index="fold", values="value").sort("fold")
        losses = (
            folds.select("log_loss", "naive_log_loss").drop_nulls().to_numpy()
            if {"log_loss", "naive_log_loss"} <= set(folds.columns)
            else np.empty((0, 2))
        )
        gains = losses[:, 1] - losses[:, 0]
        if gains.size < 2:
            yield f"the model {model} was measured in {gains.size} folds, too few to tell it from the naive forecast"
            continue
        if not np.isfinite(losses).all():
            yield f"the model {model} has a log loss that is not finite in some fold"
            continue
        if float(np.std(gains)) > 0:
            p = float(ttest_rel(losses[:, 0], losses[:, 1], alternative="less").pvalue)
        else:
            p = 0.0 if gains[0] > 0 else 1.0
        if not p <= MODEL_ALPHA:
            yield (
                f"the model {model} does not beat the naive forecast: mean gain in log loss {gains.mean():.4g} over "
                f"{gains.size} folds, p = {p:.2g} (paired t-test)"
            )


def told_models(shuffled: Mapping[str, pl.DataFrame]) -> Iterator[str]:
    """Yield a sentence for each model that scores shuffled labels, or was not tried on any.

    Something tells it the labels that it is tested on.

    Parameters
    ----------
    shuffled
        Rows of `models.shuffled_labels` by model.
    """
    for model in sorted(shuffled):
        found = finding_of_rows(shuffled[model])
        if shuffled[model].is_empty():
            yield f"the model {model} was not tried on shuffled labels: no fold of it could be"
        elif found.is_leak:
            yield (
                f"the model {model} tells shuffled labels that it has not learnt (AUC {found.auc:.3f}, "
                f"p = {found.p:.2g}): labels of the test part reach it"
            )


def leaking_models(rows: Mapping[str, tuple[pl.DataFrame, pl.DataFrame]]) -> Iterator[str]:
    """Yield a sentence for each model or champion with a score that is not out of sample.

    The check `no_leakage` stops what runs with the model. A strategy that runs alone afterwards meets this.

    Parameters
    ----------
    rows
        Rows of `models.folds` and of `models.predictions` by name.
    """
    for name in sorted(rows):
        problems = leaks(*rows[name])["problem"].unique().sort().to_list()
        if problems:
            yield f"scores of {name} are not out of sample: {'; '.join(problems)} (check no_leakage)"


@dataclass(frozen=True)
class Promotions:
    """What decided who is champion, and what was known then.

    Attributes
    ----------
    rows
        Rows of `models.champions` of one champion.
    scored
        Sessions that each candidate has scored.
    days, horizon
        All sessions of its universe, ascending, and sessions of a label.
    """

    rows: pl.DataFrame
    scored: Mapping[str, pl.Series]
    days: pl.Series
    horizon: int


def early_champions(promotions: Mapping[str, Promotions]) -> Iterator[str]:
    """Yield a sentence for each champion that was decided by what was not over.

    The check `promotions_are_causal` stops what runs with the champion. A strategy that runs alone afterwards meets
    this.

    Parameters
    ----------
    promotions
        By champion.
    """
    for champion in sorted(promotions):
        each = promotions[champion]
        early = early_promotions(each.rows, each.scored, each.days, each.horizon)
        if early.height:
            yield (
                f"{early.height} decisions on the champion {champion} rest on labels that were not over, the first on "
                f"{early.sort('session')['session'][0]} (check promotions_are_causal)"
            )


def seen_regimes(regimes: pl.DataFrame) -> Iterator[str]:
    """Yield a sentence if the probability of a regime is of a session that its fit has seen.

    Parameters
    ----------
    regimes
        Rows of `models.regimes`.
    """
    seen = regimes.filter(pl.col("session") <= pl.col("trained_until")).height
    if seen:
        yield f"{seen} probabilities of regimes are of sessions that their fit has seen (check no_leakage)"
