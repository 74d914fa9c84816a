"""Trials of all types on their sessions, and how many types are different ideas."""

from __future__ import annotations

import datetime as dt

import numpy as np
import polars as pl
import pytest

from trading_assets.robustness.overfitting.field import (
    Calendars,
    _correlations,
    calendars_of,
    field_of,
    ideas_of,
    trials_of_types,
    types_alike,
)
from trading_assets.robustness.tables import TRIALS

DAYS = [dt.date(2020, 1, 1) + dt.timedelta(days=day) for day in range(400)]
WORKDAYS = [day for day in DAYS if day.weekday() < 5]
CALENDARS = Calendars({"A": "XNYS", "B": "XNYS", "COIN": "24/7"}, {"XNYS": WORKDAYS, "24/7": DAYS})


def noise(seed: int, size: int = len(WORKDAYS)) -> np.ndarray:
    return np.random.default_rng(seed).normal(0.0, 0.01, size)


def trial(name: str, returns: np.ndarray | None, **changes: object) -> dict[str, object]:
    return {
        "trial": name,
        "strategy": "s",
        "type": "momentum",
        "params_hash": name,
        "symbols": ["A"],
        "split": "development",
        "start": DAYS[0],
        "end": DAYS[-1],
        "data_hash": "d",
        "sharpe": 1.0,
        "sessions": 0 if returns is None else returns.size,
        "returns": None if returns is None else returns.astype(np.float32).tolist(),
        "evaluated_at": dt.datetime(2021, 1, 1),
        **changes,
    }


def rows(*lines: dict[str, object]) -> pl.DataFrame:
    types: dict[str, pl.DataType | type[pl.DataType]] = {
        "returns": pl.List(pl.Float32),
        "symbols": pl.List(pl.String),
        "type": pl.String,
    }
    return TRIALS.conform(pl.DataFrame(list(lines), schema_overrides=types))


def test_each_trial_is_on_the_sessions_of_its_calendar() -> None:
    coin, stock = noise(1, len(DAYS)), noise(2)
    field = field_of(rows(trial("b", stock), trial("a", coin, symbols=["COIN"]), trial("c", stock[:-1])), CALENDARS)
    assert field.trials["trial"].to_list() == ["a", "b"]
    assert field.sessions == DAYS
    assert field.undated["trial"].to_list() == ["c"], "a return fewer than there are sessions"
    weekend = np.array([day.weekday() >= 5 for day in DAYS])
    assert np.isnan(field.returns[weekend, 1]).all()
    assert field.returns[~weekend, 1] == pytest.approx(stock, abs=1e-8)
    assert field.returns[:, 0] == pytest.approx(coin, abs=1e-8)


def test_what_has_no_returns_or_an_unknown_symbol_is_undated_and_a_name_makes_no_second_trial() -> None:
    known = noise(3)
    field = field_of(
        rows(
            trial("a", known),
            trial("a", known, strategy="another name"),
            trial("b", None),
            trial("c", known, symbols=["GONE"]),
            trial("d", known, symbols=None),
        ),
        CALENDARS,
    )
    assert field.trials["trial"].to_list() == ["a"]
    assert field.undated["trial"].to_list() == ["b", "c", "d"]
    assert field_of(rows(trial("a", None)), CALENDARS).returns.shape == (0, 0)


def count(*lines: dict[str, object], own: str = "momentum") -> tuple[int, list[str]]:
    return types_alike(field_of(rows(*lines), CALENDARS), own, ["A", "B"], DAYS[0], DAYS[-1])


def test_different_types_count_each_and_a_copy_under_another_name_does_not() -> None:
    idea, other = noise(4), noise(5)
    lines = [trial("a", idea), trial("b", idea + noise(6) / 3), trial("c", other, type="research.other")]
    assert count(*lines) == (2, ["trading_assets.strategies.momentum"])
    copied = trial("e", idea + noise(7) / 5, type="research.copied")
    assert count(*lines, copied) == (2, ["research.copied", "trading_assets.strategies.momentum"])
    # The same type by its name of today and by that of version 0.1.0.
    assert count(*lines, trial("f", idea, type="trading_assets.strategies.momentum"))[0] == 2


def test_a_type_whose_trials_average_out_hides_no_copy() -> None:
    """Long and short of one idea: their mean never varies. The copy of the long one is no further type."""
    idea = noise(20)
    own = [trial("a", idea), trial("b", -idea)]
    copied = [trial("c", idea + noise(21) / 5, type="research.copied"), trial("d", noise(22), type="research.other")]
    assert count(*own, *copied) == (2, ["research.copied", "trading_assets.strategies.momentum"])


def test_a_trial_that_resembles_another_type_does_not_join_the_two() -> None:
    """Three ideas; the first type has one trial of each of the others': still three types, and all are pooled."""
    ideas = [noise(seed) for seed in (30, 31, 32)]
    own = [trial(f"a{n}", ideas[0] + noise(40 + n) / 5) for n in range(3)]
    own += [trial("a3", ideas[1]), trial("a4", ideas[2])]
    others = [trial("b", ideas[1], type="research.b"), trial("c", ideas[2], type="research.c")]
    assert count(*own, *others) == (3, ["research.b", "research.c", "trading_assets.strategies.momentum"])


def test_ideas_are_told_apart_as_numpy_correlates_and_idle_trials_are_none() -> None:
    returns = np.column_stack([noise(50), noise(50) * 2 + 0.01, noise(51), np.zeros(len(WORKDAYS))])
    returns[:100, 1] = np.nan
    found = _correlations(returns)
    assert found[0, 2] == pytest.approx(np.corrcoef(returns[:, 0], returns[:, 2])[0, 1])
    assert found[1, 2] == pytest.approx(np.corrcoef(returns[100:, 1], returns[100:, 2])[0, 1])
    assert found[0, 1] == pytest.approx(1.0) and found[3].tolist() == [0.0, 0.0, 0.0, 1.0]
    ideas = ideas_of({"x": returns, "idle": returns[:, 3:]})
    assert sorted(ideas["x"].values()) == [1, 2] and sum(ideas["idle"].values()) == 1
    assert not ideas["x"].keys() & ideas["idle"].keys()
    assert ideas_of({}) == {}


def test_types_on_other_symbols_or_sessions_do_not_count_and_unknown_ones_do() -> None:
    own = trial("a", noise(8))
    elsewhere = trial("b", noise(9, len(DAYS)), type="research.coins", symbols=["COIN"])
    before = trial("c", None, type="research.before", start=dt.date(2010, 1, 4), end=dt.date(2011, 1, 4))
    assert count(own, elsewhere, before)[0] == 1
    lost = trial("d", None, type="research.lost")
    older = trial("e", None, type=None, symbols=None, strategy="older")
    assert count(own, lost, older)[0] == 3
    assert count(own, trial("f", None))[0] == 1, "its own without returns is no other type"
    assert count(lost)[0] == 2, "the type that is asked about counts without a trial, too"


def test_trials_of_a_type_are_found_by_its_name_of_today_and_of_then() -> None:
    then = trial("a", noise(1), type="trading_assets.strategies.momentum")
    lines = rows(
        then, trial("b", noise(2)), trial("c", noise(3), type="research.other"), trial("d", noise(4), symbols=["B"])
    )
    found = trials_of_types(lines, "s", ["trading_assets.strategies.momentum", "research.gone"], ["A"])
    assert found["trial"].to_list() == ["a", "b"]
    assert trials_of_types(lines, "s", [], ["A"]).is_empty()


def test_types_with_few_common_sessions_are_two() -> None:
    idea = noise(10, len(DAYS))
    early = [day for day in DAYS if day <= DAYS[40]]
    short = trial("a", idea[: len(early)], type="research.short", symbols=["COIN"], end=DAYS[40])
    long = trial("b", idea, symbols=["COIN"])
    field = field_of(rows(short, long), CALENDARS)
    assert types_alike(field, "momentum", ["COIN"], DAYS[0], DAYS[-1])[0] == 2


def test_calendars_are_read_from_the_market_tables() -> None:
    instruments = pl.DataFrame({"symbol": ["A", "COIN"], "calendar": ["XNYS", "24/7"]})
    sessions = pl.DataFrame({"calendar": ["XNYS"] * 2 + ["24/7"], "session": [DAYS[1], DAYS[0], DAYS[2]]})
    found = calendars_of(instruments, sessions)
    assert found.of_symbols == {"A": "XNYS", "COIN": "24/7"}
    assert found.sessions == {"XNYS": [DAYS[0], DAYS[1]], "24/7": [DAYS[2]]}
