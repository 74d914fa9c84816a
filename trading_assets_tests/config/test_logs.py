"""The section `logs`: defaults, limits, and that no identity follows from it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from trading_assets.config.logs import Logs
from trading_assets_tests.monitoring.rules.situations import configured


@pytest.mark.parametrize("keys", [{"level": "loud"}, {"format": "xml"}, {"keep": 0}, {"largest_mib": 0}])
def test_what_is_refused(keys: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Logs.model_validate(keys)


def test_no_identity_follows_from_logs(tmp_path: Path) -> None:
    assert configured(tmp_path).hash == configured(tmp_path, logs={"level": "debug", "to": "off"}).hash
