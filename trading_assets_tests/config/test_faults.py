"""What pydantic finds is told by file, line and key, the first ten faults of many."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import ValidationError

from trading_assets.config.errors import KeyPath
from trading_assets.config.faults import MOST_BLOCKS, explain
from trading_assets.config.sections import Section


class Limits(Section):
    most: int = 3
    share: float = 0.5


def said_of(path: Path, values: dict[str, object]) -> str:
    with pytest.raises(ValidationError) as caught:
        Limits.model_validate(values)
    lines: dict[KeyPath, int] = {("risk", key): number for number, key in enumerate(values, start=7)}
    return explain(path, lines, Limits, ("risk",), caught.value)


def test_a_key_that_is_nearly_right_and_a_value_that_is_wrong_are_told_with_their_lines(tmp_path: Path) -> None:
    text = said_of(tmp_path / "mine.yaml", {"shaer": 0.1, "most": "many"})
    assert "unknown key 'shaer'" in text and "'share'" in text and "got 'many'" in text
    assert "line 7" in text and "line 8" in text and "risk.shaer" in text and "risk.most" in text


def test_of_many_faults_the_first_are_told_and_the_others_counted(tmp_path: Path) -> None:
    said = said_of(tmp_path / "mine.yaml", {f"key_{number:02}": 1 for number in range(25)})
    assert said.count("unknown key") == MOST_BLOCKS
    assert said.endswith("... and 15 more")
