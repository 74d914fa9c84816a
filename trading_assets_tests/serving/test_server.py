"""The server as its users meet it: a process that listens, answers, goes on beside runs and damage, and ends."""

from __future__ import annotations

import datetime as dt
import hashlib
import re
import socket
import subprocess
import sys
import threading
import urllib.error
import urllib.request
from contextlib import closing
from pathlib import Path
from unittest.mock import patch

import duckdb
import polars as pl
import pytest

from trading_assets.config import ConfigurationError
from trading_assets.features.tables import DAILY
from trading_assets.models.registered_model import artifacts_in
from trading_assets.models.tables import PREDICTIONS
from trading_assets.protocol import Protocol
from trading_assets.protocol.decisions import HandDecision, record_decision
from trading_assets.serving.champion import ServedChampion
from trading_assets.serving.server import names_of, require_libraries, served_name
from trading_assets.warehouse import Rows
from trading_assets_tests.conftest import REPOSITORY, called
from trading_assets_tests.models.scored_market import BARS, FEATURED, MODELS, REFIT, SCORED, copied, write_until
from trading_assets_tests.robustness.pipeline import SETTINGS, Experiment
from trading_assets_tests.serving.client import ended, rows_of, serving


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Experiment:
    """Models run up to a refit; a word that makes line champion two sessions after it. Not to be changed."""
    made = write_until(tmp_path_factory.mktemp("served") / "own", REFIT - dt.timedelta(days=1))
    day = REFIT + dt.timedelta(days=2)
    said = HandDecision("best", "pin", "line", True, day, "me", "a drill")
    record_decision(Protocol.of(made.configuration), said, dt.datetime.combine(day, dt.time(20)))
    assert made.run(*BARS, *MODELS).success
    return made


@pytest.fixture(scope="module")
def later(shared: Experiment, tmp_path_factory: pytest.TempPathFactory) -> Experiment:
    """The same after the refit: each model has two versions. Not to be changed."""
    made = copied(shared, tmp_path_factory.mktemp("later") / "own")
    write_until(made.folder, SCORED)
    assert made.run(*BARS, *MODELS).success
    return made


@pytest.fixture
def world(shared: Experiment, tmp_path: Path) -> Experiment:
    return copied(shared, tmp_path / "copy")


@pytest.fixture
def after(later: Experiment, tmp_path: Path) -> Experiment:
    return copied(later, tmp_path / "after")


def written(made: Experiment, name: str, last: int = 40) -> tuple[list[float], pl.DataFrame]:
    """The last scores that a run wrote under a name, and the features that they are of."""
    scores = made.warehouse.read(PREDICTIONS, rows=Rows("model", name)).sort("session", "symbol").tail(last)
    features = made.warehouse.read(DAILY)
    rows = scores.select("symbol", "session").join(
        features, on=["symbol", "session"], how="left", maintain_order="left"
    )
    return scores["score"].to_list(), rows


def files_of(made: Experiment) -> dict[str, str]:
    """Hashes of all files of the data folder, but for locks."""
    data = made.folder / "data"
    files = [each for each in sorted(data.rglob("*")) if each.is_file() and each.suffix not in (".lock", ".queue")]
    return {str(each): hashlib.sha256(each.read_bytes()).hexdigest() for each in files}


@pytest.mark.slow
def test_scores_are_those_of_the_run_to_the_bit_and_nothing_is_written(shared: Experiment) -> None:
    scores, features = written(shared, "best")
    before, rows = files_of(shared), rows_of(features)
    with serving(shared, "champion/best") as server:
        answer = server.scored(rows)
        assert answer["scores"] == scores
        assert [server.scored([row])["scores"][0] for row in rows] == scores
        assert (answer["model"], answer["fallback"], answer["trouble"]) == ("trees", False, None)
        artifact = artifacts_in(shared.configuration.home, "trees")[0]
        assert (answer["version"], answer["number"]) == (artifact.file.content, 1)
        status, version = server.asked("/version")
        assert (status, version["name"], version["version"]) == (200, "best", answer["version"])
        assert version["features"] == list(artifact.features() or ())
        assert version["artifact_sha256"] == artifact.file.sha256
        assert server.asked("/health") == (200, {"status": "ok"})
        status, ready = server.asked("/ready")
        assert (status, ready["ready"], ready["fallback"], ready["circuit"]) == (200, True, False, "closed")
        assert server.asked("/openapi.json")[1]["paths"].keys() == {"/score", "/health", "/ready", "/version"}
        assert server.address.startswith("http://127.0.0.1:")
        assert server.end() == 0
    assert files_of(shared) == before


@pytest.mark.slow
def test_the_client_of_the_page_prints_the_scores_of_the_newest_session(shared: Experiment) -> None:
    [code] = re.findall(r"```python\n(.*?)```", (REPOSITORY / "docs" / "serving.md").read_text("utf-8"), re.DOTALL)
    path = shared.configuration.warehouse_path
    with serving(shared, "best") as server:
        own = code.replace("http://127.0.0.1:8300", server.address).replace("data/mine/warehouse.duckdb", str(path))
        done = subprocess.run([sys.executable, "-c", own], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    scores = shared.warehouse.read(PREDICTIONS, rows=Rows("model", "best"))
    newest = scores.filter(pl.col("session") == scores["session"].max()).sort("symbol")
    version = artifacts_in(shared.configuration.home, "trees")[0].file.content
    expected = dict(newest.select("symbol", "score").iter_rows())
    assert done.stdout == f"trees {version} {expected}\n"


@pytest.mark.slow
def test_wrong_requests_are_told_what_is_wrong_and_the_next_one_is_answered(shared: Experiment) -> None:
    scores, features = written(shared, "line", 2)
    rows = rows_of(features)
    with serving(shared, "line") as server:
        wrong = [rows[0], {**rows[1], "return_20": "0.1", "momentum": 1.0}]
        del wrong[1]["volatility_20"]
        status, found = server.asked("/score", {"rows": wrong})
        assert status == 422
        assert {(each["row"], each["feature"]): each["fault"].split(",")[0] for each in found["faults"]} == {
            (1, "return_20"): "a text",
            (1, "volatility_20"): "missing",
            (1, "momentum"): "unknown",
        }
        status, found = server.asked("/score", {"rows": [{**rows[0], "return_20": float("nan")}]})
        assert (status, found["faults"][0]["fault"].split(",")[0]) == (422, "NaN")
        for nonsense in (b"{", b"", b"[" * 100_000):
            assert server.asked("/score", nonsense)[0] == 400
        assert server.asked("/score", b" " * (17 * 2**20))[0] == 413
        assert server.asked("/scores", {"rows": rows})[0] == 404
        elsewhere = urllib.request.Request(f"{server.address}/version", headers={"Host": "a-page.example"})
        with pytest.raises(urllib.error.HTTPError, match="400"):
            urllib.request.urlopen(elsewhere, timeout=30)
        assert server.scored(rows)["scores"] == scores


@pytest.mark.slow
def test_a_new_version_and_a_new_champion_answer_without_a_restart(world: Experiment) -> None:
    """Requests go on all the while, and each is answered by one version or the other."""
    _, features = written(world, "best", 5)
    rows, answers, stop = rows_of(features), list[dict[str, object]](), threading.Event()
    with serving(world, "best") as server:
        first = server.scored(rows)

        def ask() -> None:
            while not stop.wait(0.05):
                answers.append(server.scored(rows))

        asking = threading.Thread(target=ask)
        asking.start()
        try:
            write_until(world.folder, FEATURED)
            assert world.run(*BARS, *MODELS).success
            server.until(lambda found: found["model"] == "line" and not found["fallback"])
        finally:
            stop.set()
            asking.join()
        last = server.scored(rows)
        assert server.end() == 0
    assert (first["model"], last["model"]) == ("trees", "line")
    assert last["version"] == artifacts_in(world.configuration.home, "line")[0].file.content
    assert len(answers) > 10
    seen = [(str(each["model"]), str(each["version"])) for each in answers]
    assert set(seen) <= {("trees", first["version"]), ("line", last["version"])} | {
        (name, artifacts_in(world.configuration.home, name)[0].file.content) for name in ("trees", "line")
    }
    scores, features = written(world, "best", 5)
    with serving(world, "best") as server:
        assert server.scored(rows_of(features))["scores"] == scores


@pytest.mark.slow
def test_an_artifact_that_is_damaged_meanwhile_is_said_and_what_was_loaded_answers(after: Experiment) -> None:
    scores, features = written(after, "line", 5)
    artifact = artifacts_in(after.configuration.home, "line")[0].file
    content = artifact.file.read_bytes()
    with serving(after, "line") as server:
        artifact.file.write_bytes(content[:-5])
        found = server.until(lambda found: found["fallback"])
        assert (found["ready"], found["version"]) == (True, artifact.content)
        assert found["trouble"].startswith("the artifact of model line is edited")
        answer = server.scored(rows_of(features))
        assert (answer["scores"], answer["fallback"]) == (scores, True)
        artifact.file.write_bytes(content)
        server.until(lambda found: not found["fallback"])
        assert server.scored(rows_of(features))["trouble"] is None


@pytest.mark.slow
def test_beside_a_damaged_artifact_a_server_starts_with_the_version_before(after: Experiment) -> None:
    """Its scores are those of the fold that it is of."""
    newest, before = artifacts_in(after.configuration.home, "line")
    newest.file.file.write_bytes(b"damaged")
    fold = after.warehouse.read(PREDICTIONS, rows=Rows("model", "line")).filter(fold=5).tail(5)
    keys = fold.select("symbol", "session")
    features = keys.join(after.warehouse.read(DAILY), on=["symbol", "session"], maintain_order="left")
    with serving(after, "line") as server:
        assert "the artifact of model line is edited" in "\n".join(server.said)
        answer = server.scored(rows_of(features))
        assert (answer["version"], answer["number"], answer["fallback"]) == (before.file.content, 1, True)
        assert answer["scores"] == fold["score"].to_list()
        assert server.asked("/ready")[0] == 200


@pytest.mark.slow
def test_without_a_model_a_server_is_not_ready_and_becomes_so(tmp_path: Path) -> None:
    made = write_until(tmp_path / "new", REFIT - dt.timedelta(days=1))
    with serving(made, "line") as server:
        status, found = server.asked("/ready")
        assert (status, found["ready"]) == (503, False)
        assert server.asked("/health")[0] == 200
        status, found = server.asked("/score", {"rows": [{}]})
        assert status == 503
        assert "model line has learnt nothing yet" in found["error"]
        assert made.run(*BARS, *MODELS).success
        assert server.until(lambda found: found["ready"])["model"] == "line"


@pytest.mark.slow
def test_what_cannot_be_served_is_wrong_usage(shared: Experiment) -> None:
    code, said = ended(shared, "lime")
    assert (code, said.splitlines()[-3]) == (2, "error: no model 'lime'")
    code, said = ended(shared)
    assert code == 2
    assert "error: which model is served?\n  expected: one of shut, best\n" in said
    with socket.create_server(("127.0.0.1", 0)) as taken:
        code, said = ended(shared, "line", "--port", str(taken.getsockname()[1]))
    assert code == 2
    assert "error: cannot listen on 127.0.0.1" in said


def test_a_missing_library_names_its_extra(tmp_path: Path) -> None:
    made = Experiment(tmp_path)
    made.write(**{**SETTINGS, "models": {"only": {}}})
    with patch.dict(sys.modules, {"fastapi": None}):
        done = called(tmp_path / "config.yaml", tmp_path / "data", "serve")
    assert done.returncode == 2
    assert "what to do: pip install 'trading_assets[serve]'" in done.stderr
    require_libraries(("json",))


def test_the_only_name_needs_not_be_given(tmp_path: Path) -> None:
    made = Experiment(tmp_path)
    assert served_name(made.write(models={"only": {}}), None) == "only"
    two = {"a": {}, "b": {"trees": 10}}
    champion = made.write(models=two, champions={"best": {"candidates": ["a", "b"]}})
    assert served_name(champion, None) == "best"
    assert served_name(champion, "b") == "b"
    with pytest.raises(ConfigurationError, match="which model is served"):
        served_name(made.write(models=two), None)
    with pytest.raises(ConfigurationError, match="a section `models` of the configuration, which has none"):
        served_name(made.write(), None)


@pytest.mark.slow
def test_an_earlier_version_is_one_that_training_left_and_has_no_curve(after: Experiment) -> None:
    """Whether a curve is as it was only scores of its fold could tell; rows that were deleted vouch for nothing."""
    line, trees = (ServedChampion(after.configuration, name) for name in ("line", "trees"))
    assert line.load_earlier() is not None
    assert trees.load_earlier() is None
    with closing(duckdb.connect(after.configuration.warehouse_path)) as connection:
        connection.execute("DELETE FROM models.fits WHERE model = 'line'")
    assert line.load_earlier() is None


@pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.2", "::1", "localhost"])
def test_a_server_of_this_machine_alone_answers_to_its_own_names(host: str) -> None:
    assert "*" not in names_of(host)
    assert {host, "localhost"} <= set(names_of(host))
    assert names_of("0.0.0.0") == names_of("192.0.2.7") == ("*",)
