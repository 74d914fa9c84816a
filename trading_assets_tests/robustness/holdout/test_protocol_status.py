"""Where each strategy stands, as the command prints it."""

from __future__ import annotations

import datetime as dt
import json

import pytest
from typer.testing import CliRunner

from trading_assets.cli import app
from trading_assets.robustness.holdout.ledger import LedgerTamperedError
from trading_assets.robustness.holdout.protocol_status import protocol_status
from trading_assets.robustness.tables import HOLDOUT_LEDGER, HOLDOUT_RESULTS
from trading_assets.warehouse import Rows
from trading_assets_tests.robustness.pipeline import Experiment


def status(experiment: Experiment) -> dict[str, dict[str, object]]:
    found = protocol_status(experiment.warehouse, experiment.configuration)
    return {row["strategy"]: row for row in found.iter_rows(named=True)}


def test_a_registered_strategy_and_one_that_is_not(finished: Experiment) -> None:
    known, unknown = (status(finished)[name] for name in ("known", "unknown"))
    assert (known["registered_on"], known["looks"], known["overrides"]) == (dt.date(2016, 12, 15), 1, None)
    assert known["state"] == "looked at under this configuration"
    assert known["holdout"] == "2016-12-16 to 2017-06-30"
    assert known["registration"] == finished.warehouse.read(HOLDOUT_LEDGER)["registration_hash"][0][:12]
    assert (unknown["registered_on"], unknown["registration"], unknown["looks"]) == (None, None, 0)
    assert (unknown["state"], unknown["verdict"]) == ("locked: not registered", "insufficient_evidence")


def test_what_has_changed_since(experiment: Experiment) -> None:
    experiment.write(seed=6)
    assert status(experiment)["known"]["state"] == "looked at; the configuration has changed since"
    experiment.warehouse.replace(Rows("strategy", "known"), {HOLDOUT_RESULTS: HOLDOUT_RESULTS.empty()})
    assert status(experiment)["known"]["state"] == "looked at; its holdout has to be evaluated again"
    experiment.write(registration={})
    assert status(experiment)["known"]["state"] == "locked again: looked at, and no longer registered"


def test_before_anything_has_run(tmp_path_factory: pytest.TempPathFactory) -> None:
    fresh = Experiment(tmp_path_factory.mktemp("fresh"))
    fresh.write()
    assert {row["state"] for row in status(fresh).values()} == {
        "registered, not looked at yet",
        "locked: not registered",
    }


def test_a_tampered_ledger_is_named_and_the_command_fails(experiment: Experiment) -> None:
    (experiment.configuration.home / "ledger.head").unlink()
    with pytest.raises(LedgerTamperedError):
        protocol_status(experiment.warehouse, experiment.configuration)


def test_the_command(finished: Experiment) -> None:
    where = ["--config", str(finished.folder / "config.yaml"), "--data", str(finished.folder / "data")]
    printed = CliRunner().invoke(app, ["protocol", "status", *where])
    assert printed.exit_code == 0 and "The ledger of looks is as it was written." in printed.output
    rows = json.loads(CliRunner().invoke(app, ["protocol", "status", *where, "--format", "json"]).output)
    assert [row["strategy"] for row in rows] == ["known", "unknown"]
