"""What counts as a trial: whatever was evaluated, whoever asked for it and whatever it was called, once."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from trading_assets.backtests import trial_registry
from trading_assets.backtests.trial_registry import (
    TRIALS,
    Evaluation,
    behind,
    hash_settings,
    latest,
    params_hash,
    settings_on_record,
    trial_id,
    trial_rows,
)
from trading_assets.config import Configuration
from trading_assets.models.tables import SPLITS
from trading_assets.protocol import Protocol
from trading_assets.protocol.decisions import HandDecision, record_decision
from trading_assets.robustness.tables import OVERFITTING, SENSITIVITY
from trading_assets.strategies.equity_momentum import Parameters
from trading_assets.strategies.interface.resolved import configured_strategy
from trading_assets.warehouse import Rows, Whole
from trading_assets_tests.backtests.frames import loaded
from trading_assets_tests.robustness.pipeline import SETTINGS, Experiment

STRATEGIES: dict[str, Any] = SETTINGS["strategies"]
TYPE = "trading_assets.strategies.equity_momentum"
NOW = dt.datetime(2020, 1, 1)
START, END = dt.date(2016, 1, 4), dt.date(2016, 12, 15)


def settings_of(configuration: Configuration, name: str = "breakout") -> str:
    """Hash of what is configured of one strategy."""
    return hash_settings(configuration, configured_strategy(configuration, name))


def overfitting_of(experiment: Experiment, strategy: str) -> dict[str, float]:
    rows = experiment.warehouse.read(OVERFITTING, rows=Rows("strategy", strategy))
    return dict(rows.select("statistic", "value").iter_rows())


def test_a_backtest_alone_is_a_trial_each_time_a_parameter_changes(experiment: Experiment) -> None:
    before, deflated = experiment.warehouse.read(TRIALS), overfitting_of(experiment, "known")
    for clearance in (0.001, 0.002, 0.003):
        changed = {**STRATEGIES["known"], "fast_clearance": clearance}
        experiment.write(strategies={**STRATEGIES, "known": changed})
        assert experiment.run("strategies/known", "backtests/known").success
    tried = experiment.warehouse.read(TRIALS)
    added = tried.join(before, on="trial", how="anti")
    assert added["source"].to_list() == ["backtests/known"] * 3
    assert (added["start"].unique().to_list(), added["end"].unique().to_list()) == ([START], [END])
    assert tried.join(before, on="trial", how="semi").equals(before)

    experiment.write()
    for _ in range(2):  # back to what was, and again: nothing that was not tried before
        assert experiment.run("strategies/known", "backtests/known", "robustness/overfitting/known").success
    assert experiment.warehouse.read(TRIALS).equals(tried)
    again = overfitting_of(experiment, "known")
    assert again["trials"] == deflated["trials"] + 3
    assert again["expected_maximum_sharpe"] != deflated["expected_maximum_sharpe"]
    assert again["psr"] == deflated["psr"]


def test_another_primary_behind_a_gate_is_another_trial(tmp_path: Path) -> None:
    """Its entries are what is traded; a strategy that nobody gates has no part in it."""
    models = {"bet": {"label": "triple_barrier", "primary": "breakout"}}

    def settings(**changes: Any) -> str:
        strategies = {
            "breakout": {"type": "equity_momentum", **changes.get("breakout", {})},
            "other": {"type": "equity_momentum", **changes.get("other", {})},
            "gate": {"type": "meta_labels", "model": "bet"},
        }
        return settings_of(loaded(tmp_path, strategies=strategies, models=models), "gate")

    assert settings() == settings(other={"exit": "ma_50"})
    assert len({settings(), settings(breakout={"exit": "ma_50"}), settings(breakout={"universe": ["AAA"]})}) == 3


def test_a_champion_is_one_procedure_and_a_word_within_development_is_another_trial(tmp_path: Path) -> None:
    """All candidates are in it; a word that acts after validation changes no result of it."""
    best = {"type": "ml", "model": "best"}
    changes: dict[str, Any] = {
        "models": {"one": {}, "two": {"type": "ridge"}, "three": {"type": "logistic"}},
        "champions": {"best": {"candidates": ["one", "two"]}},
        "strategies": {"a": best, "b": best, "alone": {"type": "ml", "model": "one"}},
        "registration": {},
        "robustness": {},
    }
    made = Experiment(tmp_path)
    own = made.write(**changes)
    assert settings_of(own, "a") == settings_of(own, "b") != settings_of(own, "alone")
    others = [
        made.write(**changes | {"champions": {"best": {"candidates": names}}})
        for names in (["two", "one"], ["one", "two", "three"], ["one"])
    ]
    others.append(made.write(**changes | {"models": {**changes["models"], "two": {"type": "ridge", "penalty": 1.0}}}))
    assert len({settings_of(each, "a") for each in (own, *others)}) == 5
    unread = made.write(**changes | {"models": {**changes["models"], "three": {"type": "ridge"}}})
    assert settings_of(unread, "a") == settings_of(own, "a")

    own = made.write(**changes)
    spans = {name: [dt.date.fromisoformat(day) for day in span] for name, span in SETTINGS["splits"].items()}
    rows = [{"split": name, "start": a, "end": b, "warm_up_sessions": 1} for name, (a, b) in spans.items()]
    made.warehouse.replace(Whole(), {SPLITS: SPLITS.conform(pl.DataFrame(rows).with_columns(proportion=pl.lit(None)))})

    def recorded() -> str:
        return settings_on_record(made.warehouse, own, configured_strategy(own, "a"))

    assert recorded() == settings_of(own, "a")
    said = HandDecision("best", "pin", "two", True, dt.date.min, "ops", "tried")
    record_decision(Protocol.of(own), said, dt.datetime(2016, 12, 14))
    within = recorded()
    assert within != settings_of(own, "a")
    record_decision(Protocol.of(own), said, dt.datetime(2016, 12, 15))  # acts on the day after validation
    assert recorded() == within


def test_another_name_hides_no_trial(experiment: Experiment) -> None:
    before, count = experiment.warehouse.read(TRIALS), overfitting_of(experiment, "known")["trials"]
    experiment.write(
        strategies={"em2": STRATEGIES["known"]},
        registration={},
        robustness={**SETTINGS["robustness"], "grids": {"em2": SETTINGS["robustness"]["grids"]["known"]}},
    )
    stages = ("strategies", "backtests", "robustness/sensitivity", "robustness/overfitting")
    assert experiment.run(*(f"{stage}/em2" for stage in stages)).success
    after = experiment.warehouse.read(TRIALS)
    assert set(after["trial"]) == set(before["trial"])
    assert overfitting_of(experiment, "em2")["trials"] == count
    points = experiment.warehouse.read(SENSITIVITY, rows=Rows("strategy", "em2"))
    assert set(points["trial"]) == set(before.filter(strategy="known")["trial"])


def evaluation(strategy: str = "s", stop_atr: float = 2.0, symbols: str = "AB", **changes: Any) -> Evaluation:
    values: dict[str, Any] = {
        "strategy": strategy,
        "strategy_type": TYPE,
        "parameters": Parameters(stop_atr=stop_atr),
        "symbols": list(symbols),
        "settings_hash": "c",
        "split": "development",
        "start": START,
        "end": END,
        "data_hash": "d",
        "sharpe": 1.0,
        "returns": np.array([0.01, -0.01]),
        **changes,
    }
    return Evaluation(**values)


def rows(*evaluations: Evaluation, at: dt.datetime = NOW) -> pl.DataFrame:
    return trial_rows(evaluations, source="test", run_id="r", evaluated_at=at)


def test_a_trial_is_what_was_evaluated_and_its_name_a_label() -> None:
    assert trial_id(evaluation("renamed", sharpe=2.0)) == trial_id(evaluation())
    others = [
        evaluation(stop_atr=3.0),
        evaluation(symbols="ABC"),
        evaluation(settings_hash="dearer"),
        evaluation(strategy_type="other"),
        evaluation(data_hash="later"),
        evaluation(end=END + dt.timedelta(days=1)),
    ]
    assert len({trial_id(each) for each in (evaluation(), *others)}) == 7
    assert rows(evaluation(), evaluation("renamed")).height == 1
    TRIALS.validate(TRIALS.conform(rows(evaluation())))


def test_strategies_of_a_type_share_trials_on_symbols_that_they_share() -> None:
    shared = [evaluation(), evaluation("renamed"), evaluation("wider", stop_atr=2.5, symbols="BC")]
    strange = [evaluation("elsewhere", symbols="XY"), evaluation("other", strategy_type="other")]
    register = pl.concat(rows(each) for each in (*shared, *strange))
    found = behind(register, "anything", TYPE, ["A", "B"])
    assert sorted(found["trial"]) == sorted({trial_id(each) for each in shared})
    assert behind(register, "s", TYPE, ["Z"]).is_empty()


def test_the_same_parameters_on_more_data_are_no_further_trial_but_under_other_conditions_they_are() -> None:
    later = NOW + dt.timedelta(days=1)
    register = pl.concat(
        [rows(evaluation(sharpe=1.0)), rows(evaluation(data_hash="later", symbols="ABC", sharpe=2.0), at=later)]
    )
    counted = latest(behind(register, "s", TYPE, ["A"]))
    assert counted["sharpe"].to_list() == [2.0]
    register = pl.concat([register, rows(evaluation(settings_hash="dearer"))])
    assert latest(behind(register, "s", TYPE, ["A"])).height == 2


def test_trials_on_record_by_name_still_count() -> None:
    """Rows of the versions before: neither type nor universe, the oldest without parameters."""
    unknown = {"type": None, "symbols": None, "settings_hash": None}
    old = pl.concat(
        [
            rows(evaluation("first", stop_atr=2.0)),
            rows(evaluation("first", stop_atr=2.5)),
            rows(evaluation("other", strategy_type="other")),
        ]
    ).with_columns(pl.lit(value).cast(TRIALS.columns[name].dtype).alias(name) for name, value in unknown.items())
    oldest = old.head(1).with_columns(trial=pl.lit("t"), params=pl.lit(None, pl.String), params_hash=pl.lit("p"))
    register = pl.concat([rows(evaluation("renamed", stop_atr=2.5)), old, oldest])
    hashes = [params_hash(TYPE, Parameters(stop_atr=stop)) for stop in (2.0, 2.5)]
    assert sorted(behind(register, "renamed", TYPE, ["A"])["params_hash"]) == sorted(hashes)
    assert sorted(behind(register, "first", TYPE, ["A"])["params_hash"]) == sorted([*hashes, "p"])


def test_how_regimes_are_made_is_part_of_what_they_weigh_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another version is another trial of an ensemble, and none of a member."""
    strategies = {"breakout": {"type": "equity_momentum"}, "both": {"type": "ensemble", "members": ["breakout"]}}
    made = loaded(tmp_path, strategies=strategies)
    before = settings_of(made, "both"), settings_of(made, "breakout")
    monkeypatch.setattr(trial_registry, "REGIMES_VERSION", 1_000)
    assert settings_of(made, "both") != before[0]
    assert settings_of(made, "breakout") == before[1]


def test_a_limit_that_is_younger_than_a_trial_changes_no_identity_by_its_default(tmp_path: Path) -> None:
    def limited(most: float) -> str:
        return settings_of(loaded(tmp_path, risk={"max_regime_turnover": most}))

    assert limited(0.05) == settings_of(loaded(tmp_path)) != limited(0.1)


OTHER: dict[str, dict[str, Any]] = {
    "costs": {"costs": {"noise": "off"}},
    "risk": {"risk": {"max_positions": 7}},
    "seed": {"seed": 8},
    "universe": {"strategies": {"breakout": {"type": "equity_momentum", "universe": ["AAA"]}}},
}


@pytest.mark.parametrize("change", OTHER)
def test_what_else_is_configured_is_a_condition(change: str, tmp_path: Any) -> None:
    assert settings_of(loaded(tmp_path, **OTHER[change])) != settings_of(loaded(tmp_path))


def test_names_parameters_and_other_strategies_are_no_condition(tmp_path: Any) -> None:
    renamed = {"em2": {"type": "equity_momentum", "stop_atr": 3.0}, "more": {"type": "mean_reversion"}}
    before = settings_of(loaded(tmp_path))
    assert settings_of(loaded(tmp_path, name="else", strategies=renamed), "em2") == before
