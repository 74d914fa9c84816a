"""The model registry: mlflow over a SQLite file and a local folder; no server, no network."""

from __future__ import annotations

import datetime as dt
import logging
import os
import sqlite3
import tempfile
from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from trading_assets.config import Configuration
from trading_assets.warehouse.lock import Patience, file_lock

CHAMPION, CHALLENGER = "champion", "challenger"
EXPERIMENT = "models"
LOG_LOSS = "log_loss"
MODEL_FILE = "model.ubj"
WAIT_SECONDS = 120.0
_CONTENT, _TARGET, _DECISION, _REASON = "content_version", "target", "decision", "reason"


class RegistryError(Exception):
    """The registry cannot be used; `str()` is one block for people."""


@dataclass(frozen=True)
class Record:
    """What a model is judged by.

    Attributes
    ----------
    target
        What it predicts; log losses on different targets cannot be compared.
    metrics
        Out-of-sample metrics by fold, then by name; only folds that end before the holdout. A fold goes by the first
        session it tests, so that two models are compared on the folds they share.
    """

    target: str
    metrics: Mapping[dt.date, Mapping[str, float]]


@dataclass(frozen=True)
class Candidate:
    """A trained model that asks for a place in the registry.

    Attributes
    ----------
    version
        Content hash; registered once.
    artifact
        Bytes of the model, as its family saves them.
    parameters
        Settings that made it.
    file_name
        Name of the file of the bytes, which says their format.
    """

    model: str
    version: str
    artifact: bytes
    parameters: Mapping[str, object]
    record: Record
    file_name: str = MODEL_FILE


@dataclass(frozen=True)
class ModelVersion:
    """A place in the registry: its number, what was decided when it got it, and why."""

    number: int
    decision: str
    reason: str


def has_registry(configuration: Configuration) -> bool:
    """Return whether there is a registry, in which a trained model has its place."""
    return (configuration.home / "tracking.db").exists()


def register(home: Path, candidate: Candidate) -> ModelVersion:
    """Record a model, and make it champion if none exists or it beats the one there is.

    The same content is registered once: asking again returns what was decided then. Safe to call from several
    processes at once.

    Parameters
    ----------
    home
        Folder of the configuration; ``tracking.db`` and ``artifacts/`` are made in it.

    Raises
    ------
    LockedError
        Another process held the registry for longer than `WAIT_SECONDS`.
    RegistryError
        The registry's database cannot be read.
    """
    home.mkdir(parents=True, exist_ok=True)
    client_of = _mlflow()  # before the lock is taken: the import takes seconds
    # mlflow's first migration of a fresh database breaks when two processes run it at once.
    with file_lock(home / "tracking.db", exclusive=True, patience=Patience(WAIT_SECONDS)):
        require_readable(home / "tracking.db")
        client = client_of(home)
        known = _version_of(client, candidate)
        if known is not None:
            return known
        run = _record(client, home, candidate)
        champion = _champion(client, candidate.model)
        decision, reason = decide_promotion(candidate.record, champion)
        created = client.create_model_version(
            candidate.model,
            source=f"{run.info.artifact_uri}/{candidate.file_name}",
            run_id=run.info.run_id,
            tags={
                _CONTENT: candidate.version,
                _TARGET: candidate.record.target,
                _DECISION: decision,
                _REASON: reason,
            },
        )
        client.set_registered_model_alias(candidate.model, decision, created.version)
        return ModelVersion(number=int(created.version), decision=decision, reason=reason)


def require_readable(database: Path) -> None:
    """Refuse a database that SQLite cannot read; mlflow tries one for more than four minutes before it says so.

    Raises
    ------
    RegistryError
        It is there, and is none, or is damaged.
    """
    if not database.exists():
        return
    try:
        with closing(sqlite3.connect(f"{database.resolve().as_uri()}?mode=ro", uri=True)) as connection:
            [found] = connection.execute("PRAGMA quick_check(1)").fetchone()
    except sqlite3.DatabaseError as error:
        found = str(error)
    if found != "ok":
        raise RegistryError(
            f"the model registry cannot be read\n  file: {database}\n  cause: {found}\n"
            "  what to do: restore the file from a copy, or move it aside and run this again: models are trained anew, "
            "and the first of each is champion"
        )


def decide_promotion(challenger: Record, champion: Record | None) -> tuple[str, str]:
    """Champion or challenger, and the reason: mean out-of-sample log loss over the folds that both tested.

    A challenger with the champion's very record is the same procedure fitted on other or later data: it takes over.
    """
    if champion is None:
        return CHAMPION, "no champion yet"
    if challenger.target != champion.target:
        return CHALLENGER, f"predicts {challenger.target}, the champion {champion.target}: not comparable"
    own, best = _losses(challenger), _losses(champion)
    shared = sorted(own.keys() & best.keys())
    if not shared:
        return CHALLENGER, "shares no measured fold with the champion"
    mine, theirs = (sum(losses[fold] for fold in shared) / len(shared) for losses in (own, best))
    figures = f"log loss {mine:.6f} against {theirs:.6f} on {len(shared)} folds"
    if all(own[fold] == best[fold] for fold in shared):
        return CHAMPION, f"same record as the champion, fitted anew: {figures}"
    if mine < theirs:
        return CHAMPION, f"beats the champion: {figures}"
    return CHALLENGER, f"does not beat the champion: {figures}"


def _losses(record: Record) -> dict[dt.date, float]:
    return {fold: metrics[LOG_LOSS] for fold, metrics in record.metrics.items() if LOG_LOSS in metrics}


def _mlflow() -> Callable[[Path], Any]:
    os.environ["MLFLOW_DISABLE_TELEMETRY"] = "true"
    from mlflow import MlflowClient

    logging.getLogger("mlflow.store.db.utils").setLevel(logging.WARNING)  # it tells of every fresh database

    def client_of(home: Path) -> Any:
        database = f"sqlite:///{home.resolve() / 'tracking.db'}"
        return MlflowClient(tracking_uri=database, registry_uri=database)

    return client_of


def _version_of(client: Any, candidate: Candidate) -> ModelVersion | None:
    for version in client.search_model_versions(f"name = '{candidate.model}'"):
        if version.tags.get(_CONTENT) == candidate.version:
            return ModelVersion(int(version.version), version.tags[_DECISION], version.tags[_REASON])
    return None


def _record(client: Any, home: Path, candidate: Candidate) -> Any:
    from mlflow.entities import Metric, Param

    experiment = client.get_experiment_by_name(EXPERIMENT)
    identifier = (
        experiment.experiment_id
        if experiment
        else client.create_experiment(EXPERIMENT, artifact_location=(home.resolve() / "artifacts").as_uri())
    )
    run = client.create_run(identifier, run_name=f"{candidate.model}-{candidate.version}")
    client.log_batch(
        run.info.run_id,
        params=[Param(key, str(value)) for key, value in candidate.parameters.items()],
        metrics=[
            Metric(name, value, timestamp=0, step=_step(fold))
            for fold, values in candidate.record.metrics.items()
            for name, value in values.items()
        ],
    )
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / candidate.file_name
        path.write_bytes(candidate.artifact)
        client.log_artifact(run.info.run_id, str(path))
    client.set_terminated(run.info.run_id)
    if not client.search_registered_models(f"name = '{candidate.model}'"):
        client.create_registered_model(candidate.model)
    return run


def _champion(client: Any, model: str) -> Record | None:
    number = client.get_registered_model(model).aliases.get(CHAMPION)
    if number is None:
        return None
    version = client.get_model_version(model, number)
    history = client.get_metric_history(version.run_id, LOG_LOSS)
    return Record(
        target=version.tags[_TARGET],
        metrics={
            dt.datetime.strptime(str(metric.step), "%Y%m%d").date(): {LOG_LOSS: metric.value} for metric in history
        },
    )


def _step(fold: dt.date) -> int:
    """A fold as mlflow's integer step: 2005-03-01 is 20050301."""
    return int(fold.strftime("%Y%m%d"))
