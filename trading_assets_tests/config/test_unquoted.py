"""Symbols and keys that YAML takes for numbers, dates and truth values."""

from __future__ import annotations

from pathlib import Path

import pytest

from trading_assets.config import ConfigurationError, load_configuration

TEMPLATE = """name: t
seed: 7
start: 2022-01-01
market_data:
  - {{source: files, asset_class: equity, path: "*.csv", symbol_from: filename{more}}}
benchmarks: {{equity: {benchmark}}}
universe: {{equity: {universe}}}
sectors: {sectors}
strategies:
  m: {{type: equity_momentum}}
"""


def refusal(folder: Path, **values: str) -> str:
    file = folder / "c.yaml"
    settings = {"more": "", "benchmark": "AAPL", "universe": "all", "sectors": "{}"} | values
    file.write_text(TEMPLATE.format(**settings))
    with pytest.raises(ConfigurationError) as caught:
        load_configuration(file, folder / "data")
    return str(caught.value)


def test_codes_with_leading_zeros_are_one_mistake(tmp_path: Path) -> None:
    """0700 is octal to YAML: 7 x 64 = 448. One list is one message, with the text of the file."""
    assert refusal(tmp_path, universe="[0700, 000001, AAPL]") == (
        "0700, 000001: to YAML this is a number (448, 1), no text\n"
        f"  file: {tmp_path}/c.yaml, line 7\n"
        "  key: universe.equity\n"
        '  expected: text; quote it: "0700", "000001"'
    )


@pytest.mark.parametrize(
    ("where", "value", "text"),
    [
        ("benchmark", "NO", "NO"),
        ("benchmark", "0700", "0700"),
        ("universe", "ON", "ON"),
        ("universe", "[AAPL, YES]", "YES"),
        ("universe", "[AAPL, 1.0e+5]", "1.0e+5"),
        ("universe", "[null]", "null"),
        ("universe", "[2020-01-01]", "2020-01-01"),
        ("universe", "[1_000]", "1_000"),
        ("sectors", "{ON: Technology}", "ON"),
        ("sectors", "{0700: Technology}", "0700"),
        ("sectors", "{AAPL: OFF}", "OFF"),
        ("more", ", where: {tf: 5}", "5"),
        ("more", ", bad_dates: error, columns: {on: x}", "on"),
    ],
)
def test_what_is_no_text_to_yaml_is_to_be_quoted(tmp_path: Path, where: str, value: str, text: str) -> None:
    message = refusal(tmp_path, **{where: value})
    assert message.startswith(f"{text}: to YAML this is ") and message.endswith(f'quote it: "{text}"')
    assert message.count("\n") == 3, "one message"


def test_other_mistakes_stay_beside_it(tmp_path: Path) -> None:
    message = refusal(tmp_path, universe="[0700]", more=", skip_row: 1")
    assert 'quote it: "0700"' in message and "unknown key 'skip_row'" in message


def test_quoted_symbols_are_text(tmp_path: Path) -> None:
    file = tmp_path / "c.yaml"
    values = {"more": "", "benchmark": '"NO"', "universe": '["0700", "ON", 1e5]', "sectors": '{"ON": Technology}'}
    file.write_text(TEMPLATE.format(**values))
    assert load_configuration(file, tmp_path / "data").universe == {"equity": ["0700", "ON", "1e5"]}
