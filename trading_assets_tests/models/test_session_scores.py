"""What the registered model says of a session is what the next run writes, to the bit; and nothing else is said."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import sqlite3
import subprocess
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import duckdb
import polars as pl
import pytest

from trading_assets.config import ConfigurationError
from trading_assets.features.tables import DAILY
from trading_assets.models.registered_model import ArtifactError, UnscoredError, artifacts_in
from trading_assets.models.registry import database_of
from trading_assets.models.session_scores import known_name, score_session
from trading_assets.models.tables import FITS, FOLDS, OUTCOMES, PREDICTIONS
from trading_assets.protocol import Protocol
from trading_assets.protocol.decisions import HandDecision, record_decision
from trading_assets.protocol.written_rows import EditedRowsError
from trading_assets.warehouse import Rows
from trading_assets_tests.conftest import called
from trading_assets_tests.models.scored_market import (
    BARS,
    FEATURED,
    MODELS,
    REFIT,
    SCORED,
    copied,
    make_scored,
    write_until,
)
from trading_assets_tests.robustness.pipeline import Experiment

pytestmark = pytest.mark.slow

NOW = dt.datetime(2026, 11, 30, 12)


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Experiment:
    """Not to be changed."""
    return make_scored(tmp_path_factory.mktemp("scored") / "own")


@pytest.fixture
def world(shared: Experiment, tmp_path: Path) -> Experiment:
    return copied(shared, tmp_path / "copy")


def scored(made: Experiment, name: str, session: dt.date | None = None) -> pl.DataFrame:
    return score_session(made.warehouse, made.configuration, name, session, NOW).rows


def test_scores_of_new_sessions_are_those_of_the_next_run_to_the_bit(world: Experiment) -> None:
    """Models with and without a curve, and the champion, of each session since the last run."""
    days = pl.date_range(SCORED, FEATURED, "1d", eager=True)
    sessions = [each for each in days if each > SCORED and each.weekday() < 5]
    before = {(name, day): scored(world, name, day) for name in ("trees", "line", "champion/best") for day in sessions}
    assert len(before) == 15
    assert world.run(*MODELS).success
    for (name, day), found in before.items():
        own = Rows("model", name.removeprefix("champion/"))
        written = world.warehouse.read(PREDICTIONS, rows=own).filter(session=day)
        columns = ["symbol", "score", "fold", "version"]
        assert found.select(columns).sort("symbol").equals(written.select(columns))
        assert found["score"].n_unique() > 5
        assert found["score"].is_sorted(descending=True)
        assert scored(world, name, day).equals(found)
    assert scored(world, "trees").equals(before["trees", FEATURED])


def test_a_run_between_refits_fits_no_model_anew(world: Experiment) -> None:
    """Rows of `models.fits` that stand for other bytes would be told: the kept model is what scores."""
    kept = world.warehouse.read(FITS)
    versions = world.warehouse.read(OUTCOMES).select("model", "version")
    assert world.run(*MODELS).success
    assert world.warehouse.read(FITS).equals(kept)
    assert world.warehouse.read(OUTCOMES).select("model", "version").equals(versions)
    assert world.warehouse.read(FOLDS).filter(model="trees")["test_end"].max() == FEATURED


def test_the_command_prints_them(world: Experiment) -> None:
    config, data = world.folder / "config.yaml", world.folder / "data"
    done = called(config, data, "model", "score", "champion/best", "--session", str(FEATURED), "--format", "json")
    assert done.returncode == 0, done.stderr
    assert [each["score"] for each in json.loads(done.stdout)] == scored(world, "best")["score"].to_list()
    done = called(config, data, "model", "score", "tree")
    assert (done.returncode, done.stderr.splitlines()[0]) == (2, "error: no model 'tree'")


def test_who_was_put_in_by_hand_scores_from_the_day_after(tmp_path: Path) -> None:
    """On record before the first run: a decision cannot be dated back behind one."""
    day = FEATURED - dt.timedelta(days=1)
    made = write_until(tmp_path / "own", SCORED)
    said = HandDecision("best", "pin", "line", True, day, "me", "a drill")
    record_decision(Protocol.of(made.configuration), said, dt.datetime.combine(day, dt.time(20)))
    make_scored(made.folder)
    assert scored(made, "best")["model"].unique().to_list() == ["line"]
    assert scored(made, "best", day)["model"].unique().to_list() == ["trees"]
    found = scored(made, "best")
    assert made.run(*MODELS).success
    written = made.warehouse.read(PREDICTIONS, rows=Rows("model", "best")).filter(session=FEATURED)
    assert found.sort("symbol")["score"].equals(written["score"])


def test_what_is_seen_of_the_holdout_is_on_record_before_it_is_shown(world: Experiment) -> None:
    def seen() -> list[tuple[str | None, str]]:
        records = Protocol.of(world.configuration).read()
        return [(each.subject, each.payload["end"]) for each in records if each.kind == "exposure"]

    before = seen()
    scored(world, "line", SCORED)
    assert seen() == before
    day = FEATURED - dt.timedelta(days=1)
    for _ in range(2):
        scored(world, "line", day)
    assert seen()[len(before) :] == [("line", str(day))]


def test_a_closed_holdout_stays_closed_and_what_was_before_is_scored(world: Experiment) -> None:
    with pytest.raises(ConfigurationError, match="in a holdout that is closed: no registered strategy reads shut"):
        scored(world, "shut", FEATURED)
    found = scored(world, "shut")
    assert found["session"].unique().to_list() == [dt.date(2016, 12, 30)]
    written = world.warehouse.read(PREDICTIONS, rows=Rows("model", "shut")).filter(session=found["session"][0])
    assert found.sort("symbol")["score"].equals(written["score"])


@pytest.mark.parametrize(
    ("session", "said"),
    [
        (dt.date(2017, 6, 25), "no bar of the universe of line on 2017-06-25"),
        (REFIT - dt.timedelta(days=1), "is before the last refit of model line"),
    ],
)
def test_sessions_that_no_registered_model_is_of_are_wrong_usage(
    session: dt.date, said: str, shared: Experiment
) -> None:
    with pytest.raises(ConfigurationError, match=said):
        scored(shared, "line", session)


def test_a_refit_that_is_due_is_told_and_no_older_model_scores(tmp_path: Path) -> None:
    """Models end with the session before the refit, features with the refit."""
    made = write_until(tmp_path / "due", REFIT - dt.timedelta(days=1))
    with pytest.raises(UnscoredError, match="model line has learnt nothing yet: it was never run"):
        made.run(*BARS)
        scored(made, "line")
    assert made.run(*MODELS).success
    write_until(made.folder, REFIT)
    assert made.run(*BARS).success
    with pytest.raises(UnscoredError, match=f"no model of line is trained for {REFIT} yet"):
        scored(made, "line")


def edited(table: str, change: str) -> Callable[[Experiment], None]:
    def edit(made: Experiment) -> None:
        with duckdb.connect(str(made.configuration.warehouse_path)) as connection:
            connection.execute(f"UPDATE {table} SET {change}")

    return edit


def damage_artifact(made: Experiment) -> None:
    file = artifacts_in(made.configuration.home, "line")[0].file.file
    content = file.read_bytes()
    file.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))


def take_artifact_away(made: Experiment) -> None:
    artifacts_in(made.configuration.home, "line")[0].file.file.unlink()


def another_version(made: Experiment) -> None:
    """The hash of the artifact goes along with it: what the fold was scored with is on record beside the registry."""
    artifact = artifacts_in(made.configuration.home, "line")[0]
    other = artifacts_in(made.configuration.home, "shut")[0].content()
    artifact.file.file.write_bytes(other)
    with sqlite3.connect(made.configuration.home / "tracking.db") as connection:
        connection.execute(
            "UPDATE model_version_tags SET value = ? WHERE name = 'line' AND key = 'artifact_sha256'",
            [hashlib.sha256(other).hexdigest()],
        )


@pytest.mark.parametrize(
    ("damage", "kind", "said"),
    [
        (damage_artifact, ArtifactError, "the artifact of model line is edited"),
        (take_artifact_away, ArtifactError, "the artifact of model line is gone"),
        (another_version, ArtifactError, "is not the model of its fold 6"),
        (edited("models.predictions", "score = score / 2 WHERE model = 'line'"), EditedRowsError, "models.predictions"),
        (edited("models.folds", "train_rows = 7 WHERE model = 'line'"), EditedRowsError, "models.folds"),
        (edited("models.fits", "content = 'AAAA' WHERE model = 'line'"), EditedRowsError, "models.fits"),
        (edited("models.outcomes", "version = 'other' WHERE model = 'line'"), ArtifactError, "in its version other"),
        (edited("features.daily", "return_20 = 0"), EditedRowsError, "features.daily were edited"),
    ],
)
def test_what_is_not_as_it_was_written_scores_nothing(
    damage: Callable[[Experiment], None], kind: type[Exception], said: str, world: Experiment
) -> None:
    damage(world)
    with pytest.raises(kind, match=said) as error:
        scored(world, "line")
    assert "what to do: " in str(error.value)


def test_a_pinned_champion_whose_file_is_gone_is_told_everywhere_and_made_again(tmp_path: Path) -> None:
    """Who is champion and what is traded are tables; the file is what scores between refits."""
    world, day = write_until(tmp_path / "own", SCORED), REFIT - dt.timedelta(days=9)
    said = HandDecision("best", "pin", "line", True, day, "me", "a drill")
    record_decision(Protocol.of(world.configuration), said, dt.datetime.combine(day, dt.time(20)))
    make_scored(world.folder)
    before = scored(world, "best")
    assert before["model"].unique().to_list() == ["line"]
    file = artifacts_in(world.configuration.home, "line")[0].file.file
    file.unlink()

    def said_by(*words: str) -> subprocess.CompletedProcess[str]:
        done = called(world.folder / "config.yaml", world.folder / "data", *words)
        assert "Traceback" not in done.stderr
        return done

    told = said_by("model", "score", "best")
    assert told.returncode == 1
    assert "the artifact of model line is gone" in told.stderr
    assert f"file: {file}" in told.stderr
    verified = said_by("model", "verify")
    assert verified.returncode == 1
    assert "gone" in verified.stdout + verified.stderr
    listed = json.loads(said_by("model", "list", "--format", "json").stdout)
    assert {each["model"]: each["pinned"] for each in listed}["line"]
    assert world.run(*MODELS).success, "what is traded does not wait for the file"
    assert said_by("run", "--select", "models", "--recompute").returncode == 0
    assert scored(world, "best")["score"].equals(before["score"])
    assert said_by("model", "verify").returncode == 0


def test_features_that_were_revised_since_are_told(world: Experiment) -> None:
    """Bars of the fold are others than when it was scored: the product wrote both, and they do not fit."""
    bars = pl.read_csv(world.folder / "bars.csv")
    moved = pl.when((pl.col("symbol") == "A") & (pl.col("session") == "2017-06-15")).then(1.01).otherwise(1.0)
    bars.with_columns((pl.col(each) * moved) for each in ("open", "high", "low", "close")).write_csv(
        world.folder / "bars.csv"
    )
    assert world.run(*BARS).success
    with pytest.raises(UnscoredError, match="does not give its scores on record again") as error:
        scored(world, "line")
    assert "where: A on 2017-06-1" in str(error.value)


def test_names_are_those_of_models_and_champions(shared: Experiment) -> None:
    configuration = shared.configuration
    assert [known_name(configuration, each) for each in ("line", "best", "champion/best")] == ["line", "best", "best"]
    for wrong in ("lime", "champion/line"):
        with pytest.raises(ConfigurationError, match="no model"):
            known_name(configuration, wrong)


def test_names_of_features_are_registered_with_the_model(world: Experiment) -> None:
    """Names of the features are registered with the model."""
    artifact = artifacts_in(world.configuration.home, "line")[0]
    names = artifact.features()
    assert names is not None
    assert set(names) == set(world.warehouse.read(DAILY).columns) - {"symbol", "session"}
    path = artifact.file.file.with_name("features.json")
    path.write_text(json.dumps([*reversed(names)]))
    with pytest.raises(ArtifactError, match="the names of the features of model line are not as registered"):
        scored(world, "line")


@pytest.mark.parametrize(
    ("statement", "error", "words"),
    [
        ("UPDATE params SET value = '-5.0' WHERE key = 'calibration_slope'", UnscoredError, "scores on record again"),
        ("DELETE FROM params WHERE key LIKE 'calibration_%'", UnscoredError, "scores on record again"),
        ("DELETE FROM params WHERE key = 'calibration_intercept'", ArtifactError, "a slope and an intercept"),
    ],
)
def test_a_curve_that_is_another_gives_no_score(
    world: Experiment, statement: str, error: type[Exception], words: str
) -> None:
    assert scored(world, "trees").height
    with closing(sqlite3.connect(database_of(world.configuration.home))) as connection, connection:
        assert connection.execute(statement).rowcount
    with pytest.raises(error, match=words):
        scored(world, "trees")
