"""Old names are rewritten in place: everything else of the file stays, and so does what the configuration is."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from trading_assets.config import ConfigurationError, load_configuration
from trading_assets.config.migration import RENAMES, migration_of
from trading_assets.config.stated import RENAMED_KEYS, completed
from trading_assets_tests.config.test_loading import MINIMAL

OLD = """\
# ärger – a comment, with 𝛼 beyond the first plane
name:   mine     # spaces stay
start: 2010-01-01
market_data:
- {source: sample,   asset_class: equity, "tickers": 'names.csv'}   # flow style, quotes
-   source: files
    asset_class: equity
    path: releases/*.csv        # no key
    tickers : more.csv

quality: {releases: reviewed.csv, severity: {common_jump: row}}
robustness:
    verdict:
        min_trades: 40   # was 30
        go_trades:       200
strategies:
  releases: {type: equity_momentum}   # a name of a person's own
"""


def write(folder: Path, text: str) -> Path:
    path = folder / "mine.yaml"
    path.write_bytes(text.encode())
    return path


@pytest.mark.parametrize("ends", ["\n", "\r\n"])
@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_only_the_old_names_change(ends: str, mark: str, tmp_path: Path) -> None:
    """By hand: five keys; the glob and the strategy that are called so too stay, and every other byte."""
    path = write(tmp_path, mark + OLD.replace("\n", ends))
    found = migration_of(path)
    found.write()
    expected = (
        OLD.replace('"tickers"', '"symbology"')
        .replace("tickers :", "symbology :")
        .replace("{releases:", "{overrides:")
        .replace("min_trades", "min_bets")
        .replace("go_trades", "go_bets")
    )
    assert path.read_bytes().decode() == mark + expected.replace("\n", ends)
    assert [each.line for each in found.changes] == [5, 9, 11, 14, 15]
    assert not migration_of(path).changes
    assert not [each for each in tmp_path.iterdir() if each != path]


def test_the_identity_is_that_of_the_version_that_knew_the_old_names(tmp_path: Path) -> None:
    """0.1.0 wrote the values under its own names; what is migrated states the same under them."""
    text = MINIMAL + "quality: {releases: r.csv}\nrobustness: {verdict: {min_trades: 40, go_trades: 200}}\n"
    (tmp_path / "r.csv").write_text("symbol,session,rule,action,reason\n")
    path = write(tmp_path, text)
    with pytest.raises(ConfigurationError, match="config migrate"):
        load_configuration(path, tmp_path)
    migration_of(path).write()
    values = completed(load_configuration(path, tmp_path))
    assert values["quality"]["releases"] == "r.csv"
    assert (values["robustness"]["verdict"]["min_trades"], values["robustness"]["verdict"]["go_trades"]) == (40, 200)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('{"quality":{"releases":"r.csv"},"name":"x"}\n', '{"quality":{"overrides":"r.csv"},"name":"x"}\n'),
        ("quality: {'releases':[1]}\n", "quality: {'overrides':[1]}\n"),
        ("quality: {? releases : r.csv}\n", "quality: {? overrides : r.csv}\n"),
        ("quality: {!!str releases: r.csv}\n", "quality: {!!str overrides: r.csv}\n"),
    ],
)
def test_a_file_reads_as_before_under_the_new_names_however_its_keys_are_written(
    old: str, new: str, tmp_path: Path
) -> None:
    found = migration_of(write(tmp_path, old))
    assert found.text == new
    assert str(yaml.safe_load(new)) == str(yaml.safe_load(old)).replace("releases", "overrides")


def test_a_key_that_stands_for_several_is_no_key_to_rename_in_place(tmp_path: Path) -> None:
    """An anchor is one text for two mappings, one of which has a key of a person's own by that name."""
    text = "quality: &q {releases: r.csv}\nstrategies: *q\n"
    path = write(tmp_path, text)
    with pytest.raises(ConfigurationError, match=r"cannot be renamed in place\n.*\n  keys: quality.releases\n"):
        migration_of(path)
    assert path.read_text() == text


def test_a_key_under_both_names_is_an_error_that_leaves_the_file(tmp_path: Path) -> None:
    text = MINIMAL + "quality: {releases: a.csv, overrides: b.csv}\n"
    path = write(tmp_path, text)
    with pytest.raises(ConfigurationError, match=r"both 'releases' and 'overrides'.*\n.*line 8"):
        migration_of(path)
    assert path.read_text() == text


def test_every_rename_that_identities_know_is_in_the_table() -> None:
    known = {pair for names in RENAMED_KEYS.values() for pair in names.items()}
    assert {(each.where[-1], each.today) for each in RENAMES} == known


def test_a_file_that_is_linked_to_is_written_and_the_link_stays(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    real = write(tmp_path / "real", MINIMAL + "quality: {releases: r.csv}\n")
    real.chmod(0o640)
    link = tmp_path / "link.yaml"
    link.symlink_to(real)
    migration_of(link).write()
    assert link.is_symlink()
    assert "overrides: r.csv" in real.read_text()
    assert real.stat().st_mode & 0o777 == 0o640
