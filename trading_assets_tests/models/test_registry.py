from __future__ import annotations

import datetime as dt
import multiprocessing
import os
import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
import xgboost

from trading_assets.models.registry import (
    CHALLENGER,
    CHAMPION,
    Candidate,
    Record,
    RegistryError,
    decide_promotion,
    register,
    require_readable,
)
from trading_assets_tests.models.panels import samples, trained

JANUARY, JULY = dt.date(2010, 1, 4), dt.date(2010, 7, 1)


def record(*losses: float, target: str = "returns") -> Record:
    return Record(
        target, {fold: {"log_loss": loss, "auc": 0.5} for fold, loss in zip((JANUARY, JULY), losses, strict=False)}
    )


def candidate(model: str, version: str, *losses: float) -> Candidate:
    return Candidate(model=model, version=version, artifact=b"trees", parameters={"depth": 3}, record=record(*losses))


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("registry") / "demo"


@pytest.mark.parametrize(
    ("challenger", "champion", "decision", "reason"),
    [
        (record(0.7, 0.7), None, CHAMPION, "no champion yet"),
        (record(0.6, 0.7), record(0.65, 0.7), CHAMPION, "beats the champion: log loss 0.650000 against 0.675000"),
        (record(0.7, 0.7), record(0.65, 0.7), CHALLENGER, "does not beat the champion"),
        (record(0.6, 0.7), record(0.7, 0.6), CHALLENGER, "does not beat the champion"),
        (record(0.6, 0.7), record(0.6, 0.7), CHAMPION, "same record as the champion"),
        (record(0.7, 0.1), record(0.6), CHALLENGER, "on 1 folds"),
        (record(0.6), record(), CHALLENGER, "shares no measured fold"),
        (record(0.1, target="other"), record(0.7), CHALLENGER, "predicts other, the champion returns"),
    ],
)
def test_decision(challenger: Record, champion: Record | None, decision: str, reason: str) -> None:
    made, why = decide_promotion(challenger, champion)
    assert made == decision
    assert reason in why


def test_champion_and_challengers(home: Path) -> None:
    from mlflow import MlflowClient

    first = register(home, candidate("a", "v1", 0.65, 0.66))
    worse = register(home, candidate("a", "v2", 0.67, 0.66))
    better = register(home, candidate("a", "v3", 0.64, 0.66))
    assert [made.number for made in (first, worse, better)] == [1, 2, 3]
    assert [made.decision for made in (first, worse, better)] == [CHAMPION, CHALLENGER, CHAMPION]
    client = MlflowClient(f"sqlite:///{home}/tracking.db", f"sqlite:///{home}/tracking.db")
    assert {name: int(number) for name, number in client.get_registered_model("a").aliases.items()} == {
        CHAMPION: 3,
        CHALLENGER: 2,
    }
    kept = client.get_model_version("a", "2")
    assert kept.tags["content_version"] == "v2"
    assert kept.tags["reason"].startswith("does not beat the champion: log loss 0.665000 against 0.655000")
    losses = client.get_metric_history(kept.run_id, "log_loss")
    assert {metric.step: metric.value for metric in losses} == {20100104: 0.67, 20100701: 0.66}
    assert client.get_run(kept.run_id).data.params == {"depth": "3"}


def test_the_same_content_is_registered_once(home: Path) -> None:
    first = register(home, candidate("b", "v1", 0.65))
    better = register(home, candidate("b", "v2", 0.60))
    assert better.decision == CHAMPION
    again = register(home, candidate("b", "v1", 0.65))
    assert again == first
    assert register(home, candidate("b", "v2", 0.60)) == better


def test_models_are_kept_apart(home: Path) -> None:
    assert register(home, candidate("c", "v1", 0.65)).decision == CHAMPION
    assert register(home, candidate("d", "v1", 0.90)).decision == CHAMPION


def test_the_artifact_is_the_model(home: Path) -> None:
    """What the registry keeps scores as the walk-forward did."""
    from mlflow import MlflowClient

    made, data = trained(), samples()
    assert made.artifact is not None
    place = register(home, replace(candidate("e", "v1", 0.65), artifact=made.artifact))
    client = MlflowClient(f"sqlite:///{home}/tracking.db", f"sqlite:///{home}/tracking.db")
    source = client.get_model_version("e", str(place.number)).source.removeprefix("file://")
    assert Path(source).is_relative_to(home / "artifacts")
    loaded = xgboost.Booster(model_file=source)
    original = xgboost.Booster(model_file=bytearray(made.artifact))
    assert loaded.inplace_predict(data.features).tolist() == original.inplace_predict(data.features).tolist()


def _register_in_another_process(home: Path, version: str) -> tuple[int, str]:
    made = register(home, candidate("a", version, 0.65))
    return made.number, os.environ["MLFLOW_DISABLE_TELEMETRY"]


@pytest.mark.acceptance
def test_two_processes_may_start_a_registry_at_once(tmp_path: Path) -> None:
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["mlflow", __name__])
    with context.Pool(2) as pool:
        made = pool.starmap(_register_in_another_process, [(tmp_path, "v1"), (tmp_path, "v2")], chunksize=1)
    assert sorted(made) == [(1, "true"), (2, "true")]


@pytest.mark.parametrize("damage", ["no database", "a page of another file"])
def test_a_database_that_cannot_be_read_is_said_at_once(tmp_path: Path, damage: str) -> None:
    """mlflow tries such a file for more than four minutes before it says so."""
    path = tmp_path / "tracking.db"
    require_readable(path)
    with closing(sqlite3.connect(path)) as connection:
        connection.execute(
            "CREATE TABLE t AS WITH RECURSIVE r(n) AS (SELECT 1 UNION SELECT n + 1 FROM r LIMIT 9999) SELECT n FROM r"
        )
        connection.commit()
    require_readable(path)
    whole = path.read_bytes()
    path.write_bytes(b"garbage" * 500 if damage == "no database" else whole[:8192] + b"\xff" * (len(whole) - 8192))
    with pytest.raises(RegistryError, match=f"file: {path}") as caught:
        register(tmp_path, candidate("m", "v1", 0.5))
    assert "what to do: restore the file" in str(caught.value)
