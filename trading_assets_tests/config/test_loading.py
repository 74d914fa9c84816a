"""A configuration is used whole or refused with the place of the error."""

from __future__ import annotations

from pathlib import Path
from textwrap import dedent

import pytest

from trading_assets.config import Configuration, ConfigurationError, load_configuration, shipped

MINIMAL = """\
name: mine
start: 2010-01-01
market_data:
  - source: sample
    asset_class: equity
strategies:
  momentum: {type: equity_momentum}
"""


def load(tmp_path: Path, text: str) -> Configuration:
    path = tmp_path / "mine.yaml"
    path.write_text(dedent(text))
    return load_configuration(path, tmp_path)


def error_of(tmp_path: Path, text: str) -> str:
    with pytest.raises(ConfigurationError) as caught:
        load(tmp_path, text)
    return str(caught.value)


@pytest.mark.parametrize("name", ["demo.yaml", "template.yaml"])
def test_what_is_shipped_is_valid(name: str, tmp_path: Path) -> None:
    configuration = load_configuration(shipped(name), tmp_path)
    assert configuration.home == tmp_path / configuration.name


@pytest.mark.parametrize(
    ("added", "expected"),
    [
        ("strategys: {}\n", ["unknown key 'strategys'", "line 8", "key: strategys", "did you mean 'strategies'?"]),
        ("costs: {equity: {fe_bps: 1}}\n", ["key: costs.equity.fe_bps", "did you mean 'fee_bps'?"]),
        ("costs: {equity: {fee_bps: -1}}\n", ["key: costs.equity.fee_bps", "greater than or equal to 0", "got -1"]),
        ("quality: {releases: r.csv}\n", ["unknown key 'releases'", "'overrides', its name since 0.2.0"]),
        ("seed: many\n", ["key: seed", "valid integer", "got 'many'"]),
        ("as_of: 2009-01-01\n", ["as_of: 2009-01-01 is before start 2010-01-01"]),
        (
            "registration: {other: {hypothesis: long enough text, registered_on: 2020-01-01}}\n",
            ["'other' is not one of"],
        ),
        ("risk: {volatility_baseline: 20}\n", ["key: risk", "volatility_minimum is larger than volatility_baseline"]),
        ("models: {splits: {}}\n", ["'splits' is the name of something else"]),
        ("models: {regimes: {}}\n", ["'regimes' is the name of something else"]),
        ("regimes: {number: 1}\n", ["regimes.number", "greater than or equal to 2"]),
        ("splits: {train: 0.5, validation: 0.1, holdout: 0.1}\n", ["key: splits", "sum to 1"]),
        (
            "splits: {train: [2011-01-01, 2012-12-31], validation: [2012-06-01, 2013-01-01], "
            "holdout: [2013-02-01, 2014-01-01]}\n",
            ["key: splits", "overlap or are out of order"],
        ),
        ("splits: {train: [2012-01-01, 2011-12-31], validation: 0.1, holdout: 0.1}\n", ["key: splits.train", "before"]),
        ("name: again\n", ["appears twice", "first on line 1"]),
    ],
)
def test_bad_config(added: str, expected: list[str], tmp_path: Path) -> None:
    message = error_of(tmp_path, MINIMAL + added)
    assert str(tmp_path / "mine.yaml") in message
    for part in expected:
        assert part in message


@pytest.mark.parametrize(
    ("weights", "expected"),
    [
        ((0.6, 0.6), "the weights sum to 1.2; expected at most 1"),
        ((1.0, None), "registration.b.weight: the other weights leave nothing for it"),
        ((0.0, None), "greater than 0"),
        ((0.6, 0.4), None),
        ((0.6, None), None),
    ],
)
def test_weights_of_a_batch_sum_to_at_most_one(
    weights: tuple[float, float | None], expected: str | None, tmp_path: Path
) -> None:
    lines = [
        f"  {name}: {{hypothesis: long enough text, registered_on: 2020-01-01"
        + (f", weight: {weight}}}" if weight is not None else "}")
        for name, weight in zip("ab", weights, strict=True)
    ]
    strategies = "  a: {type: equity_momentum}\n  b: {type: equity_momentum}\n"
    text = "\n".join([MINIMAL + strategies + "registration:", *lines])
    if expected is None:
        assert load(tmp_path, text).registration["a"].weight == 0.6
    else:
        assert expected in error_of(tmp_path, text)


def test_bad_strategy_parameters_name_the_strategy(tmp_path: Path) -> None:
    message = error_of(tmp_path, MINIMAL.replace("equity_momentum}", "equity_momentum, stop_atr: -1, exitt: ma_20}"))
    assert "key: strategies.momentum.stop_atr" in message
    assert "greater than 0" in message
    assert "did you mean 'exit'?" in message


@pytest.mark.parametrize("written", ["29.11.2026", "soon"])
def test_a_date_is_written_as_iso_8601(written: str, tmp_path: Path) -> None:
    text = MINIMAL + f"registration: {{momentum: {{registered_on: {written}, hypothesis: it rises}}}}\n"
    message = error_of(tmp_path, text)
    assert f"'{written}' is no date" in message and "expected: a date such as 2024-01-31" in message
    assert "key: registration.momentum.registered_on" in message


def test_features_of_ones_own_are_named_as_a_module_not_as_a_file(tmp_path: Path) -> None:
    message = error_of(tmp_path, MINIMAL + "features: [my_features/gaps.py]\n")
    assert "'my_features/gaps.py' is no dotted path of a module" in message
    assert "key: features.0" in message and "`my_features.gaps`, which is my_features/gaps.py" in message


def test_unknown_strategy_type(tmp_path: Path) -> None:
    message = error_of(tmp_path, MINIMAL.replace("equity_momentum", "momentun"))
    assert "no module trading_assets.strategies.momentun" in message
    assert "key: strategies.momentum.type" in message


def test_unknown_key_of_a_source_is_compared_with_that_source(tmp_path: Path) -> None:
    text = MINIMAL.replace("source: sample", "source: files\n    path: x.csv\n    skip_row: 1")
    assert "did you mean 'skip_rows'?" in error_of(tmp_path, text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [("- a\n- b\n", "expected: a mapping"), ("a: [1\n", "not valid YAML"), ("", "expected: a mapping")],
)
def test_not_a_configuration(text: str, expected: str, tmp_path: Path) -> None:
    assert expected in error_of(tmp_path, text)


def test_unreadable_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"nowhere\.yaml"):
        load_configuration(tmp_path / "nowhere.yaml", tmp_path)
