"""Models of folds that were fitted before: who learns from the same again takes them instead of fitting anew.

A fitted model is a function of its training set, settings, seed, code and libraries. All of these are in the name that
it is kept under, so that another one is never taken for it. The rows are on record by their hashes like any others that
later steps read: bytes that were edited are an error, not a model.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field

import polars as pl

from trading_assets.config.canonical import digest
from trading_assets.config.stated import completed
from trading_assets.models.families.interface import Fitted, TrainingSet
from trading_assets.models.tables import FITS
from trading_assets.models.training import Learner
from trading_assets.parallel.dask_workers import identity

#: Bytes of a fold's model beyond which it is fitted anew rather than kept.
MOST_BYTES = 8 * 2**20


class ForgedFitError(Exception):
    """A kept model is not the one that its training set makes."""


@dataclass(frozen=True)
class KeptFit:
    """A fitted model as it is kept.

    Attributes
    ----------
    made_of
        Digest of all that it is a function of.
    content
        What its family saves.
    """

    made_of: str
    content: bytes


@dataclass
class FittedModels:
    """Models of one section and seed by what they learned from.

    Attributes
    ----------
    learner
        What makes those that are not there.
    kept
        Bytes of models by what they were made of, see `kept_fits`.
    doubted
        One of them that is fitted anew all the same, and has to be what was kept.
    """

    learner: Learner
    kept: Mapping[str, bytes] = field(default_factory=dict)
    doubted: str | None = None
    _fitted: dict[str, Fitted] = field(default_factory=dict)

    def of(self, training: TrainingSet) -> Fitted:
        """Return the model that is fitted on `training`."""
        made_of = made_from(training, self.learner)
        if made_of not in self._fitted:
            self._fitted[made_of] = self._made(made_of, training)
        return self._fitted[made_of]

    def _made(self, made_of: str, training: TrainingSet) -> Fitted:
        content = self.kept.get(made_of)
        if content is not None and made_of != self.doubted:
            return self.learner.load(content)
        fitted = self.learner.fit(training)
        if content is not None and fitted.save() != content:
            raise ForgedFitError(
                f"{FITS.name} has a model that is not what its training set makes\n"
                "  expected: the bytes that its family saves once it is fitted anew\n"
                "  what to do: delete the rows of the model in this table and materialise it and all that follows"
            )
        return fitted


def with_one_doubted(learner: Learner, kept: Mapping[str, bytes], seed: int) -> FittedModels:
    """Return models of which one, drawn by a seed, is fitted anew and compared with what was kept.

    Parameters
    ----------
    learner, kept
        As `FittedModels` takes them.
    seed
        Of the draw.
    """
    names = sorted(kept)
    return FittedModels(learner, kept, names[seed % len(names)] if names else None)


def made_from(training: TrainingSet, learner: Learner) -> str:
    """Return the digest of all that a fitted model is a function of."""
    return hashlib.sha256(training.digest() + _identity(learner).encode()).hexdigest()


def _identity(learner: Learner) -> str:
    own = [learner.own.code] if learner.own is not None else []
    return digest([learner.type, completed(learner.settings), learner.seed, identity(), *own])


def kept_fits(rows: pl.DataFrame) -> dict[str, bytes]:
    """Return the models of rows of `models.fits`, by what they were made of."""
    return {made_of: base64.b64decode(content) for made_of, content in rows.select("made_of", "content").iter_rows()}


def rows_to_keep(name: str, fits: Mapping[int, KeptFit]) -> pl.DataFrame:
    """Return the rows of `models.fits` of the fitted models of a model, by fold."""
    lines = [
        (name, fold, kept.made_of, base64.b64encode(kept.content).decode())
        for fold, kept in sorted(fits.items())
        if len(kept.content) <= MOST_BYTES
    ]
    return pl.DataFrame(lines, schema=FITS.empty().schema, orient="row")
