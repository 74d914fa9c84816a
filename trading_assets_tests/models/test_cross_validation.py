"""The asset of cross-validation: rows of each model that is named, nothing of the holdout, and no other change."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

import dagster as dg
import polars as pl
import pytest
from pydantic import ValidationError

from trading_assets.config import Configuration
from trading_assets.config.cross_validation import CrossValidation
from trading_assets.market_data.tables import BARS
from trading_assets.models.assets import build_assets
from trading_assets.models.tables import CROSS_VALIDATION, PREDICTIONS
from trading_assets.protocol import Protocol
from trading_assets.warehouse import Whole
from trading_assets_tests.models.panels import SETTINGS
from trading_assets_tests.models.test_assets import Project, project
from trading_assets_tests.narrow import as_number

SECTION: dict[str, Any] = {"groups": 4, "tested": 2}


def cross_validated(data: Path, **sections: object) -> Project:
    made = project(data, plain=SETTINGS.model_dump(), other={"type": "logistic", "min_rows": 100})
    values = made.configuration.model_dump() | {"cross_validation": sections, "data": data}
    return Project(Configuration.model_validate(values), made.warehouse)


def materialise(made: Project) -> pl.DataFrame:
    chosen = dg.AssetSelection.assets(["models", "splits"], ["models", "cross_validation"])
    resources = {"configuration": made.configuration, "warehouse": made.warehouse}
    assert dg.materialize(build_assets(made.configuration), selection=chosen, resources=resources).success
    return made.warehouse.read(CROSS_VALIDATION)


@pytest.mark.slow
def test_paths_of_each_named_model_are_written_and_the_holdout_is_in_none(tmp_path: Path) -> None:
    made = cross_validated(tmp_path, plain=SECTION, other={"groups": 3, "tested": 1})
    rows = materialise(made)
    CROSS_VALIDATION.validate(rows)
    paths = dict(rows.group_by("model").agg(pl.col("path").n_unique()).iter_rows())
    assert paths == {"plain": 3, "other": 1}
    assert dict(rows.select("model", "trainings").unique().iter_rows()) == {"plain": 6, "other": 3}
    assert as_number(rows.filter(model="plain", metric="auc")["value"].min()) > 0.6
    assert made.warehouse.read_or_empty(PREDICTIONS).is_empty()
    seen = [each for each in Protocol.of(made.configuration).read() if each.kind == "exposure"]
    assert {each.subject for each in seen} == {"plain", "other"}
    # Whatever the bars of the holdout are, the rows are the same.
    bars = made.warehouse.read(BARS)
    changed = bars.with_columns(
        pl.when(pl.col("session") >= dt.date(2010, 12, 1)).then(pl.col("adj_open") * 3).otherwise("adj_open")
    )
    made.warehouse.replace(Whole(), {BARS: changed})
    assert materialise(made).equals(rows)


def test_without_the_section_there_is_no_asset_and_with_it_no_hash_is_another(tmp_path: Path) -> None:
    without, with_it = cross_validated(tmp_path), cross_validated(tmp_path, plain=SECTION)
    keys = [{key for each in build_assets(made.configuration) for key in each.keys} for made in (without, with_it)]
    assert keys[1] - keys[0] == {dg.AssetKey(["models", "cross_validation"])}
    assert with_it.configuration.hash == without.configuration.hash
    strategy = "equity_momentum"
    assert with_it.configuration.hash_for(strategy) == without.configuration.hash_for(strategy)


def test_other_groups_are_computed_although_no_hash_of_the_configuration_knows_them(tmp_path: Path) -> None:
    made = cross_validated(tmp_path, plain={"groups": 3, "tested": 1})
    assert materialise(made)["path"].n_unique() == 1
    more = cross_validated(tmp_path, plain={"groups": 4, "tested": 2})
    assert materialise(Project(more.configuration, made.warehouse))["path"].n_unique() == 3


@pytest.mark.parametrize(("groups", "tested", "words"), [(3, 3, "none is left to train"), (20, 5, "15504 trainings")])
def test_choices_that_cannot_be_made_are_refused(groups: int, tested: int, words: str) -> None:
    with pytest.raises(ValidationError, match=words):
        CrossValidation(groups=groups, tested=tested)
