"""A configuration of several files is what they say together: identity knows no files, errors know each."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from trading_assets.config import ConfigurationError, load_configuration
from trading_assets.config.overlays import MOST_FILES, read_merged
from trading_assets_tests.config.test_loading import MINIMAL


def write(folder: Path, **texts: str) -> Path:
    """Files by name; the path of the last."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in texts.items():
        (folder / f"{name}.yaml").write_text(text)
    return folder / f"{[*texts][-1]}.yaml"


def fault_of(path: Path) -> str:
    with pytest.raises(ConfigurationError) as caught:
        load_configuration(path, path.parent)
    return str(caught.value)


def test_mappings_are_merged_and_lists_and_values_replaced_over_several_levels(tmp_path: Path) -> None:
    base = MINIMAL + "costs: {equity: {fee_bps: 1, slippage_bps: 2}}\nfeatures: [a.b, c.d]\nseed: 1\n"
    middle = "extends: base.yaml\ncosts: {equity: {fee_bps: 3}}\nfeatures: [e.f]\n"
    top = "extends: middle.yaml\nseed: 2\nstrategies: {second: {type: equity_momentum}}\n"
    merged = read_merged(write(tmp_path, base=base, middle=middle, top=top))
    assert merged.values["costs"] == {"equity": {"fee_bps": 3, "slippage_bps": 2}}
    assert merged.values["features"] == ["e.f"]
    assert merged.values["seed"] == 2
    assert [*merged.values["strategies"]] == ["momentum", "second"]
    assert "extends" not in merged.values
    places = {where: (line.file.name, int(line)) for where, line in merged.lines.items()}
    assert places["costs", "equity", "fee_bps"] == ("middle.yaml", 2)
    assert places["costs", "equity", "slippage_bps"] == ("base.yaml", 8)
    assert places["seed",] == ("top.yaml", 2)
    assert ("features", 1) not in places  # of the list that was replaced
    assert [each.name for each in merged.files] == ["top.yaml", "middle.yaml", "base.yaml"]


def test_an_empty_mapping_takes_the_place_of_one_with_keys(tmp_path: Path) -> None:
    path = write(tmp_path, base="benchmarks: {equity: SPX}\nseed: 1\n", over="extends: base.yaml\nbenchmarks: {}\n")
    merged = read_merged(path)
    assert merged.values == {"benchmarks": {}, "seed": 1}
    assert {*merged.lines} == {("benchmarks",), ("seed",)}


@pytest.mark.parametrize("model", ["strategy", "cost", "registration"])
def test_a_key_that_moves_to_another_file_changes_no_identity_and_another_value_does(
    model: str, tmp_path: Path
) -> None:
    """What is seen by hashes is the merge: a key cannot be hidden in an overlay, nor lost by moving it there."""
    key, text, other = {
        "strategy": ("strategies", "strategies: {momentum: {stop_atr: 2.5}}\n", "2.6"),
        "cost": ("costs", "costs: {equity: {fee_bps: 2.5}}\n", "2.6"),
        "registration": (
            "registration",
            "registration: {momentum: {hypothesis: winners go on for 2.5 months, registered_on: 2020-01-01}}\n",
            "2.6",
        ),
    }[model]
    whole: dict[str, Any] = yaml.safe_load(MINIMAL)
    own = yaml.safe_load(text)[key]
    whole[key] = (
        {**whole.get(key, {}), **own}
        if key != "strategies"
        else {"momentum": {**whole[key]["momentum"], **own["momentum"]}}
    )
    single = load_configuration(write(tmp_path / "one", single=yaml.safe_dump(whole)), tmp_path)
    path = write(tmp_path / "two", base=MINIMAL, over="extends: base.yaml\n" + text)
    moved = load_configuration(path, tmp_path)
    assert moved.model_dump(exclude={"directory"}) == single.model_dump(exclude={"directory"})
    assert (moved.hash, moved.hash_for("momentum")) == (single.hash, single.hash_for("momentum"))
    path.write_text(path.read_text().replace("2.5", other))
    changed = load_configuration(path, tmp_path)
    assert changed.hash_for("momentum") != single.hash_for("momentum")


JSON = st.recursive(
    st.integers(0, 5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("abc"), inner),
    max_leaves=8,
)
MAPPINGS = st.dictionaries(st.sampled_from("abcd"), JSON, min_size=1, max_size=4)


def by_hand(base: Any, over: Any) -> Any:
    """Return the merge, written the other way round: what is no pair of mappings with keys is the overlay's."""
    if not (isinstance(base, dict) and isinstance(over, dict) and over):
        return copy.deepcopy(over)
    keys = [*base, *(key for key in over if key not in base)]
    return {
        key: by_hand(base[key], over[key]) if key in base and key in over else {**base, **over}[key] for key in keys
    }


def leaves(value: Any, where: tuple[str | int, ...] = ()) -> set[tuple[str | int, ...]]:
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return {where} - {()} | {each for key, item in inner for each in leaves(item, (*where, key))}


@settings(max_examples=60, deadline=None)
@given(MAPPINGS, MAPPINGS)
def test_any_two_files_merge_key_by_key_and_each_key_has_the_line_of_its_value(
    tmp_path_factory: pytest.TempPathFactory, base: dict[str, Any], over: dict[str, Any]
) -> None:
    folder = tmp_path_factory.mktemp("merge")
    texts = {"base": yaml.safe_dump(base), "over": yaml.safe_dump({"extends": "base.yaml", **over}, sort_keys=False)}
    merged = read_merged(write(folder, **texts))
    assert merged.values == by_hand(base, over)
    assert {*merged.lines} == leaves(merged.values)
    in_overlay = {where for where, line in merged.lines.items() if line.file.name == "over.yaml"}
    assert in_overlay == leaves(over)


def test_an_error_names_the_file_and_the_line_in_which_the_key_stands(tmp_path: Path) -> None:
    path = write(tmp_path, base=MINIMAL + "costs: {borrow_bps: -1}\n", over="extends: base.yaml\n\nseed: many\n")
    said = fault_of(path)
    assert f"file: {tmp_path / 'base.yaml'}, line 8\n  key: costs.borrow_bps" in said
    assert f"file: {path}, line 3\n  key: seed" in said


def test_a_symbol_without_quotes_is_found_in_the_file_that_has_it(tmp_path: Path) -> None:
    path = write(tmp_path, base=MINIMAL, over="extends: base.yaml\n\nuniverse: {equity: [NO, ON]}\n")
    said = fault_of(path)
    assert said.startswith("NO, ON: to YAML this is a yes or no")
    assert f"file: {path}, line 3" in said


@pytest.mark.parametrize(
    ("named", "expected"),
    [
        ("gone.yaml", ["no file", "gone.yaml", "line 1", "key: extends"]),
        ("over.yaml", ["extend each other", "over.yaml -> ", "line 1"]),
        ("[a.yaml, b.yaml]", ["names no file", "line 1"]),
        ("''", ["names no file", "line 1"]),
        (".", ["it is no regular file"]),
    ],
)
def test_a_file_that_cannot_be_extended_is_named_with_file_and_line(
    named: str, expected: list[str], tmp_path: Path
) -> None:
    said = fault_of(write(tmp_path, over=f"extends: {named}\n"))
    for part in expected:
        assert part in said


def test_a_circle_of_three_and_a_chain_without_end_are_errors(tmp_path: Path) -> None:
    path = write(tmp_path, a="seed: 1\nextends: b.yaml\n", b="extends: c.yaml\n", c="extends: ./a.yaml\n")
    said = fault_of(tmp_path / "a.yaml")
    assert f"file: {path}, line 1" in said
    assert said.splitlines()[0].count(" -> ") == 3
    many = {f"f{n}": f"extends: f{n + 1}.yaml\n" for n in range(MOST_FILES + 1)}
    write(tmp_path, **many)
    assert f"more than {MOST_FILES} files" in fault_of(tmp_path / "f0.yaml")


def test_relative_paths_start_at_the_folder_of_the_base(tmp_path: Path) -> None:
    write(tmp_path, base=MINIMAL)
    path = write(tmp_path / "environments", production="extends: ../base.yaml\nseed: 3\n")
    assert load_configuration(path, tmp_path).directory == tmp_path
