"""What a section of an online model may be."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from trading_assets.config.models import OnlineModel
from trading_assets.config.online import Online


@pytest.mark.parametrize(
    ("section", "said"),
    [
        ({"label": "size"}, "online learns classes"),
        ({"label": "rank"}, "online learns classes"),
        ({"horizon": 20}, "window_sessions 20 leaves nothing to try an update with"),
        ({"horizon": 1, "window_sessions": 6}, "window_sessions 6 leaves nothing"),
        ({"tune": {"search": {"penalty": {"low": 1.0, "high": 100.0}}}}, "online has no search"),
        ({"decay": 1.5}, "decay"),
        ({"checkpoints": 1}, "checkpoints"),
    ],
)
def test_what_an_online_model_cannot_be_is_refused(section: dict[str, Any], said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        OnlineModel.model_validate({"type": "online", **section})


def test_the_shipped_settings_are_those_that_are_measured() -> None:
    """Kept by a test of the page, docs/online.md."""
    own = OnlineModel(type="online")
    assert {name: getattr(own, name) for name in Online.model_fields} == {
        "type": "online",
        "penalty": 10.0,
        "initial_sessions": 252,
        "window_sessions": 20,
        "consolidation": 0.03,
        "decay": 0.99,
        "update_sessions": 1,
        "buffer_sessions": 5,
        "tolerance": 0.02,
        "checkpoints": 30,
    }
