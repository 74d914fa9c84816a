"""How long runs may take, how often one that crashed is tried again, and how long they are kept on record."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from trading_assets.config.sections import Section

#: Dagster's own tags.
MAX_RUNTIME, MAX_RETRIES = "dagster/max_runtime", "dagster/max_retries"
#: Tag of the runs of a configuration: several may share a home of Dagster.
CONFIGURATION_TAG = "trading_assets/configuration"
#: Of a run whose process is somebody's at a terminal: the daemon neither ends it nor tries it again.
AT_A_TERMINAL = {MAX_RUNTIME: "0", MAX_RETRIES: "0"}
_Hours = Annotated[float, Field(gt=0, le=720)]


class LongestHours(Section):
    """Hours after which Dagster's daemon ends a run of a job, as failed."""

    everything: _Hours = Field(default=24.0, description="all assets, started by hand")
    daily_update: _Hours = Field(default=12.0, description="all assets for the newest month")
    retrain: _Hours = Field(default=24.0, description="models, and what follows from them")
    lifecycle: _Hours = Field(default=4.0, description="old months moved, old files removed, files written anew")
    trading_after_close: _Hours = Field(default=6.0, description="what running accounts follow from")
    trading_before_open: _Hours = Field(default=1.0, description="sheets of running accounts")
    trading_after_open: _Hours = Field(default=1.0, description="fills of running accounts")


class Runs(Section):
    """The section `runs`: it decides when runs end and are forgotten, and no result, so it has no part in any hash."""

    longest_hours: LongestHours = Field(default=LongestHours(), description="hours that a run of a job may take")
    vendor_minutes: float = Field(
        default=120.0,
        gt=0,
        le=10_080,
        description="minutes that all vendors and databases of a run have together; what is not had then is down",
    )
    retries: int = Field(
        default=1, ge=0, le=10, description="further runs in place of one that crashed; a step that failed is not tried"
    )
    keep_days: int = Field(
        default=90,
        ge=7,
        le=36_500,
        description="days that Dagster keeps a run, and longer while an asset, a month or a check was last made by it",
    )
    keep_results_days: int = Field(
        default=365,
        ge=1,
        le=36_500,
        description="days that what a run left is kept, to be opened again and compared; the newest two runs stay",
    )
    keep_results_runs: int = Field(
        default=500, ge=2, le=100_000, description="runs of which it is kept at most; the oldest go first"
    )

    def tags(self, job: str) -> dict[str, str]:
        """Return Dagster's tags of a job: how long a run may take, and how often one that crashed is tried again."""
        hours = getattr(self.longest_hours, job)
        return {MAX_RUNTIME: f"{hours * 3600:.0f}", MAX_RETRIES: str(self.retries)}
