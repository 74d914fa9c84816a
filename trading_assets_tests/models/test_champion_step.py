"""The asset of a champion, on a real warehouse: what is traded, what is shadow, what is hidden, what is on record."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import dagster as dg
import duckdb
import polars as pl
import pytest
from sklearn.metrics import log_loss, roc_auc_score

from trading_assets.config.models import Champion
from trading_assets.config.sections import Registration
from trading_assets.config.strategies import StrategySettings
from trading_assets.market_data.tables import BARS
from trading_assets.models.assets import build_assets
from trading_assets.models.checks import build_checks
from trading_assets.models.on_record import opened_by
from trading_assets.models.tables import CHAMPIONS, EXPLANATIONS, FOLDS, METRICS, OUTCOMES, PREDICTIONS
from trading_assets.protocol import Protocol
from trading_assets.protocol.decisions import HandDecision, record_decision
from trading_assets.protocol.made_under import OutdatedRowsError, assert_made_under, settings_of_scores
from trading_assets.protocol.written_rows import EditedRowsError, last_written
from trading_assets.strategies.ml import Parameters
from trading_assets.warehouse import Rows, Whole
from trading_assets_tests.models.panels import SETTINGS, weekdays
from trading_assets_tests.models.test_assets import Project, project
from trading_assets_tests.narrow import as_date

HOLDOUT = dt.date(2010, 12, 1)
#: Learns next to nothing: one small step.
DULL = SETTINGS.model_copy(update={"trees": 1, "learning_rate": 0.01}).model_dump()
KEEN = SETTINGS.model_dump()
#: Refits: the first test fold after 150 sessions, then every 60.
REFITS = [weekdays(330)[place] for place in (150, 210, 270)]
COLUMNS = ["version", "fold", "symbol", "session", "score", "label", "label_end"]


def of_champion(data: Path, *candidates: str) -> Project:
    made = project(data, dull=DULL, keen=KEEN)
    champions = {"best": Champion(candidates=list(candidates or ("dull", "keen")))}
    return replace(made, configuration=made.configuration.model_copy(update={"champions": champions}))


def opened(made: Project) -> Project:
    entry = {"learnt": Registration(registered_on=dt.date(2010, 11, 30), hypothesis="Nothing is planted here.")}
    reader = {"learnt": StrategySettings(type="ml", parameters=Parameters(model="best"))}
    changes: dict[str, Any] = {"strategies": reader, "registration": entry}
    return replace(made, configuration=made.configuration.model_copy(update=changes))


def rows(made: Project, model: str, table: Any = PREDICTIONS) -> pl.DataFrame:
    return made.warehouse.read(table, rows=Rows("model", model))


@pytest.fixture(scope="module")
def closed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Project]:
    made = of_champion(tmp_path_factory.mktemp("closed"))
    assert made.materialise().success
    yield made


@pytest.fixture(scope="module")
def open_one(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Project]:
    made = opened(of_champion(tmp_path_factory.mktemp("open")))
    assert made.materialise().success
    yield made


def test_scores_of_the_champion_are_of_each_fold_those_of_who_had_won_by_then(closed: Project) -> None:
    """54 sessions of the first fold are over before the second begins, enough to tell a model from none."""
    found = rows(closed, "best", CHAMPIONS)
    assert found.filter(decision="champion").select("session", "candidate").rows() == [
        (REFITS[0], "dull"),
        (REFITS[1], "keen"),
    ]
    traded, second = rows(closed, "best").select(COLUMNS), pl.col("session") >= REFITS[1]
    expected = [rows(closed, "dull").filter(~second), rows(closed, "keen").filter(second)]
    assert traded.equals(pl.concat(expected).select(COLUMNS).sort("symbol", "session"))
    assert traded["version"].n_unique() == 2
    assert rows(closed, "dull").filter(second).height > 0  # the shadow's scores are kept
    for table in (FOLDS, METRICS):
        own = rows(closed, "best", table).drop("model")
        parts = [rows(closed, who, table).filter(pl.col("fold") == fold) for fold, who in ((0, "dull"), (1, "keen"))]
        assert own.equals(pl.concat(parts).drop("model"))
    # Both candidates end with the second fold, which the holdout cuts short; it is the one that is explained.
    explained = rows(closed, "keen", EXPLANATIONS).drop("model")
    assert rows(closed, "best", EXPLANATIONS).drop("model").equals(explained)


def test_of_a_closed_holdout_nothing_is_decided_and_nothing_traded(closed: Project) -> None:
    assert as_date(rows(closed, "best", CHAMPIONS)["session"].max()) < HOLDOUT
    assert as_date(rows(closed, "best")["session"].max()) < HOLDOUT
    assert rows(closed, "best", OUTCOMES)["until"].to_list() == [HOLDOUT]
    seen = [each for each in Protocol.of(closed.configuration).read() if each.kind == "exposure"]
    assert {each.subject for each in seen} == {"dull", "keen", "best"}
    assert all(dt.date.fromisoformat(each.payload["end"]) < HOLDOUT for each in seen)


@pytest.mark.slow
def test_a_registered_reader_opens_all_candidates_and_refits_of_the_holdout_count_its_labels(open_one: Project) -> None:
    names = ("best", "dull", "keen", "other")
    assert [opened_by(open_one.configuration, each) for each in names] == [["learnt"]] * 3 + [[]]
    for name in ("best", "dull", "keen"):
        assert rows(open_one, name)["session"].max() == weekdays(330)[-1]
        assert rows(open_one, name, OUTCOMES)["until"].to_list() == [None]
    last = rows(open_one, "best", CHAMPIONS).filter(session=REFITS[2], candidate="dull").row(0, named=True)
    assert HOLDOUT < last["last_label_end"] < REFITS[2]
    assert last["sessions"] > 60
    assert as_date(rows(open_one, "best")["label_end"].max()) < HOLDOUT


@pytest.mark.slow
def test_the_open_holdout_changes_nothing_before_it(closed: Project, open_one: Project) -> None:
    before = pl.col("session") < HOLDOUT
    assert rows(open_one, "best", CHAMPIONS).filter(before).equals(rows(closed, "best", CHAMPIONS))
    # Versions are of all that a model saw.
    own = [rows(each, "best").filter(before).drop("version") for each in (open_one, closed)]
    assert own[0].equals(own[1])


@pytest.mark.slow
def test_a_candidate_alone_is_the_model_to_the_bit(tmp_path: Path) -> None:
    made = of_champion(tmp_path, "keen")
    assert made.materialise().success
    for table in (PREDICTIONS, FOLDS, METRICS, EXPLANATIONS):
        own, model = (rows(made, name, table).drop("model") for name in ("best", "keen"))
        folds = own["fold"].unique().to_list()
        assert own.equals(model.filter(pl.col("fold").is_in(folds)))
        assert table is FOLDS or own.height == model.height


@pytest.mark.slow
def test_a_word_acts_from_the_next_session_and_makes_the_step_compute_again(tmp_path: Path) -> None:
    made = of_champion(tmp_path)
    assert made.materialise().success
    before, days = rows(made, "best"), weekdays(330)
    said = HandDecision("best", "pin", "dull", True, dt.date.min, "me", "it was tried")
    day = days[220]
    record_decision(Protocol.of(made.configuration), said, dt.datetime.combine(dt.date(2026, 1, 1), dt.time()))
    assert made.materialise().success
    assert rows(made, "best").equals(before)  # 2026 is after the last session
    backdated = tmp_path / "other"
    early = of_champion(backdated)
    record_decision(Protocol.of(early.configuration), said, dt.datetime.combine(day, dt.time(20)))
    assert early.materialise().success
    after = rows(early, "best")
    until = pl.col("session") <= day
    assert after.filter(until).drop("version").equals(before.filter(until).drop("version"))
    expected = rows(early, "dull").filter(~until).drop("model")
    assert after.filter(~until).drop("model").equals(expected)
    pinned = rows(early, "best", CHAMPIONS).filter(cause="pin").row(0, named=True)
    assert (pinned["session"], pinned["is_pinned"], pinned["reason"]) == (
        days[221],
        True,
        f"pin by me on {day}: it was tried",
    )


@pytest.mark.slow
def test_edited_scores_of_a_candidate_are_refused(tmp_path: Path) -> None:
    made = of_champion(tmp_path)
    assert made.materialise().success
    with duckdb.connect(str(made.warehouse.path)) as connection:
        connection.execute("UPDATE models.predictions SET score = 0.9 WHERE model = 'dull'")
    assets = [each for each in build_assets(made.configuration) if each.key.path[:2] == ["models", "champion"]]
    with pytest.raises(EditedRowsError, match=r"rows of models\.predictions were edited"):
        dg.materialize(assets, resources={"configuration": made.configuration, "warehouse": made.warehouse})


def test_checks_hold_a_champion_to_the_past(closed: Project) -> None:
    checks = {
        key.name: each
        for each in build_checks(closed.configuration)
        for key in each.check_keys
        if key.asset_key.path[-1] == "best"
    }
    assert set(checks) == {"no_leakage", "beats_baseline", "promotions_are_causal"}
    context = dg.build_asset_check_context(resources={"warehouse": closed.warehouse})
    for name in ("no_leakage", "promotions_are_causal"):
        found = checks[name](context)
        assert isinstance(found, dg.AssetCheckResult)
        assert found.passed


@pytest.mark.slow
def test_the_order_of_symbols_decides_nothing(closed: Project, tmp_path: Path) -> None:
    made = of_champion(tmp_path)
    made.warehouse.replace(Whole(), {BARS: made.warehouse.read(BARS).sort("symbol", "session", descending=True)})
    assert made.materialise().success
    for table in (CHAMPIONS, PREDICTIONS, METRICS):
        assert rows(made, "best", table).equals(rows(closed, "best", table))


@pytest.mark.slow
def test_a_fold_that_changed_hands_is_measured_as_it_was_traded(tmp_path: Path) -> None:
    """By scikit-learn, of the scores of both in the fold; a fold of one champion alone has that one's metrics."""
    made, day = of_champion(tmp_path), weekdays(330)[160]
    word = HandDecision("best", "pin", "keen", pinned=True, day=day, by="me", reason="a try")
    record_decision(Protocol.of(made.configuration), word, dt.datetime.combine(day, dt.time(21)))
    assert made.materialise().success
    traded = rows(made, "best").filter(fold=0).drop_nulls("label")
    assert traded["version"].n_unique() == 2
    found = dict(rows(made, "best", METRICS).filter(fold=0).select("metric", "value").iter_rows())
    assert found["log_loss"] == pytest.approx(log_loss(traded["label"], traded["score"]))
    assert found["auc"] == pytest.approx(roc_auc_score(traded["label"], traded["score"]))
    dull, keen = (
        dict(rows(made, who, METRICS).filter(fold=0).select("metric", "value").iter_rows()) for who in ("dull", "keen")
    )
    assert found["log_loss"] not in (dull["log_loss"], keen["log_loss"])
    assert found["naive_log_loss"] == dull["naive_log_loss"] and found.keys() == dull.keys()


def test_scores_of_a_candidate_under_other_parameters_choose_no_champion(tmp_path: Path) -> None:
    made = of_champion(tmp_path)
    assert made.materialise().success
    keen = made.configuration.models["keen"].model_copy(update={"trees": 3})
    models = made.configuration.models | {"keen": keen}
    other = replace(made, configuration=made.configuration.model_copy(update={"models": models}))
    said = settings_of_scores(other.configuration, "keen")
    with pytest.raises(OutdatedRowsError, match="materialise models/keen and all"):
        assert_made_under(said, last_written(other.configuration))
    alone = dg.materialize(
        build_assets(other.configuration),
        selection="key:models/champion/best",
        resources={"configuration": other.configuration, "warehouse": other.warehouse},
        raise_on_error=False,
    )
    assert not alone.success
    assert other.materialise().success
    assert_made_under(said, last_written(other.configuration), is_required=True)
