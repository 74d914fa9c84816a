from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pytest
from scipy.optimize import minimize

from trading_assets.models.families.curve import Curved, curve_of, fit_curved, split, standardised
from trading_assets.models.families.interface import Constant, Fitted, TrainingSet
from trading_assets_tests.models.families.planted import learner, training


@dataclass(frozen=True)
class FirstColumn:
    """Says what stands in a column."""

    column: int
    sign: float = 1.0

    def score(self, features: np.ndarray) -> np.ndarray:
        return np.asarray(self.sign * np.nan_to_num(features[:, self.column].astype(float)))

    def save(self) -> bytes:
        return b""


def test_no_label_of_the_earlier_rows_ends_in_the_held_out_sessions() -> None:
    known = training()
    earlier, held_out = split(known)
    assert earlier.label_end.max() < held_out.session.min()
    sessions = np.unique(known.session)
    assert np.unique(held_out.session).size == pytest.approx(0.2 * sessions.size, abs=1)


def test_the_curve_is_fitted_on_rows_that_its_model_has_not_seen() -> None:
    seen: list[TrainingSet] = []

    def fit(rows: TrainingSet) -> Fitted:
        seen.append(rows)
        return FirstColumn(rows.names.index("signal"))

    model = fit_curved(fit, training())
    assert isinstance(model, Curved) and model.slope > 0
    assert [len(each.label) for each in seen] == [len(split(training())[0].label), len(training().label)]


def test_the_curve_is_the_most_likely_one() -> None:
    """Against a general optimiser of the weighted likelihood."""
    held_out = split(training())[1]
    raw = FirstColumn(held_out.names.index("signal")).score(held_out.features)

    def loss(values: np.ndarray) -> float:
        margin = values[0] * raw + values[1]
        return float((held_out.weight * np.logaddexp(0, np.where(held_out.label == 1, -margin, margin))).sum())

    best = minimize(loss, np.zeros(2), method="Nelder-Mead", options={"xatol": 1e-6, "fatol": 1e-9}).x
    assert curve_of(raw, held_out) == pytest.approx(tuple(best), rel=0.02, abs=0.01)


@pytest.mark.parametrize("model", [FirstColumn(2, sign=-1.0), FirstColumn(2, sign=0.0)])
def test_a_model_that_orders_nothing_or_wrongly_is_a_constant(model: FirstColumn) -> None:
    known = training()
    assert known.names[2] == "signal"
    assert fit_curved(lambda rows: model, known) == Constant(known.base_rate())


def test_too_few_rows_to_hold_out_are_a_constant() -> None:
    known = training()
    few = known.take(np.arange(25))
    assert fit_curved(lambda rows: FirstColumn(2), few) == Constant(few.base_rate())


def test_one_wild_return_is_cut() -> None:
    known = training("size")
    assert known.target is not None
    target = known.target.copy()
    target[5] = 1e6
    wild, tame = standardised(replace(known, target=target)), standardised(known)
    assert np.abs(wild).max() < 5
    assert np.corrcoef(wild[6:], tame[6:])[0, 1] > 0.999


@pytest.mark.parametrize("name", ["ridge", "elastic_net", "quantile", "ranking", "lightgbm", "catboost", "mlp"])
def test_a_number_that_is_nearly_always_the_same_teaches_nothing(name: str) -> None:
    """Five rows differ, which are fewer than those beyond the percentile at which targets are cut."""
    made = training()
    target = np.zeros(len(made.label), dtype=np.float32)
    target[-5:] = 1.0
    fitted = learner(name, label="size").fit(replace(made, target=target))
    assert np.unique(fitted.score(made.features[:50])).size == 1
