"""What a step depends on beside its tables."""

from __future__ import annotations

import datetime as dt
from importlib.metadata import version
from pathlib import Path

import pytest
import yaml

from trading_assets.asset_factories import step_identity
from trading_assets.asset_factories.step_identity import identity_of_step, library_versions, own_code, protocol_id
from trading_assets.config import Configuration
from trading_assets.protocol import LedgerTamperedError, Protocol
from trading_assets.protocol.protocol import HEAD_FILE
from trading_assets_tests.conftest import TINY
from trading_assets_tests.loaded import loaded

MODULE = '''
from trading_assets.strategies import OrderParameters, Rules, Trigger
import polars as pl


class Parameters(OrderParameters):
    """Nothing more."""


def rules(parameters):
    return Rules(eligible=pl.col("close") > {threshold}, score=pl.lit(1.0), triggers=[Trigger("any", pl.lit(True))])
'''


@pytest.fixture
def configuration(tmp_path: Path) -> Configuration:
    return loaded(TINY, tmp_path / "data")


def test_the_configuration_the_code_and_what_is_beside_it_are_in_the_identity(
    configuration: Configuration, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = identity_of_step(configuration, {"file": "a"})
    assert identity_of_step(configuration, {"file": "a"}) == found
    assert identity_of_step(configuration, {"file": "b"}) != found
    assert identity_of_step(configuration.model_copy(update={"seed": 1}), {"file": "a"}) != found
    for name, changed in (("product_hash", "other"), ("library_versions", ["polars 0"])):
        with monkeypatch.context() as patched:
            patched.setattr(step_identity, name, lambda changed=changed: changed)
            assert identity_of_step(configuration, {"file": "a"}) != found


def test_libraries_are_those_that_are_installed() -> None:
    """What only a user's own module imports is among them."""
    named = {each.rpartition("-")[0] for each in library_versions()[1:]}
    assert {"polars", "duckdb", "numba", "scikit_learn", "statsmodels"} <= named
    assert f"polars-{version('polars')}" in library_versions()


def test_a_protocol_is_told_by_its_first_record(configuration: Configuration) -> None:
    assert protocol_id(configuration) is None
    Protocol.of(configuration).append("folder", None, {}, now=dt.datetime(2020, 1, 1))
    first = protocol_id(configuration)
    Protocol.of(configuration).append("folder", None, {"more": 1}, now=dt.datetime(2020, 1, 2))
    assert first is not None and protocol_id(configuration) == first


def test_a_protocol_that_was_begun_anew_is_another_one_and_one_that_was_cut_is_told(
    configuration: Configuration,
) -> None:
    """As soon as its files have changed, whatever this process has read of them before."""
    protocol = Protocol.of(configuration)
    protocol.append("folder", None, {}, now=dt.datetime(2020, 1, 1))
    first = protocol_id(configuration)
    head = configuration.data / HEAD_FILE
    known = head.read_bytes()
    head.unlink()
    with pytest.raises(LedgerTamperedError):
        protocol_id(configuration)
    head.write_bytes(known)
    assert protocol_id(configuration) == first
    head.unlink()
    protocol.path.unlink()
    assert protocol_id(configuration) is None
    protocol.append("folder", None, {}, now=dt.datetime(2020, 1, 1))
    assert protocol_id(configuration) not in (None, first)


def test_own_modules_count_with_their_text(tmp_path: Path) -> None:
    assert own_code(loaded(TINY, tmp_path / "data")) == {}
    found = []
    for number, threshold in enumerate((1.0, 2.0)):
        folder = tmp_path / str(number)
        folder.mkdir()
        (folder / "mine.py").write_text(MODULE.format(threshold=threshold))
        settings = yaml.safe_load(TINY.read_text())
        settings["strategies"] = {"own": {"type": "own.mine", "universe": "equity", "stop_atr": 2.0, "capacity": 0.5}}
        package = folder / "own"
        package.mkdir()
        (package / "__init__.py").touch()
        (folder / "mine.py").rename(package / "mine.py")
        settings.pop("registration")
        settings["robustness"].pop("grids")
        (folder / "config.yaml").write_text(yaml.safe_dump(settings))
        found.append(own_code(loaded(folder / "config.yaml", folder / "data")))
    assert set(found[0]) == set(found[1]) >= {"own.mine"}
    assert found[0]["own.mine"] != found[1]["own.mine"]
