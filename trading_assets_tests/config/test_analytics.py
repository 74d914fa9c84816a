"""The section `analytics` changes no result, and takes a unit that there is."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from trading_assets.config.analytics import Analytics
from trading_assets_tests.backtests.frames import configuration


def test_the_section_has_no_part_in_any_hash() -> None:
    plain, with_factors = configuration(), configuration(analytics={"factors": "french.csv", "factor_unit": "percent"})
    assert with_factors.analytics.factors == "french.csv"
    assert with_factors.hash == plain.hash
    assert with_factors.hash_for("wide") == plain.hash_for("wide")


def test_another_unit_is_refused() -> None:
    with pytest.raises(ValidationError, match="factor_unit"):
        Analytics.model_validate({"factor_unit": "bps"})
