"""The configurations that are shipped as examples can be used."""

from __future__ import annotations

from pathlib import Path

import pytest

from trading_assets.config import load_configuration, shipped

EXAMPLES = sorted(shipped("examples").glob("*.yaml"))


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_an_example_is_valid_and_says_what_it_is_for(path: Path, tmp_path: Path) -> None:
    configuration = load_configuration(path, tmp_path)
    assert path.read_text().startswith("# ")
    assert configuration.strategies


def test_names_do_not_clash(tmp_path: Path) -> None:
    names = [load_configuration(path, tmp_path).name for path in EXAMPLES]
    assert len(set(names)) == len(names) >= 6
