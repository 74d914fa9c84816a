"""A kept model stands for a fit of the very same training set, settings and seed, and for no other."""

from __future__ import annotations

import base64
from dataclasses import replace

import numpy as np
import pytest

from trading_assets.models.families.interface import TrainingSet
from trading_assets.models.fits import (
    MOST_BYTES,
    FittedModels,
    ForgedFitError,
    KeptFit,
    kept_fits,
    made_from,
    rows_to_keep,
    with_one_doubted,
)
from trading_assets.models.tables import FITS
from trading_assets.models.training import Learner, training_set
from trading_assets_tests.models.panels import SETTINGS, labelled, run, samples, trained

LEARNER = Learner(SETTINGS, 3)


def learns_from() -> TrainingSet:
    return training_set(samples(), labelled(samples(), 1000))


def other_sets() -> dict[str, TrainingSet]:
    """The same training set with one thing changed at a time."""
    plain = learns_from()
    features = plain.features.copy()
    features[5, 0] = np.nextafter(features[5, 0], np.float32(9.0))
    return {
        "a feature's last bit": replace(plain, features=features),
        "a label": replace(plain, label=np.where(np.arange(1000) == 7, 1 - plain.label, plain.label)),
        "a weight": replace(plain, weight=plain.weight * np.float32(0.5)),
        "a session": replace(plain, session=plain.session + np.int32(1)),
        "the end of a label": replace(plain, label_end=plain.label_end + np.int32(1)),
        "a name": replace(plain, names=("another", *plain.names[1:])),
        "one row less": plain.take(np.arange(999)),
        "two rows in each other's place": plain.take(np.r_[1, 0, 2:1000]),
    }


@pytest.mark.parametrize("changed", other_sets())
def test_another_training_set_is_another_model(changed: str) -> None:
    assert made_from(other_sets()[changed], LEARNER) != made_from(learns_from(), LEARNER)


@pytest.mark.parametrize(
    "other",
    [
        Learner(SETTINGS, 4),
        Learner(SETTINGS.model_copy(update={"depth": SETTINGS.depth + 1}), 3),
        Learner(SETTINGS.model_copy(update={"ridge": 2 * SETTINGS.ridge}), 3),
    ],
)
def test_other_settings_and_another_seed_are_another_model(other: Learner) -> None:
    assert made_from(learns_from(), other) != made_from(learns_from(), LEARNER)
    assert made_from(learns_from(), Learner(SETTINGS.model_copy(), 3)) == made_from(learns_from(), LEARNER)


def test_a_kept_model_is_taken_and_scores_as_the_fitted_one_does() -> None:
    training, features = learns_from(), samples().features[-200:]
    fitted = FittedModels(LEARNER).of(training)
    kept = {made_from(training, LEARNER): fitted.save()}
    assert FittedModels(LEARNER, kept).of(training).score(features).tolist() == fitted.score(features).tolist()
    # Another model under this name shows that it is this one that is taken, and for this training set alone.
    other = FittedModels(LEARNER).of(other_sets()["a label"])
    taken = FittedModels(LEARNER, dict.fromkeys(kept, other.save()))
    assert taken.of(training).score(features).tolist() == other.score(features).tolist()
    assert taken.of(other_sets()["one row less"]).save() == LEARNER.fit(other_sets()["one row less"]).save()


def test_a_run_with_kept_models_leaves_the_same_tables() -> None:
    plain = trained()
    rows = rows_to_keep("model", plain.fits)
    again = run(samples(), fits=kept_fits(rows))
    assert plain.fits == again.fits
    assert plain.artifact == again.artifact
    assert all(frame.equals(again.tables[table]) for table, frame in plain.tables.items())
    assert len(plain.fits) > 1


def test_what_is_large_is_not_kept() -> None:
    small, large = KeptFit("a", b"\x00trees\xff"), KeptFit("b", bytes(MOST_BYTES + 1))
    rows = rows_to_keep("m", {1: large, 0: small})
    assert rows.rows() == [("m", 0, "a", base64.b64encode(small.content).decode())]
    assert kept_fits(rows) == {"a": small.content}
    assert rows_to_keep("m", {}).schema == FITS.empty().schema


def test_one_kept_model_is_fitted_anew_all_the_same_and_has_to_be_what_was_kept() -> None:
    training = learns_from()
    made_of = made_from(training, LEARNER)
    honest = {made_of: LEARNER.fit(training).save()}
    forged = {made_of: LEARNER.fit(other_sets()["a label"]).save()}
    assert with_one_doubted(LEARNER, honest, 5).of(training).save() == honest[made_of]
    with pytest.raises(ForgedFitError, match="what to do"):
        with_one_doubted(LEARNER, forged, 5).of(training)
    assert {with_one_doubted(LEARNER, dict.fromkeys("abc", b""), seed).doubted for seed in range(9)} == {*"abc"}
    assert with_one_doubted(LEARNER, {}, 5).doubted is None
