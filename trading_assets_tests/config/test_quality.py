from __future__ import annotations

import pytest
from pydantic import ValidationError

from trading_assets.config.quality import SEVERITIES, Quality
from trading_assets.market_data.quality.rules import RULES


def test_each_rule_has_its_severities() -> None:
    assert set(SEVERITIES) == {rule.name for rule in RULES}


def test_a_severity_is_as_configured_else_the_default() -> None:
    made = Quality(severity={"spike": "symbol"})
    assert (made.severity_of("spike"), made.severity_of("gap_event")) == ("symbol", "flag")


@pytest.mark.parametrize(
    ("severity", "message"),
    [
        ({"spikes": "row"}, "no rule 'spikes'; did you mean 'spike'"),
        ({"spike": "flag"}, r"spike: expected row \| symbol"),
    ],
)
def test_a_bad_bar_is_never_just_flagged(severity: dict[str, str], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        Quality.model_validate({"severity": severity})
