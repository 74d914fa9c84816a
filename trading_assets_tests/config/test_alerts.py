"""The section `alerts`: shipped rules with some keys changed, rules of one's own, and what is refused."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from trading_assets.config.alerts import Alerts, shipped_rules
from trading_assets_tests.monitoring.rules.situations import configured


def test_a_changed_key_leaves_the_others_as_shipped() -> None:
    rules = Alerts.model_validate({"rules": {"disk": {"threshold": 50}}}).all_rules
    assert (rules["disk"].severity, rules["disk"].threshold) == ("error", 50)
    assert rules["stale_data"].threshold == 1
    assert set(rules) == set(shipped_rules())


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        ({"rules": {"dsk": {"threshold": 5}}}, "disk"),
        ({"rules": {"disk": {"query": "SELECT 1"}}}, "is shipped"),
        ({"rules": {"disk": {"thresold": 5}}}, "thresold"),
        ({"quiet_hours": ["22:00", "25:00"]}, "times of a day"),
        ({"quiet_hours": ["22:00", "22:00"]}, "times of a day"),
        ({"escalation": {"kind": "webhook"}}, "url"),
    ],
)
def test_what_is_refused_is_named(keys: dict[str, Any], said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        Alerts.model_validate(keys)


def test_no_identity_follows_from_alerts(tmp_path: Any) -> None:
    plain, other = configured(tmp_path), configured(tmp_path, alerts={"repeat_hours": 1})
    assert plain.hash == other.hash and plain.hash_for("momentum") == other.hash_for("momentum")
