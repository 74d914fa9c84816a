"""A file is data until it is trusted: whatever is in it, it is refused as one block, soon, and with little memory."""

from __future__ import annotations

import os
import time
import tracemalloc
from pathlib import Path

import pytest
import yaml

from trading_assets.config import ConfigurationError
from trading_assets.config.document import MOST_BYTES, read_document
from trading_assets_tests.config.test_loading import MINIMAL, error_of, load

#: What one block may cost; a bomb that is built costs gigabytes and minutes.
SECONDS, MEGABYTES = 5.0, 60

BILLION = "a0: &a0 [x, x]\n" + "".join(f"a{n}: &a{n} [*a{n - 1}, *a{n - 1}]\n" for n in range(1, 40))
MERGES = "a0: &a0 {k0: x}\n" + "".join(f"a{n}: &a{n} {{<<: [*a{n - 1}, *a{n - 1}], k{n}: x}}\n" for n in range(1, 40))


@pytest.mark.parametrize(
    ("added", "expected"),
    [
        pytest.param("as_of: 2010-02-30\n", ["2010-02-30 is no date that there is", "line 8", "as_of"], id="february"),
        pytest.param("as_of: 2010-13-01\n", ["2010-13-01 is no date", "line 8", "as_of"], id="month 13"),
        pytest.param("as_of: 20100131\n", ["got a number", "line 8", "key: as_of"], id="a day without dashes"),
        pytest.param("as_of: 9999-12-31\n", ["1800-01-01 to 2199-12-31", "key: as_of"], id="year 9999"),
        pytest.param(f"seed: {'9' * 5000}\n", ["5,000 digits", "line 8", "seed"], id="int of 5000 digits"),
        pytest.param(f"seed: 0x{'f' * 5000}\n", ["5,002 digits", "line 8", "seed"], id="hexadecimal"),
        pytest.param("costs: {borrow_bps: .inf}\n", ["no finite number", "costs.borrow_bps", "line 8"], id="inf"),
        pytest.param("robustness: {grids: {momentum: {stop_atr: [.nan]}}}\n", ["no finite number"], id="nan of a grid"),
        pytest.param("costs: {borrow_bps: 1.0e+400}\n", ["no finite number", "costs.borrow_bps"], id="1.0e+400"),
        pytest.param("costs: {borrow_bps: 1e400}\n", ["finite number", "costs.borrow_bps", "line 8"], id="1e400"),
        pytest.param("costs: {borrow_bps: 1.0e+200}\n", ["beyond reason", "costs.borrow_bps"], id="1.0e+200"),
        pytest.param("robustness: {resamples: 1000000000000}\n", ["less than or equal to 1000000"], id="resamples"),
        pytest.param("robustness: {resamples: 1e12}\n", ["robustness.resamples", "line 8"], id="1e12 as text"),
        pytest.param(
            "robustness: {grids: {momentum: {" + ", ".join(f"p{n}: [1, 2, 3]" for n in range(19)) + "}}}\n",
            ["1,162,261,467 points", "at most 100,000", "robustness.grids"],  # 3 ** 19
            id="grid",
        ),
        pytest.param(BILLION, ["more than 40,000 values", "what to do"], id="aliases"),
        pytest.param(MERGES, ["more than 40,000 values", "what to do"], id="merges"),
        pytest.param("universe: &u {equity: *u}\n", ["part of", "line 8"], id="itself"),
        pytest.param("universe: &u [*u]\n", ["stands for what it is part of", "line 8"], id="a list in itself"),
        pytest.param(f"x: {'[' * 200_000}\n", ["33 deep", "line 8", "at most 32 levels"], id="deep"),
        pytest.param(f"x: {'{a: ' * 900}1{'}' * 900}\n", ["33 deep", "line 8"], id="deep mappings"),
        pytest.param(f"x: [{'1, ' * 200_000}]\n", ["more than 40,000 values", "line 8"], id="long"),
        pytest.param('sectors: "a\\x1b[31m.csv"\n', ["control character", "x1b", "line 8"], id="escape"),
        pytest.param('sectors: "a\\0"\n', ["control character", "line 8", "key: sectors"], id="nul"),
        pytest.param('"se\\ted": 1\n', ["unknown key", "line 8"], id="tab in a key"),
        pytest.param('sectors: "\\ud800"\n', ["line 8"], id="half a character"),
        pytest.param("? [a, b]\n: 1\n", ["a key is a list", "line 8"], id="list as a key"),
        pytest.param("? {a: b}\n: 1\n", ["a key is a list or a mapping", "line 8"], id="mapping as a key"),
        pytest.param("1: 2\n", ["Keys should be strings", "line 8"], id="number as a key"),
        pytest.param("risk:\n\tvar_limit: 0.1\n", ["not valid YAML", "line 9", "no tabs"], id="tab"),
        pytest.param("risk: {var_limit: 0.1\n", ["not valid YAML", "what to do"], id="open brace"),
        pytest.param("sectors: !!python/object/apply:os.system ['true']\n", ["python/object", "line 8"], id="object"),
        pytest.param("sectors: !!python/name:os.system ''\n", ["python/name", "line 8", "key: sectors"], id="name"),
        pytest.param("sectors: !!binary aGk=\n", ["kind tag:yaml.org,2002:binary", "line 8"], id="bytes"),
        pytest.param("sectors: !!set {a, b}\n", ["yaml.org,2002:set", "line 8"], id="set"),
        pytest.param("sectors: !mine x\n", ["kind !mine", "line 8", "take the tag out"], id="own tag"),
        pytest.param("risk: {var_limit: 0.1, var_limit: 0.2}\n", ["appears twice", "risk.var_limit"], id="twice"),
        pytest.param("--- {}\n", ["not valid YAML"], id="two documents"),
        pytest.param(f"{'k' * 300}: 1\n", ["a key of 300 characters", "line 8"], id="long key"),
        pytest.param(f"sectors: {'v' * 30_000}\n", ["a text of 30,000 characters", "line 8"], id="long text"),
        pytest.param("schedules: {daily: 0 6 * *}\n", ["five fields", "schedules.daily", "line 8"], id="cron"),
        pytest.param("schedules: {weekly_retrain: 0 6 31 2 *}\n", ["no day 31", "weekly_retrain"], id="31 February"),
        pytest.param("schedules: {timezone: Mars/Base}\n", ["unknown time zone", "schedules.timezone"], id="zone"),
        pytest.param("schedules: {timezone: ../../etc/passwd}\n", ["unknown time zone"], id="path as a zone"),
        pytest.param("models: {features: {}}\n", ["'features' is the name of something else"], id="stage"),
        pytest.param("models: {'..': {}}\n", ["models", "line 8"], id="dots"),
    ],
)
def test_bad_data_is_one_block(added: str, expected: list[str], tmp_path: Path) -> None:
    tracemalloc.start()
    start = time.process_time()
    message = error_of(tmp_path, MINIMAL + added)
    seconds, (_, peak) = time.process_time() - start, tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert f"file: {tmp_path / 'mine.yaml'}" in message
    assert len(message) < 2_000
    for part in expected:
        assert part in message
    assert seconds < SECONDS
    assert peak < MEGABYTES * 2**20


@pytest.mark.parametrize("name", ["index", "expectations", "robustness", "a/b", "..", "-x", "a b", "1"])
def test_a_strategy_has_a_name_of_its_own(name: str, tmp_path: Path) -> None:
    message = error_of(tmp_path, MINIMAL.replace("momentum:", f"'{name}':"))
    assert "key: strategies" in message


@pytest.mark.parametrize("name", [".", "..", "a/b", "dagster_home", "protocol", "Protocol", "''"])
def test_a_configuration_has_a_folder_of_its_own(name: str, tmp_path: Path) -> None:
    assert "key: name" in error_of(tmp_path, MINIMAL.replace("mine", name))


def test_many_strategies_are_refused_with_a_few_lines(tmp_path: Path) -> None:
    """Two thousand is more than the limit of a thousand; fifty thousand are more than the values a file may have."""
    for number, expected in ((2_000, "at most 1000 items"), (50_000, "more than 40,000 values")):
        message = error_of(tmp_path, MINIMAL + "".join(f"  s{n}: {{type: x}}\n" for n in range(number)))
        assert expected in message
        assert message.count("\n") < 60


@pytest.mark.parametrize(
    "added",
    [
        pytest.param("".join(f"k{n}: 1\n" for n in range(15_000)), id="unknown keys"),
        pytest.param("universe: {equity: [" + ", ".join(f"{n:06}" for n in range(35_000)) + "]}\n", id="codes"),
        pytest.param("sectors: {" + ", ".join(f"{n}: 1" for n in range(15_000)) + "}\n", id="numbers as keys"),
        pytest.param("benchmarks: {" + ", ".join(f"a{n}: x" for n in range(15_000)) + "}\n", id="asset classes"),
    ],
)
def test_many_faults_cost_no_more_than_few(added: str, tmp_path: Path) -> None:
    """What grows with the square of the faults would take minutes."""
    start = time.process_time()
    message = error_of(tmp_path, MINIMAL + added)
    assert time.process_time() - start < 2 * SECONDS
    assert len(message) < 6_000


def test_a_large_file_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "large.yaml"
    with path.open("wb") as file:
        file.truncate(100_000_000)  # sparse: 100 MB that take no space
    tracemalloc.start()
    with pytest.raises(ConfigurationError, match="the configuration has 100,000,000 bytes") as caught:
        read_document(path)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < MOST_BYTES
    assert "what to do" in str(caught.value)


def test_what_is_no_file_is_not_waited_for(tmp_path: Path) -> None:
    """A named pipe that nobody writes to would block its reader for ever."""
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path / "pipe", tmp_path, Path("/dev/zero"), tmp_path / "a\0b"):
        with pytest.raises(ConfigurationError, match="cannot read the configuration"):
            read_document(path)


def test_a_token_in_a_file_is_refused_and_not_quoted(tmp_path: Path) -> None:
    message = error_of(tmp_path, MINIMAL + "notifier: {kind: webhook, url: 'https://a/b', token: hunter2}\n")
    assert "a token never comes from a file" in message
    assert "line 8" in message
    assert "token_variable" in message
    assert "hunter2" not in message


@pytest.mark.parametrize(
    "notifier",
    [
        "{kind: webhook, url: hooks/hunter2}",
        "{kind: webhook, url: [hunter2]}",
        "{kind: hunter2}",
        "{kind: webhook, url: 'https://x/hunter2', token_variable: 'hunter2 !'}",
        "{kind: webhook, url: 'https://x/hunter2'",
    ],
)
def test_what_is_wrong_with_a_notifier_is_said_without_its_address(notifier: str, tmp_path: Path) -> None:
    assert "hunter2" not in error_of(tmp_path, MINIMAL + f"notifier: {notifier}\n")


def test_aliases_and_merges_of_a_normal_size_stay(tmp_path: Path) -> None:
    """What YAML offers to write something once is no fault: the values are those of its reference reader."""
    text = MINIMAL + "  fast: &fast {type: equity_momentum, stop_atr: 2.0}\n  faster: {<<: *fast, stop_atr: 1.0}\n"
    path = tmp_path / "c.yaml"
    path.write_text(text)
    values, lines = read_document(path)
    assert values == yaml.load(text, Loader=yaml.SafeLoader)
    assert lines["strategies", "faster", "stop_atr"] == 9
    found = load(tmp_path, text).strategies
    assert [found[name].parameters.stop_atr for name in ("fast", "faster")] == [2.0, 1.0]  # type: ignore[union-attr]
