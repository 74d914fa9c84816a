from __future__ import annotations

import pytest

from trading_assets.config.models import LabelKind
from trading_assets.models.families.mlp import fit_network, inputs, trained
from trading_assets_tests.models.families.planted import planted, settings_of, training


@pytest.mark.parametrize("kind", ["sign", "size"])
def test_scores_are_those_of_scikit_learn(kind: LabelKind) -> None:
    known, settings = training(kind), settings_of("mlp")
    scaling, network = trained(known, settings, 3)  # type: ignore[arg-type]
    rows = planted(kind).features
    given = inputs(scaling, rows)
    direct = network.predict_proba(given)[:, 1] if kind == "sign" else network.predict(given)
    own = fit_network(known, settings, 3)  # type: ignore[arg-type]
    assert own.score(rows) == pytest.approx(direct, rel=1e-9, abs=1e-12)
