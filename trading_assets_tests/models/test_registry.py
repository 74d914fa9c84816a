from __future__ import annotations

import datetime as dt
import multiprocessing
import os
import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import xgboost

from trading_assets.models.promotion import CHALLENGER, CHAMPION, Record, SessionLoss
from trading_assets.models.registry import (
    FEATURES_FILE,
    LOSSES_FILE,
    MODEL_FILE,
    Candidate,
    RegistryError,
    promotion_row,
    register,
    require_readable,
)
from trading_assets_tests.models.panels import samples, trained

JANUARY, JULY = dt.date(2010, 1, 4), dt.date(2010, 7, 1)


def candidate(model: str, version: str, loss: float) -> Candidate:
    """A model of this mean loss a session, around which each version is noisy in its own way."""
    noise = np.random.default_rng([*version.encode()]).normal(0.0, 0.002, 300)
    days = {JANUARY + dt.timedelta(days=day): loss + float(each) for day, each in enumerate(noise)}
    losses = {day: SessionLoss(each, "all") for day, each in days.items()}
    return Candidate(
        model=model,
        version=version,
        artifact=b"trees",
        parameters={"depth": 3},
        record=Record("returns", 1, version, losses),
        metrics={JANUARY: {"log_loss": loss, "auc": 0.5}, JULY: {"log_loss": loss}},
    )


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("registry") / "demo"


def test_champion_and_challengers(home: Path) -> None:
    from mlflow import MlflowClient

    first = register(home, candidate("a", "v1", 0.66))
    worse = register(home, candidate("a", "v2", 0.67))
    equal = register(home, candidate("a", "v2b", 0.66))
    better = register(home, candidate("a", "v3", 0.65))
    assert [made.number for made in (first, worse, equal, better)] == [1, 2, 3, 4]
    decisions = [made.decided.decision for made in (first, worse, equal, better)]
    assert decisions == [CHAMPION, CHALLENGER, CHALLENGER, CHAMPION]
    assert [made.against for made in (first, worse, equal, better)] == [None, "v1", "v1", "v1"]
    client = MlflowClient(f"sqlite:///{home}/tracking.db", f"sqlite:///{home}/tracking.db")
    assert {name: int(number) for name, number in client.get_registered_model("a").aliases.items()} == {
        CHAMPION: 4,
        CHALLENGER: 3,
    }
    kept = client.get_model_version("a", "2")
    assert kept.tags["content_version"] == "v2"
    assert kept.tags["reason"].startswith("not better than chance makes of equals: log loss higher by 0.01")
    losses = client.get_metric_history(kept.run_id, "log_loss")
    assert {metric.step: metric.value for metric in losses} == {20100104: 0.67, 20100701: 0.67}
    assert client.get_run(kept.run_id).data.params == {"depth": "3"}


def of_procedure(candidate: Candidate, procedure: str) -> Candidate:
    return replace(candidate, record=replace(candidate.record, procedure=procedure))


def test_a_holdout_that_is_closed_and_opened_again_takes_the_alias_with_it(tmp_path: Path) -> None:
    """The fit through the holdout is champion while it is open, and that of the sessions before once it is closed."""
    from mlflow import MlflowClient

    closed, opened = (of_procedure(candidate("m", version, 0.66), "trees") for version in ("before", "through"))
    registered = {each.version: register(tmp_path, each) for each in (closed, opened)}
    client = MlflowClient(f"sqlite:///{tmp_path}/tracking.db", f"sqlite:///{tmp_path}/tracking.db")

    def champion() -> str:
        return str(client.get_model_version_by_alias("m", CHAMPION).tags["content_version"])

    assert champion() == "through"
    for each in (closed, opened, closed):
        assert register(tmp_path, each) == registered[each.version]
        assert champion() == each.version
    assert register(tmp_path, of_procedure(candidate("m", "other", 0.6), "forest")).decided.decision == CHAMPION
    assert register(tmp_path, opened) == registered["through"]
    assert champion() == "other"


def test_a_champion_of_an_earlier_version_has_no_losses_by_session_and_makes_room(tmp_path: Path) -> None:
    from mlflow import MlflowClient

    first = register(tmp_path, candidate("old", "v1", 0.66))
    client = MlflowClient(f"sqlite:///{tmp_path}/tracking.db", f"sqlite:///{tmp_path}/tracking.db")
    client.delete_model_version_tag("old", "1", "procedure")
    second = register(tmp_path, candidate("old", "v2", 0.9))
    assert (first.decided.decision, second.decided.decision, second.against) == (CHAMPION, CHAMPION, "v1")
    assert "of an earlier version" in second.decided.reason
    assert register(tmp_path, candidate("old", "v3", 0.95)).decided.decision == CHALLENGER


def test_a_champion_whose_losses_are_gone_makes_no_room(tmp_path: Path) -> None:
    register(tmp_path, candidate("m", "v1", 0.66))
    [file] = tmp_path.glob(f"artifacts/**/{LOSSES_FILE}")
    file.unlink()
    with pytest.raises(RegistryError, match=r"champion of model m has lost(?s:.*)losses\.json(?s:.*)what to do"):
        register(tmp_path, candidate("m", "v2", 0.9))


def test_a_folder_that_was_moved_judges_by_its_own_files_and_keeps_new_ones(tmp_path: Path) -> None:
    """mlflow knows whole paths: of where the folder was when its registry was made."""
    register(tmp_path / "old", candidate("m", "v1", 0.66))
    home = (tmp_path / "old").rename(tmp_path / "new")
    made = register(home, candidate("m", "v2", 0.65))
    assert (made.decided.decision, made.against) == (CHAMPION, "v1")
    assert not (tmp_path / "old").exists()
    assert len(list(home.glob(f"artifacts/*/artifacts/{LOSSES_FILE}"))) == 2
    assert register(home, candidate("m", "v3", 0.65)).against == "v2"


def test_a_promotion_is_a_row_with_its_test(home: Path) -> None:
    now = dt.datetime(2030, 1, 1)
    register(home, candidate("f", "v1", 0.66))
    made = register(home, candidate("f", "v2", 0.65))
    row = promotion_row("f", "v2", made, decided_at=now, run_id="run").row(0, named=True)
    assert made.decided.test is not None
    assert row["effect"] == pytest.approx(0.01, abs=0.001)
    assert (row["decision"], row["champion"], row["sessions"]) == (CHAMPION, "v1", 300)
    assert row["p"] < 1e-6 < row["detectable"] < row["effect"]
    assert row["power"] == made.decided.test.power(1e-4)
    first = promotion_row("f", "v1", register(home, candidate("f", "v1", 0.66)), decided_at=now, run_id="run")
    assert first.select("decision", "champion", "test", "p").row(0) == (CHAMPION, None, None, None)


def test_the_same_content_is_registered_once(home: Path) -> None:
    first = register(home, candidate("b", "v1", 0.65))
    better = register(home, candidate("b", "v2", 0.60))
    assert better.decided.decision == CHAMPION
    again = register(home, candidate("b", "v1", 0.65))
    assert again == first
    assert register(home, candidate("b", "v2", 0.60)) == better


@pytest.mark.parametrize("damage", [Path.unlink, lambda file: file.write_bytes(b"other")])
@pytest.mark.parametrize("name", [MODEL_FILE, FEATURES_FILE])
def test_a_file_that_is_gone_or_edited_is_written_again_if_it_is_what_was_registered(
    tmp_path: Path, name: str, damage: Callable[[Path], object]
) -> None:
    made = candidate("a", "v1", 0.66)
    register(tmp_path, made)
    [file] = tmp_path.glob(f"artifacts/*/artifacts/{name}")
    before = file.read_bytes()
    damage(file)
    register(tmp_path, replace(made, artifact=b"other trees", features=("other",)))
    assert not file.exists() or file.read_bytes() == b"other", "other bytes are not what was registered"
    register(tmp_path, made)
    assert file.read_bytes() == before
    assert [each.name for each in file.parent.iterdir() if each.suffix == ".new"] == []


def test_models_are_kept_apart(home: Path) -> None:
    assert register(home, candidate("c", "v1", 0.65)).decided.decision == CHAMPION
    assert register(home, candidate("d", "v1", 0.90)).decided.decision == CHAMPION


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
