from __future__ import annotations

from trading_assets.models.families.elastic_net import fit, fit_elastic_net
from trading_assets.models.families.interface import Constant
from trading_assets_tests.models.families.planted import settings_of, training


def test_what_tells_nothing_is_taken_out() -> None:
    known = training("size")
    model = fit_elastic_net(known, settings_of("elastic_net", penalty=0.2, l1_share=1.0))  # type: ignore[arg-type]
    signal = known.names.index("signal")
    assert model.coefficients[signal] > 0
    assert [each for place, each in enumerate(model.coefficients) if place != signal] == [0.0, 0.0]


def test_a_penalty_that_takes_everything_out_leaves_a_constant() -> None:
    known = training("size")
    model = fit(known, settings_of("elastic_net", penalty=100.0), 3)  # type: ignore[arg-type]
    assert model == Constant(known.base_rate())
