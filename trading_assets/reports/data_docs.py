"""Expectations as Great Expectations' Data Docs: a site of HTML pages."""

from __future__ import annotations

import contextlib
import hashlib
import logging
import os
import shutil
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any

import polars as pl

_SITE = "data_docs"
#: Of what the site is, in its folder.
_CONTENT = "content.sha256"


def build_data_docs(results: pl.DataFrame, folder: Path) -> Path:
    """Write the site of what `expectations.evaluate` found, in place of an earlier one that is of something else.

    Parameters
    ----------
    results
        Rows of `evaluate`: a suite a table, an expectation a row, which holds if no row fails.
    folder
        Where; all that it held before is gone.

    Returns
    -------
    Path
        The site's first page.
    """
    content = hashlib.sha256(f"{version('great-expectations')}\n{results.write_ndjson()}".encode()).hexdigest()
    first, written = folder / "index.html", folder / _CONTENT
    if first.exists() and written.exists() and written.read_text(encoding="ascii") == content:
        return first  # the library takes longer to load than all queries do
    partial = folder.with_name(f".{folder.name}.{os.getpid()}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    try:
        with _quiet():
            _write(results, partial)
        (partial / _CONTENT).write_text(content, encoding="ascii")
        shutil.rmtree(folder, ignore_errors=True)
        partial.replace(folder)
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    return first


def _write(results: pl.DataFrame, folder: Path) -> None:
    import great_expectations as gx  # takes seconds
    from great_expectations.core.run_identifier import RunIdentifier
    from great_expectations.expectations.core.expect_column_values_to_be_between import (
        ExpectColumnValuesToBeBetween,
    )

    context = gx.get_context(mode="ephemeral")
    context.variables.progress_bars = {"globally": False}  # type: ignore[assignment]
    for name in list(context.list_data_docs_sites()):
        context.delete_data_docs_site(name)
    site: Any = {
        "class_name": "SiteBuilder",
        "store_backend": {"class_name": "TupleFilesystemStoreBackend", "base_directory": str(folder)},
        "site_index_builder": {"class_name": "DefaultSiteIndexBuilder"},
    }
    context.add_data_docs_site(_SITE, site)
    source = context.data_sources.add_pandas("warehouse")
    definitions = []
    for (table,), rows in results.sort("place").group_by("table", maintain_order=True):
        counts = {row["expectation"]: [row["failing"]] for row in rows.iter_rows(named=True)}
        frame = pl.DataFrame(counts).to_pandas()
        batch = source.add_dataframe_asset(str(table)).add_batch_definition_whole_dataframe("now")
        suite = context.suites.add(gx.ExpectationSuite(name=str(table)))
        for row in rows.iter_rows(named=True):
            suite.add_expectation(
                ExpectColumnValuesToBeBetween(
                    column=row["expectation"],
                    min_value=0,
                    max_value=0,
                    notes=[row["text"], f"First rows that fail: {row['examples']}"],
                )
            )
        definition = context.validation_definitions.add(
            gx.ValidationDefinition(name=str(table), data=batch, suite=suite)
        )
        definitions.append((definition, frame))
    for definition, frame in definitions:
        definition.run(batch_parameters={"dataframe": frame}, run_id=RunIdentifier(run_name="latest"))
    context.build_data_docs()


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """No analytics, no progress bars, no notes of the library."""
    os.environ["GX_ANALYTICS_ENABLED"] = "false"
    logger = logging.getLogger("great_expectations")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        logger.setLevel(level)
