"""What is checked about models after they are written."""

# No `from __future__ import annotations`: dagster wants the context's annotation as a type, not as text.

import math

import dagster as dg

from trading_assets.config import Configuration
from trading_assets.market_data.tables import BARS
from trading_assets.models.champions import score_asset
from trading_assets.models.evaluation import compare, early_promotions, leaks
from trading_assets.models.evaluation_tables import EXPLANATION_DRIFT, SHUFFLED_LABELS
from trading_assets.models.explanation_drift import MOST_MOVED, newest_change
from trading_assets.models.fold_evaluation import finding_of_rows
from trading_assets.models.registry import UnreadableRegistryError, database_of, require_readable
from trading_assets.models.shuffled_labels import LEVEL
from trading_assets.models.splits import warm_up
from trading_assets.models.tables import CHAMPIONS, FOLDS, METRICS, PREDICTIONS, REGIMES, SPLITS
from trading_assets.warehouse import Rows, Warehouse

ADVICE = (
    "labels of the test part reach the model. Look for rows that train and are tested, and for a family that keeps "
    "what it was shown of other folds."
)


def build_checks(configuration: Configuration) -> list[dg.AssetChecksDefinition]:
    """Of the splits, the regimes, and each model and champion: warm-up, no leakage, better than the baselines.

    Of each model also that it finds nothing where labels are shuffled, and goes by the features that it went by.
    """
    return [
        _warm_up(configuration),
        _regimes_no_leakage(),
        *(check(configuration, name) for name in configuration.score_names for check in (_no_leakage, _beats_baseline)),
        *(
            check(configuration, name)
            for name in configuration.models
            for check in (_shuffled_labels, _explanations, _registry)
        ),
        *(_promotions_are_causal(configuration, name) for name in configuration.champions),
    ]


def _warm_up(configuration: Configuration) -> dg.AssetChecksDefinition:
    wanted = configuration.splits.warm_up_sessions

    @dg.asset_check(
        asset=["models", "splits"],
        name="warm_up",
        description=f"At least {wanted} sessions of data precede the train split.",
        required_resource_keys={"warehouse"},
    )
    def check(context: dg.AssetCheckExecutionContext) -> dg.AssetCheckResult:
        warehouse: Warehouse = context.resources.warehouse
        bars = warehouse.read(BARS, columns=["session"], where="asset_class <> 'index'")
        found = warm_up(warehouse.read(SPLITS), bars["session"].unique().to_list())
        return dg.AssetCheckResult(
            passed=found >= wanted, severity=dg.AssetCheckSeverity.WARN, metadata={"sessions before train": found}
        )

    return check


def _regimes_no_leakage() -> dg.AssetChecksDefinition:
    @dg.asset_check(
        asset=["models", "regimes"],
        name="no_leakage",
        blocking=True,
        description="Every probability is of a session after those that its regimes were fitted on.",
        required_resource_keys={"warehouse"},
    )
    def check(context: dg.AssetCheckExecutionContext) -> dg.AssetCheckResult:
        warehouse: Warehouse = context.resources.warehouse
        rows = warehouse.read(REGIMES)
        seen = rows.filter(rows["session"] <= rows["trained_until"])
        return dg.AssetCheckResult(passed=seen.is_empty(), metadata={"rows": rows.height, "rows seen": seen.height})

    return check


def _promotions_are_causal(configuration: Configuration, champion: str) -> dg.AssetChecksDefinition:
    @dg.asset_check(
        asset=_key(configuration, champion),
        name="promotions_are_causal",
        blocking=True,
        description="What decided who is champion was over before the scores that it decided about: every label by its "
        "end, and no more sessions than lie a label's horizon before.",
        required_resource_keys={"warehouse"},
    )
    def check(context: dg.AssetCheckExecutionContext) -> dg.AssetCheckResult:
        warehouse: Warehouse = context.resources.warehouse
        rows = warehouse.read(CHAMPIONS, rows=Rows("model", champion))
        candidates = configuration.candidates_of(champion)
        scored = {
            each: warehouse.read(PREDICTIONS, rows=Rows("model", each))["session"].unique() for each in candidates
        }
        settings = configuration.models[candidates[0]]  # all have its universe and its horizon
        bars = warehouse.read(BARS, columns=["session"], where="asset_class = ?", parameters=[settings.universe])
        days = bars["session"].unique().sort()
        early = early_promotions(rows, scored, days, settings.horizon)
        return dg.AssetCheckResult(passed=early.is_empty(), metadata={"rows": rows.height, "early": early.height})

    return check


def _shuffled_labels(configuration: Configuration, model: str) -> dg.AssetChecksDefinition:
    @dg.asset_check(
        asset=["models", model],
        name="shuffled_labels",
        blocking=True,
        description="Once labels have changed places within sessions, the model tells nothing of those that it has not "
        f"learnt: of models that were shown none of them one in {round(1 / LEVEL):,} fails.",
        required_resource_keys={"warehouse"},
    )
    def check(context: dg.AssetCheckExecutionContext) -> dg.AssetCheckResult:
        warehouse: Warehouse = context.resources.warehouse
        rows = warehouse.read_or_empty(SHUFFLED_LABELS, rows=Rows("model", model))
        found = finding_of_rows(rows)
        told = {"AUC": found.auc, "standard deviations from one half": found.z, "p": found.p}
        said = {name: value for name, value in told.items() if not math.isnan(value)}
        advice = {"what to do": ADVICE} if found.is_leak else {}
        return dg.AssetCheckResult(
            passed=not found.is_leak and not rows.is_empty(),
            # A model that could not be tried is not stopped: the verdict says so.
            severity=dg.AssetCheckSeverity.WARN if rows.is_empty() else dg.AssetCheckSeverity.ERROR,
            metadata={"folds": rows.height, **said, **advice},
        )

    return check


def _explanations(configuration: Configuration, model: str) -> dg.AssetChecksDefinition:
    @dg.asset_check(
        asset=["models", model],
        name="explanations_stable",
        description="At the last refit before the holdout no more than "
        f"{MOST_MOVED:.0%} of what moved scores has gone to other features.",
        required_resource_keys={"warehouse"},
    )
    def check(context: dg.AssetCheckExecutionContext) -> dg.AssetCheckResult:
        warehouse: Warehouse = context.resources.warehouse
        rows = warehouse.read_or_empty(EXPLANATION_DRIFT, rows=Rows("model", model))
        moved = newest_change(rows)
        told = {} if moved is None else {"moved": moved}
        return dg.AssetCheckResult(
            passed=moved is None or moved <= MOST_MOVED,
            severity=dg.AssetCheckSeverity.WARN,
            metadata={"refits": rows.height, **told},
        )

    return check


def _registry(configuration: Configuration, model: str) -> dg.AssetChecksDefinition:
    @dg.asset_check(
        asset=["models", model],
        name="registry",
        description="The registry's database can be read. Scores do not wait for it.",
    )
    def check() -> dg.AssetCheckResult:
        try:
            require_readable(database_of(configuration.home))
        except UnreadableRegistryError as error:
            return dg.AssetCheckResult(passed=False, metadata={"error": str(error)})
        return dg.AssetCheckResult(passed=True)

    return check


def _key(configuration: Configuration, model: str) -> list[str]:
    return score_asset(configuration, model).split("/")


def _no_leakage(configuration: Configuration, model: str) -> dg.AssetChecksDefinition:
    @dg.asset_check(
        asset=_key(configuration, model),
        name="no_leakage",
        blocking=True,
        description="No training label ends in a test fold or its embargo, and every score is out of sample.",
        required_resource_keys={"warehouse"},
    )
    def check(context: dg.AssetCheckExecutionContext) -> dg.AssetCheckResult:
        warehouse: Warehouse = context.resources.warehouse
        rows = Rows("model", model)
        found = leaks(warehouse.read(FOLDS, rows=rows), warehouse.read(PREDICTIONS, rows=rows))
        problems = found["problem"].unique().sort().to_list()
        return dg.AssetCheckResult(passed=found.is_empty(), metadata={"rows": found.height, "problems": problems})

    return check


def _beats_baseline(configuration: Configuration, model: str) -> dg.AssetChecksDefinition:
    @dg.asset_check(
        asset=_key(configuration, model),
        name="beats_baseline",
        description="Mean out-of-sample log loss before the holdout is below the logistic and the naive baseline's.",
        required_resource_keys={"warehouse"},
    )
    def check(context: dg.AssetCheckExecutionContext) -> dg.AssetCheckResult:
        warehouse: Warehouse = context.resources.warehouse
        comparison = compare(warehouse.read(METRICS, rows=Rows("model", model)))
        losses = {"model": comparison.model, **comparison.baselines}
        return dg.AssetCheckResult(
            passed=comparison.beats_baselines,
            severity=dg.AssetCheckSeverity.WARN,
            metadata={"folds": comparison.folds, **{name: loss for name, loss in losses.items() if loss is not None}},
        )

    return check


#: Checks of a model that a champion has no part in.
OF_MODELS = (_shuffled_labels, _explanations, _registry)
