"""Two configurations are compared as a run sees them, key by key, with the places of both values."""

from __future__ import annotations

from pathlib import Path

from trading_assets.config import shipped
from trading_assets.config.differences import ABSENT, HIDDEN, Difference, Side, between, differences, texts_of
from trading_assets.config.loading import load_configuration
from trading_assets_tests.config.test_loading import MINIMAL
from trading_assets_tests.config.test_overlays import write


def found(left: Path, right: Path) -> dict[str, tuple[str, str, str, str]]:
    return {each.key: (*each.left, *each.right) for each in differences(left, right)}


def test_a_file_is_like_itself_however_it_is_written(tmp_path: Path) -> None:
    """A default that is written out, another order, and another file of the same chain are no difference."""
    write(tmp_path, base=MINIMAL, same="extends: base.yaml\nseed: 0\ncosts: {}\n")
    assert differences(tmp_path / "base.yaml", tmp_path / "same.yaml") == []


def test_each_key_has_both_values_and_where_they_stand(tmp_path: Path) -> None:
    dated = (
        "splits: {train: [2001-01-01, %s], validation: [2009-01-01, 2009-12-31], holdout: [2010-01-01, 2010-12-31]}\n"
    )
    write(
        tmp_path,
        base=MINIMAL + "costs: {equity: {fee_bps: 9.5}}\n" + dated % "2008-06-30",
        over="extends: base.yaml\ncosts: {equity: {fee_bps: 8}}\nstrategies: {momentum: {stop_atr: 9.25}}\n"
        + dated % "2008-07-31",
    )
    base, over = (str(tmp_path / f"{name}.yaml") for name in ("base", "over"))
    said = found(tmp_path / "base.yaml", tmp_path / "over.yaml")
    assert said.pop("costs.equity.fee_bps") == ("9.5", f"{base}, line 8", "8.0", f"{over}, line 2")
    default, place, *other = said.pop("strategies.momentum.stop_atr")
    assert float(default) > 0
    assert place == "default"
    assert other == ["9.25", f"{over}, line 3"]
    assert said.pop("splits.train.end") == ("2008-06-30", f"{base}, line 9", "2008-07-31", f"{over}, line 4")
    assert not said


def test_what_only_one_has_is_said_and_secrets_are_compared_unseen(tmp_path: Path) -> None:
    write(
        tmp_path,
        left=MINIMAL + "notifier: {kind: webhook, url: https://host/one}\n",
        right=MINIMAL + "  second: {type: my.own, depth: 3}\nnotifier: {kind: webhook, url: https://host/two}\n",
    )
    said = found(tmp_path / "left.yaml", tmp_path / "right.yaml")
    assert said["strategies.second.depth"][0] == ABSENT
    assert said["strategies.second.depth"][2:] == ("3", f"{tmp_path / 'right.yaml'}, line 8")
    assert said["notifier.url"][0] == said["notifier.url"][2] == HIDDEN


def test_one_text_in_two_folders_reads_other_files(tmp_path: Path) -> None:
    """A relative path is no difference as text; an overlay in another folder starts where its base does."""
    for name in ("one", "two"):
        write(tmp_path / name, base=MINIMAL)
    over = write(tmp_path / "two", over="extends: ../one/base.yaml\n")
    one = tmp_path / "one/base.yaml"
    assert differences(one, over) == []
    place = "where relative paths and own modules start"
    assert found(one, tmp_path / "two/base.yaml") == {
        "directory": (str(tmp_path / "one"), place, str(tmp_path / "two"), place)
    }


def test_texts_of_two_configurations_are_compared_without_their_files(tmp_path: Path) -> None:
    """The default of `stop_atr` is said, too, and a key that only one has is not there in the other."""
    text = shipped("demo.yaml").read_text()
    sides = []
    for number, changed in enumerate((text, text.replace("seed: 7", "seed: 8"))):
        (tmp_path / f"{number}.yaml").write_text(changed)
        sides.append(texts_of(load_configuration(tmp_path / f"{number}.yaml", tmp_path)))
    assert sides[0]["strategies.equity_momentum.stop_atr"] == "2.5"
    assert between(sides[0], sides[1], ("A", "B")) == [Difference("seed", Side("7", "A"), Side("8", "B"))]
    assert between({"a": "1"}, {}, ("A", "B")) == [Difference("a", Side("1", "A"), Side(ABSENT, "B"))]
