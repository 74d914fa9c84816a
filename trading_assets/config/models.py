"""Sections of `models`: the walk forward, what is learnt, and the settings of each family of models."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal, TypeAlias

from pydantic import Discriminator, Field, Tag, model_validator

from trading_assets.config.online import Online
from trading_assets.config.scalars import MOST_SESSIONS
from trading_assets.config.sections import AssetClass, Fraction, NonEmpty, NonNegative, Positive, Section
from trading_assets.config.tuning import Tuning

#: What is learnt: the sign, the size or the rank of the forward return, or the barrier that is touched first.
LabelKind: TypeAlias = Literal["sign", "size", "rank", "triple_barrier"]

_BINS = "histogram bins of a feature"
_TREES = "trees of the boosting"
_DEPTH = "levels of a tree"
_RATE = "part of a tree's answer that is added"


class Xgboost(Section):
    """Gradient-boosted trees of XGBoost."""

    type: Literal["xgboost"] = Field(default="xgboost", description="the family of the model")
    trees: int = Field(default=100, ge=1, le=10_000, description=_TREES)
    depth: int = Field(default=3, ge=1, le=32, description=_DEPTH)
    learning_rate: Positive = Field(default=0.05, description=_RATE)
    bins: int = Field(default=64, ge=2, le=256, description=_BINS)
    min_child_weight: NonNegative = Field(
        default=10.0, description="least sum of weights x p(1 - p) in a leaf; 10 is about 40 independent labels"
    )


class Lightgbm(Section):
    """Gradient-boosted trees of LightGBM, grown leaf by leaf; extra `lightgbm`."""

    type: Literal["lightgbm"] = Field(description="the family of the model")
    trees: int = Field(default=100, ge=1, le=10_000, description=_TREES)
    leaves: int = Field(default=8, ge=2, le=1_024, description="most leaves of a tree")
    learning_rate: Positive = Field(default=0.05, description=_RATE)
    bins: int = Field(default=64, ge=2, le=256, description=_BINS)
    min_child_weight: NonNegative = Field(default=10.0, description="least sum of second derivatives in a leaf")


class Catboost(Section):
    """Gradient-boosted symmetric trees of CatBoost; extra `catboost`."""

    type: Literal["catboost"] = Field(description="the family of the model")
    trees: int = Field(default=100, ge=1, le=10_000, description=_TREES)
    depth: int = Field(default=4, ge=1, le=12, description=_DEPTH)
    learning_rate: Positive = Field(default=0.05, description=_RATE)
    bins: int = Field(default=64, ge=2, le=254, description=_BINS)
    leaf_penalty: NonNegative = Field(default=10.0, description="ridge penalty of the answers of leaves")


class Logistic(Section):
    """Logistic regression with a ridge penalty, on standardised features."""

    type: Literal["logistic"] = Field(description="the family of the model")
    penalty: Positive = Field(default=100.0, description="ridge penalty of the coefficients, of the sum of the losses")


class Ridge(Section):
    """Linear regression with a ridge penalty, on standardised features."""

    type: Literal["ridge"] = Field(description="the family of the model")
    penalty: Positive = Field(default=100.0, description="ridge penalty of the coefficients, of the sum of the losses")


class ElasticNet(Section):
    """Linear regression with a penalty that takes features out, on standardised features."""

    type: Literal["elastic_net"] = Field(description="the family of the model")
    penalty: Positive = Field(default=0.01, description="penalty of the coefficients, of the mean of the losses")
    l1_share: Fraction = Field(default=0.5, description="part of the penalty that is of absolute values")


class RandomForest(Section):
    """A random forest of scikit-learn."""

    type: Literal["random_forest"] = Field(description="the family of the model")
    trees: int = Field(default=100, ge=1, le=10_000, description="trees, each of rows and features that are drawn")
    depth: int = Field(default=6, ge=1, le=32, description=_DEPTH)
    min_leaf: int = Field(default=50, ge=1, description="least rows of a leaf")
    rows: int = Field(
        default=20_000, ge=20, description="most rows that a tree draws: labels overlap, and more say the same again"
    )
    feature_share: Fraction = Field(default=0.3, gt=0, description="part of the features that a split is chosen from")


class Mlp(Section):
    """A small neural network of scikit-learn, on standardised features."""

    type: Literal["mlp"] = Field(description="the family of the model")
    hidden: list[Annotated[int, Field(ge=1, le=1_024)]] = Field(
        default=[16], min_length=1, max_length=5, description="units of each hidden layer"
    )
    epochs: int = Field(default=20, ge=1, le=10_000, description="passes over the training rows")
    penalty: NonNegative = Field(default=1.0, description="ridge penalty of the weights of the network")
    learning_rate: Positive = Field(default=0.001, description="step of the optimiser")
    batch: int = Field(default=256, ge=1, description="rows of a step")


class Ranking(Section):
    """LambdaMART (XGBoost) on the cross-section of each session: it learns an order, not a size."""

    type: Literal["ranking"] = Field(description="the family of the model")
    trees: int = Field(default=100, ge=1, le=10_000, description=_TREES)
    depth: int = Field(default=3, ge=1, le=32, description=_DEPTH)
    learning_rate: Positive = Field(default=0.05, description=_RATE)
    bins: int = Field(default=64, ge=2, le=256, description=_BINS)
    grades: int = Field(default=5, ge=2, le=16, description="grades that a session's labels are cut into")


class Quantile(Section):
    """Gradient-boosted trees (XGBoost) of a quantile of the forward return."""

    type: Literal["quantile"] = Field(description="the family of the model")
    quantile: Fraction = Field(default=0.5, gt=0, lt=1, description="quantile that is predicted")
    trees: int = Field(default=100, ge=1, le=10_000, description=_TREES)
    depth: int = Field(default=3, ge=1, le=32, description=_DEPTH)
    learning_rate: Positive = Field(default=0.05, description=_RATE)
    bins: int = Field(default=64, ge=2, le=256, description=_BINS)


def _type_of(value: object) -> object:
    """The value of `type`; of what has none the family that there was first."""
    return value.get("type", "xgboost") if isinstance(value, Mapping) else getattr(value, "type", "xgboost")


#: A model within a model: a member of a stack, or the model of each regime.
Member: TypeAlias = Annotated[
    Annotated[Xgboost, Tag("xgboost")]
    | Annotated[Lightgbm, Tag("lightgbm")]
    | Annotated[Catboost, Tag("catboost")]
    | Annotated[Logistic, Tag("logistic")]
    | Annotated[Ridge, Tag("ridge")]
    | Annotated[ElasticNet, Tag("elastic_net")]
    | Annotated[RandomForest, Tag("random_forest")]
    | Annotated[Mlp, Tag("mlp")]
    | Annotated[Ranking, Tag("ranking")]
    | Annotated[Quantile, Tag("quantile")],
    Discriminator(_type_of),
]


class Stacking(Section):
    """Several models, weighed by a logistic regression on scores that none of them was trained on."""

    type: Literal["stacking"] = Field(description="the family of the model")
    members: list[Member] = Field(min_length=2, max_length=20, description="the models, each as `{type: ridge, ...}`")
    inner_folds: int = Field(
        default=3, ge=2, le=20, description="purged folds of the training rows whose scores the weights are of"
    )
    penalty: Positive = Field(default=10.0, description="ridge penalty of the weights")


class PerRegime(Section):
    """A model for each range of one feature: what a market does when it is calm, and when it is not."""

    type: Literal["per_regime"] = Field(description="the family of the model")
    feature: NonEmpty = Field(description="column of `features.daily` whose quantiles part the training rows")
    regimes: int = Field(default=2, ge=2, le=6, description="ranges, of as many training rows each")
    member: Member = Field(default=Xgboost(), description="the model of each, as `{type: ridge, ...}`")


class Barriers(Section):
    """Barriers of the label `triple_barrier`, which `horizon` ends."""

    upper: Positive = Field(default=2.0, description="units above the entry at which the label is 1")
    lower: Positive = Field(default=2.0, description="units below the entry at which the label is 0")
    unit: Literal["atr", "volatility"] = Field(
        default="atr",
        description="atr_14 of the decision's close, or the deviation of 20 daily returns, x sqrt(horizon)",
    )


class WalkForward(Section):
    """What every model has, whatever its family: what it learns, and how it is trained and tested."""

    universe: AssetClass = Field(default="equity", description="asset class whose symbols it is trained on and scores")
    label: LabelKind = Field(
        default="sign",
        description="what is learnt: sign or size of the forward return over the benchmark, its rank among the "
        "session's symbols, or which of three barriers is touched first",
    )
    barriers: Barriers = Field(default=Barriers(), description="of the label triple_barrier")
    horizon: int = Field(default=5, ge=1, le=MOST_SESSIONS, description="sessions from entry to exit open of the label")
    train_sessions: int = Field(default=504, ge=60, le=MOST_SESSIONS, description="sessions before the first test fold")
    test_sessions: int = Field(default=126, ge=5, le=MOST_SESSIONS, description="sessions of a test fold")
    embargo_sessions: int = Field(
        default=5,
        ge=0,
        le=MOST_SESSIONS,
        description="sessions between the last of training and the first of the test fold, beside those purged",
    )
    expanding: bool = Field(default=True, description="train on all sessions before it; false: `train_sessions`")
    ridge: Positive = Field(default=100.0, description="penalty of the logistic baseline")
    min_rows: int = Field(default=200, ge=20, description="fewer training rows than this: the fold is not trained")
    calibrate: bool = Field(
        default=False,
        description="scores of a fold go through a curve fitted on what earlier folds scored, once `min_rows` of these "
        "have labels that are over",
    )
    tune: Tuning | None = Field(default=None, description="search for parameters, fold by fold; extra `tuning`")
    primary: NonEmpty | None = Field(
        default=None,
        description="order-based strategy whose entries alone are learnt from and scored (meta-labels); of the label "
        "triple_barrier, on the side of the entry",
    )

    @model_validator(mode="after")
    def _barriers_of_their_label(self) -> WalkForward:
        if self.label != "triple_barrier" and self.primary is not None:
            raise ValueError(f"the entries of a primary are labelled by triple_barrier, and the label is {self.label}")
        if self.label != "triple_barrier" and self.barriers != Barriers():
            raise ValueError(f"barriers are of the label triple_barrier, and the label is {self.label}")
        return self


class Model(WalkForward, Xgboost):
    """A walk-forward model of gradient-boosted trees (XGBoost)."""


class LightgbmModel(WalkForward, Lightgbm):
    """A walk-forward model of gradient-boosted trees (LightGBM)."""


class CatboostModel(WalkForward, Catboost):
    """A walk-forward model of gradient-boosted trees (CatBoost)."""


class LogisticModel(WalkForward, Logistic):
    """A walk-forward logistic regression."""

    @model_validator(mode="after")
    def _learns_classes(self) -> LogisticModel:
        if self.label in ("size", "rank"):
            raise ValueError(f"logistic learns classes, and {self.label} is a number: take ridge or elastic_net")
        return self


class OnlineModel(WalkForward, Online):
    """A walk-forward logistic regression that learns on within its test folds."""

    @model_validator(mode="after")
    def _learns_classes(self) -> OnlineModel:
        if self.label in ("size", "rank"):
            raise ValueError(f"online learns classes, and {self.label} is a number: take ridge or elastic_net")
        if self.tune is not None:
            raise ValueError("online has no search: its parameters decide how it goes on, not what it learns at once")
        if self.window_sessions <= self.buffer_sessions + self.horizon:
            raise ValueError(
                f"window_sessions {self.window_sessions} leaves nothing to try an update with: more than "
                f"buffer_sessions + horizon, {self.buffer_sessions + self.horizon}, are needed"
            )
        return self


class RidgeModel(WalkForward, Ridge):
    """A walk-forward ridge regression."""

    label: LabelKind = "size"


class ElasticNetModel(WalkForward, ElasticNet):
    """A walk-forward elastic net."""

    label: LabelKind = "size"


class RandomForestModel(WalkForward, RandomForest):
    """A walk-forward random forest."""


class MlpModel(WalkForward, Mlp):
    """A walk-forward neural network."""


class RankingModel(WalkForward, Ranking):
    """A walk-forward ranking model."""

    label: LabelKind = "rank"


class QuantileModel(WalkForward, Quantile):
    """A walk-forward quantile regression."""

    label: LabelKind = "size"

    @model_validator(mode="after")
    def _learns_numbers(self) -> QuantileModel:
        if self.label not in ("size", "rank"):
            raise ValueError(f"quantile learns a number, and {self.label} is a class: take label size or rank")
        return self


class _OfMembers(WalkForward):
    """A model of models, none of which may learn what another label is for."""

    @model_validator(mode="after")
    def _members_learn_the_label(self) -> _OfMembers:
        is_number, within = self.label in ("size", "rank"), types_within(self)
        if not is_number and "quantile" in within:
            raise ValueError(f"quantile learns a number, and {self.label} is a class: take label size or rank")
        if is_number and "logistic" in within:
            raise ValueError(f"logistic learns classes, and {self.label} is a number: take ridge or elastic_net")
        return self


class StackingModel(_OfMembers, Stacking):
    """A walk-forward stack of models."""


class PerRegimeModel(_OfMembers, PerRegime):
    """A walk-forward model with a member for each regime."""


class OwnModel(WalkForward):
    """A walk-forward model of a module of your own."""

    type: str = Field(
        pattern=r"^[A-Za-z_][A-Za-z0-9_]*(\.[A-Za-z_][A-Za-z0-9_]*)+$",
        max_length=200,
        description="dotted path of your own module, found from the folder of the configuration",
    )
    parameters: dict[NonEmpty, Any] = Field(default={}, description="what your module's `fit` is given")


#: Tag of a user's own model in the union of all models.
OWN = "own"
FAMILIES: Mapping[str, type[WalkForward]] = {
    "xgboost": Model,
    "lightgbm": LightgbmModel,
    "catboost": CatboostModel,
    "logistic": LogisticModel,
    "online": OnlineModel,
    "ridge": RidgeModel,
    "elastic_net": ElasticNetModel,
    "random_forest": RandomForestModel,
    "mlp": MlpModel,
    "ranking": RankingModel,
    "quantile": QuantileModel,
    "stacking": StackingModel,
    "per_regime": PerRegimeModel,
}


def _tag(value: object) -> object:
    found = _type_of(value)
    return OWN if isinstance(found, str) and "." in found else found


#: A section of `models`: one class a family, told by `type`.
AnyModel: TypeAlias = Annotated[
    Annotated[Model, Tag("xgboost")]
    | Annotated[LightgbmModel, Tag("lightgbm")]
    | Annotated[CatboostModel, Tag("catboost")]
    | Annotated[LogisticModel, Tag("logistic")]
    | Annotated[OnlineModel, Tag("online")]
    | Annotated[RidgeModel, Tag("ridge")]
    | Annotated[ElasticNetModel, Tag("elastic_net")]
    | Annotated[RandomForestModel, Tag("random_forest")]
    | Annotated[MlpModel, Tag("mlp")]
    | Annotated[RankingModel, Tag("ranking")]
    | Annotated[QuantileModel, Tag("quantile")]
    | Annotated[StackingModel, Tag("stacking")]
    | Annotated[PerRegimeModel, Tag("per_regime")]
    | Annotated[OwnModel, Tag(OWN)],
    Discriminator(_tag),
]


class Champion(Section):
    """A name under which strategies read the scores of the best of several models, as known at each refit."""

    candidates: list[NonEmpty] = Field(
        min_length=1,
        max_length=20,
        description="models that compete; the first is champion until another one is better",
    )
    minimum_effect: Positive = Field(
        default=1e-4, description="least gain in mean log loss a session for which a champion is replaced"
    )


def class_of(values: Mapping[str, Any]) -> type[WalkForward]:
    """Return the class of a section of `models` by its values as they were written down."""
    tag = _tag(values)
    return FAMILIES.get(tag, OwnModel) if isinstance(tag, str) else OwnModel


def types_within(settings: Section) -> list[str]:
    """Return the types of a model and of the models that it is made of."""
    members = [*getattr(settings, "members", ()), *filter(None, [getattr(settings, "member", None)])]
    return [getattr(settings, "type", ""), *(name for each in members for name in types_within(each))]
