"""What keeps a verdict from being more than conditional: each setting and each gap of the data by itself."""

from __future__ import annotations

import datetime as dt

import numpy as np
import polars as pl
import pytest
from pydantic import ValidationError

from trading_assets.config.robustness import Robustness
from trading_assets.config.sections import Costs, Registration
from trading_assets.config.verdict import LOOSER_IF_HIGHER, VerdictThresholds
from trading_assets.robustness.verdict.caps import (
    COUNTS,
    Promotions,
    cheap_borrowing,
    cheap_costs,
    claim_of_indices,
    early_champions,
    leaking_models,
    looser_criteria,
    seen_regimes,
    told_models,
    unproven_models,
    without_departures,
)

START, END = dt.date(2010, 1, 1), dt.date(2019, 12, 31)


def test_what_ships_is_not_looser_than_what_ships() -> None:
    assert list(looser_criteria(Robustness())) == []
    assert list(cheap_costs(Costs(), ["equity", "crypto"])) == []
    assert set(VerdictThresholds.model_fields) > LOOSER_IF_HIGHER


@pytest.mark.parametrize("name", sorted(VerdictThresholds.model_fields))
def test_every_criterion_that_is_looser_is_named_and_a_stricter_one_is_not(name: str) -> None:
    shipped = getattr(VerdictThresholds(), name)
    step = 1 if isinstance(shipped, int) else 0.01
    looser, stricter = (step, -step) if name in LOOSER_IF_HIGHER else (-step, step)

    def settings(change: float) -> Robustness:
        return Robustness(verdict=VerdictThresholds(**{name: shipped + change}))

    [sentence] = looser_criteria(settings(looser))
    assert name in sentence and f"{shipped:g}" in sentence
    assert list(looser_criteria(settings(stricter))) == []


@pytest.mark.parametrize("name", COUNTS)
def test_fewer_draws_or_cuts_are_named(name: str) -> None:
    shipped = getattr(Robustness(), name)
    fewer = Robustness(**{name: shipped - (2 if name == "cross_validation_blocks" else 1)})
    [sentence] = looser_criteria(fewer)
    assert sentence.startswith(f"{name} is ")


def test_blocks_so_long_that_a_resample_is_the_sample_are_named() -> None:
    [sentence] = looser_criteria(Robustness(block_sessions=21))
    assert sentence == "block_sessions is 21, longer than the 20 that it ships with"


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"equity": {"fee_bps": 0.49}}, "costs.equity.fee_bps is 0.49, below half of its default 1"),
        ({"equity": {"slippage_bps": 3.9}}, "costs.equity.slippage_bps"),
        ({"equity": {"stress_return": -0.07}}, "costs.equity.stress_return"),
        ({"stress_multiplier": 0.9}, "costs.stress_multiplier"),
        ({"borrow_bps": 0.0}, "costs.borrow_bps"),
        ({"impact": 0.4}, "costs.impact"),
        ({"stress_window": 2}, "costs.stress_window"),
        ({"volatility_clip": [0.1, 3.0]}, "costs.volatility_clip (low)"),
        ({"size_clip": [0.2, 2.0]}, "costs.size_clip (low)"),
    ],
)
def test_cheap_costs_are_named(change: dict[str, object], named: str) -> None:
    found = list(cheap_costs(Costs.model_validate(change), ["equity"]))
    assert len(found) == 1 and found[0].startswith(named)


def test_half_of_a_cost_is_enough_and_costs_of_what_is_not_traded_do_not_matter() -> None:
    half = Costs.model_validate({"equity": {"fee_bps": 0.5, "slippage_bps": 4.0}, "crypto": {"fee_bps": 0.0}})
    assert list(cheap_costs(half, ["equity", "equity"])) == []
    assert len(list(cheap_costs(half, ["crypto", "index"]))) == 1


def instruments(count: int, *, delisted: int = 0, asset_class: str = "equity") -> pl.DataFrame:
    return pl.DataFrame(
        {
            "symbol": [f"S{number:02d}" for number in range(count)],
            "asset_class": asset_class,
            "first_session": dt.date(2000, 1, 3),
            "last_session": dt.date(2020, 6, 1),
            "delisted": [dt.date(2015, 3, 2)] * delisted + [None] * (count - delisted),
        },
        schema_overrides={"delisted": pl.Date},
    )


def spells(*ends: dt.date | None) -> pl.DataFrame:
    rows = [{"symbol": f"S{number:02d}", "end": end} for number, end in enumerate(ends)]
    return pl.DataFrame(rows, schema={"symbol": pl.String, "end": pl.Date})


def departures(listed: pl.DataFrame, memberships: pl.DataFrame) -> list[str]:
    return list(without_departures(listed, memberships, START, END))


def test_a_universe_without_departures_is_named() -> None:
    """50 symbols over ten years are 500 symbol-years: five departures are one in 100, four are not."""
    assert "0 recorded departures in 500 symbol-years" in departures(instruments(50), spells(None))[0]
    assert len(departures(instruments(50, delisted=4), spells())) == 1
    assert departures(instruments(50, delisted=5), spells()) == []
    later = dt.date(2016, 1, 4)
    assert departures(instruments(50), spells(later, later, later, later, later)) == []
    # The spell of a company that was delisted ends with it: once. After the end of the holdout nothing departs.
    assert len(departures(instruments(50, delisted=4), spells(later, later, later, later))) == 1
    assert len(departures(instruments(50), spells(*[dt.date(2020, 2, 3)] * 9))) == 1


def test_who_comes_back_has_not_departed_and_counts_once() -> None:
    """Five symbols left for a month and came back: nobody is gone. One that left twice is one departure."""
    away = dt.date(2012, 3, 1)
    returned = pl.concat([spells(*[away] * 5), spells(*[None] * 5)])
    assert "0 recorded departures" in departures(instruments(50), returned)[0]
    twice = pl.concat([spells(away), spells(dt.date(2015, 3, 2))])
    assert "1 recorded departures" in departures(instruments(50), twice)[0]


def test_instruments_of_an_index_that_the_registration_claims_have_no_survivors() -> None:
    """Two funds; a claim that leaves one of them out, or that the class alone makes, is none."""
    listed, claim = instruments(2), {"S00": "S&P 500", "S01": "Nikkei 225", "UNUSED": "DAX"}

    def capped(indices: dict[str, str]) -> list[str]:
        return list(without_departures(listed, spells(), START, END, indices))

    assert capped(claim) == []
    assert len(capped({"S00": "S&P 500"})) == len(capped({})) == 1
    assert len(departures(instruments(3, asset_class="index"), spells())) == 1
    assert claim_of_indices(claim, ["S01", "S00"]) == (
        "No departures are asked for, as the registration claims index instruments, which nothing checks: "
        "S00 (S&P 500), S01 (Nikkei 225)."
    )
    assert claim_of_indices({"S00": "S&P 500"}, ["S00", "S01"]) == claim_of_indices(claim, []) == ""


def test_a_registration_claims_five_instruments_at_most() -> None:
    entry = {"hypothesis": "Trends of indices last.", "registered_on": dt.date(2020, 1, 1)}
    names = {f"S{number}": "an index" for number in range(6)}
    assert len(Registration.model_validate({**entry, "indices": dict(list(names.items())[:5])}).indices) == 5
    with pytest.raises(ValidationError, match="indices"):
        Registration.model_validate({**entry, "indices": names})


def losses(model: list[float], naive: list[float]) -> pl.DataFrame:
    return pl.DataFrame(
        [
            {"fold": fold, "metric": metric, "value": value}
            for metric, values in (("log_loss", model), ("naive_log_loss", naive), ("auc", [0.5] * len(model)))
            for fold, value in enumerate(values)
        ],
        schema={"fold": pl.Int64, "metric": pl.String, "value": pl.Float64},
    )


def test_a_model_has_to_beat_the_naive_forecast() -> None:
    """Gains of .01, .02, .03: mean .02, deviation .01, t = .02 / (.01 / sqrt(3)) = 3.46 on 2 degrees: p = .037."""
    better = losses([0.68, 0.67, 0.66], [0.69, 0.69, 0.69])
    noisy = losses([0.68, 0.73, 0.66], [0.69, 0.69, 0.69])
    assert list(unproven_models({"m": better}, ["m", "m"])) == []
    [sentence] = unproven_models({"m": noisy}, ["m"])
    assert sentence.startswith("the model m does not beat the naive forecast") and "3 folds" in sentence
    assert len(list(unproven_models({"m": losses([0.6], [0.7])}, ["m"]))) == 1
    assert len(list(unproven_models({"m": losses([], [])}, ["m"]))) == 1
    equal = losses([0.69] * 4, [0.69] * 4)
    assert len(list(unproven_models({"m": equal}, ["m"]))) == 1
    assert np.isfinite(better["value"].to_numpy()).all()
    for broken in (np.inf, np.nan):  # the mean of the others would pass
        [sentence] = unproven_models({"m": losses([0.6, 0.6, broken], [0.69] * 3)}, ["m"])
        assert "not finite" in sentence


def test_a_file_that_lends_for_nothing_is_cheap_as_the_setting_is() -> None:
    """Half of the default of 50 bp is 25. Who only says what cannot be borrowed lends nothing."""
    rates = pl.DataFrame(
        {"symbol": ["A", "B", "C", "D", "Z"], "borrow_bps": [0.0, 24.9, 25.0, None, 0.0]},
    )
    assert list(cheap_borrowing(rates, ["A", "B", "C", "D"])) == [
        "costs.borrow_rates lends A, B below half of the default of 50 bp"
    ]
    assert list(cheap_borrowing(rates, ["C", "D"])) == []


def test_a_model_that_tells_shuffled_labels_is_named() -> None:
    """Of 1,000 pairs 600 are in order, 100 more than half and 5 of its deviations of 20; then 10, half of one."""

    def rows(auc: float) -> pl.DataFrame:
        return pl.DataFrame({"fold": [1], "pairs": [1_000], "auc": [auc], "auc_error": [0.02]})

    sentence, untried = told_models({"told": rows(0.6), "honest": rows(0.51), "untried": rows(0.6).clear()})
    assert untried == "the model untried was not tried on shuffled labels: no fold of it could be"
    assert sentence.startswith("the model told tells shuffled labels that it has not learnt (AUC 0.600, p = 2.9e-07)")


def test_a_score_that_is_not_out_of_sample_is_named_whoever_ran_with_its_check() -> None:
    """A label that trains ends on the day on which the test fold begins; a score is of a session before its fold."""
    day = dt.date(2020, 1, 6)
    dates = {"train_end": dt.date(2020, 1, 3), "test_start": day, "test_end": dt.date(2020, 1, 10)}
    fold = {"model": "m", "fold": 0, **dates, "last_label_end": dt.date(2020, 1, 3), "status": "ok"}
    score = {"model": "m", "fold": 0, "session": day, "label_end": dt.date(2020, 1, 8)}

    def frames(**changed: dt.date) -> tuple[pl.DataFrame, pl.DataFrame]:
        rows = ({name: changed.get(name, value) for name, value in each.items()} for each in (fold, score))
        folds, scores = (pl.DataFrame([each]) for each in rows)
        return folds, scores

    assert list(leaking_models({"m": frames()})) == []
    early, trained = leaking_models(
        {"trained": frames(last_label_end=day), "early": frames(session=dt.date(2020, 1, 3)), "m": frames()}
    )
    assert early == "scores of early are not out of sample: scored outside the test fold (check no_leakage)"
    assert "a training label ends in the embargo; a training label ends in the test fold" in trained


def test_a_champion_that_was_decided_too_early_is_named() -> None:
    """On day 30 a label that ends on day 29 was over, one that ends on day 30 was not."""
    days = pl.Series([dt.date(2020, 1, 1) + dt.timedelta(days=number) for number in range(60)])

    def decided(last_label_end: dt.date) -> Promotions:
        row = {"candidate": "keen", "session": days[30], "sessions": 5, "last_label_end": last_label_end}
        return Promotions(pl.DataFrame([row]), {"keen": days[10:]}, days, 5)

    assert list(early_champions({"sound": decided(days[29])})) == []
    [sentence] = early_champions({"sound": decided(days[29]), "hasty": decided(days[30])})
    assert sentence == (
        "1 decisions on the champion hasty rest on labels that were not over, the first on 2020-01-31 "
        "(check promotions_are_causal)"
    )


def test_a_regime_that_was_fitted_on_its_own_session_is_named() -> None:
    day = dt.date(2020, 1, 6)
    rows = pl.DataFrame({"session": [day, day], "trained_until": [day - dt.timedelta(days=3), day]})
    assert list(seen_regimes(rows[:1])) == []
    [sentence] = seen_regimes(rows)
    assert sentence == "1 probabilities of regimes are of sessions that their fit has seen (check no_leakage)"
