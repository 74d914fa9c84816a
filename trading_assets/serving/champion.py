"""The model that a name stands for by the last run: found, verified, and looked for again when something changed."""

from __future__ import annotations

import datetime as dt
from collections.abc import Hashable
from pathlib import Path

from trading_assets.config import Configuration
from trading_assets.config.models import OnlineModel
from trading_assets.models.fits import kept_fits
from trading_assets.models.fold_inputs import inputs_of_sessions
from trading_assets.models.on_record import hash_of_model
from trading_assets.models.registered_model import (
    ArtifactError,
    RegisteredModel,
    UnscoredError,
    artifacts_in,
    load_artifact,
)
from trading_assets.models.registry import RegistryError, database_of
from trading_assets.models.session_scores import last_fold, load_verified
from trading_assets.models.standing import champion_by_run
from trading_assets.models.tables import CHAMPIONS, FITS, FOLDS, OUTCOMES, PREDICTIONS
from trading_assets.models.training import learner_of
from trading_assets.models.tuning import parted
from trading_assets.protocol.written_rows import EditedRowsError, is_as_written, last_written
from trading_assets.warehouse import Rows, Warehouse, WarehouseError

#: What keeps a model from being served, each with a block for people.
EXPECTED = (ArtifactError, UnscoredError, EditedRowsError, RegistryError, WarehouseError)
#: Tables whose commits tell that another model may be champion.
_TABLES = (CHAMPIONS, OUTCOMES, FOLDS, PREDICTIONS, FITS)


class ServedChampion:
    """The model that answers for a name of the configuration.

    Parameters
    ----------
    configuration
        Configuration of the models.
    name
        Name of a model or a champion.
    """

    def __init__(self, configuration: Configuration, name: str) -> None:
        self.configuration, self.name = configuration, name
        self._warehouse = Warehouse(configuration.warehouse_path)

    def model(self) -> str:
        """Return the name of the model: of a champion, who it is by the last run.

        Raises
        ------
        ConfigurationError
            The champion has not been run.
        """
        if self.name not in self.configuration.champions:
            return self.name
        return champion_by_run(self._warehouse, self.configuration, self.name)

    def load(self) -> RegisteredModel:
        """Return the registered model, verified by its scores on record.

        Raises
        ------
        ArtifactError, UnscoredError, EditedRowsError, RegistryError, WarehouseError
            See `load_verified`.
        """
        model = self.model()
        last = last_fold(self._warehouse, self.configuration, model)
        first, newest = last.row["test_start"], last.scores["session"].max()
        if not isinstance(first, dt.date) or not isinstance(newest, dt.date):
            raise UnscoredError(
                f"model {model} has scored nothing by its last fold\n  what to do: trading-assets run --select models"
            )
        settings = self.configuration.models[model]
        inputs = inputs_of_sessions(self._warehouse, self.configuration, settings, first, newest)
        return load_verified(self._warehouse, self.configuration, model, last, inputs)

    def load_earlier(self) -> RegisteredModel | None:
        """Return the newest version of the model that is as it was registered; None if there is none.

        For a server that starts beside a damaged artifact. It has to be one that `models.fits` has on record, without a
        curve: whether that is as it was, only scores of its fold would tell.
        """
        model = self.model()
        if isinstance(self.configuration.models[model], OnlineModel):
            return None  # what was registered is how it began its fold
        rows = self._warehouse.read_or_empty(FITS, rows=Rows("model", model))
        if not is_as_written(hash_of_model(FITS, rows, model), last_written(self.configuration)):
            return None
        kept = {parted(content)[1] for content in kept_fits(rows).values()}
        learner = learner_of(self.configuration, model)
        for artifact in artifacts_in(self.configuration.home, model):
            try:
                is_whole = artifact.features() is not None and artifact.curve() is None
                if is_whole and artifact.content() in kept:
                    return load_artifact(artifact, learner)
            except ArtifactError:
                continue
        return None

    def state(self) -> Hashable:
        """Return what is another value whenever the champion may be another one, or its files are others."""
        commits = tuple(tuple(sorted(self._warehouse.commits(each).items(), key=repr)) for each in _TABLES)
        return commits, state_of_file(database_of(self.configuration.home))


def state_of_file(path: Path) -> Hashable:
    """Return what is another value whenever a file is another one; None: it is gone."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_ino, found.st_size, found.st_mtime_ns
