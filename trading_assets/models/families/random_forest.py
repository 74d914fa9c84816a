"""A random forest, grown by scikit-learn and kept as arrays: what is loaded walks trees and runs no code."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trading_assets.config.models import RandomForest
from trading_assets.models.families import arrays
from trading_assets.models.families.curve import fit_curved, load_curved, standardised
from trading_assets.models.families.interface import THREADS, Features, Fitted, Floats, TrainingSet

FILE_NAME = "model.npz"
#: Rows that walk the trees at a time: they stay in the processor's cache.
_BLOCK = 8_192
#: Up to so many rows all trees are walked at once: a step of one tree costs the same for one row as for a hundred.
_FEW = 32


@dataclass(frozen=True)
class Forest:
    """Nodes of all trees, one tree after the other.

    Attributes
    ----------
    root
        (trees,) node that each starts at.
    left, right
        (nodes,) the nodes below; a leaf is below itself.
    feature, threshold
        (nodes,) a row goes left where the feature is at most the threshold.
    missing_left
        (nodes,) whether a missing value goes left.
    value
        (nodes,) what a leaf says.
    depth
        Levels of the deepest tree.
    """

    root: NDArray[np.int64]
    left: NDArray[np.int64]
    right: NDArray[np.int64]
    feature: NDArray[np.int64]
    threshold: Floats
    missing_left: NDArray[np.bool_]
    value: Floats
    depth: int

    def score(self, features: Features) -> Floats:
        """Return the mean over the trees of what the leaves of each row say."""
        if len(features) <= _FEW:
            return self._walk_at_once(features)
        parts = [self._walk(features[start : start + _BLOCK]) for start in range(0, len(features), _BLOCK)]
        return np.concatenate([np.empty(0), *parts])

    def _walk_at_once(self, features: Features) -> Floats:
        rows = np.arange(len(features))[:, None]
        node = np.repeat(self.root[None, :], len(features), axis=0)
        for _ in range(self.depth):
            value = features[rows, self.feature[node]]
            goes_left = np.where(np.isnan(value), self.missing_left[node], value <= self.threshold[node])
            node = np.where(goes_left, self.left[node], self.right[node])
        # One tree after the other, as `_walk` adds them up: `sum` adds in pairs, and rounds otherwise.
        return np.asarray(np.cumsum(self.value[node], axis=1)[:, -1] / len(self.root))

    def _walk(self, features: Features) -> Floats:
        rows, total = np.arange(len(features)), np.zeros(len(features))
        for root in self.root:
            node = np.full(len(features), root)
            for _ in range(self.depth):
                value = features[rows, self.feature[node]]
                goes_left = np.where(np.isnan(value), self.missing_left[node], value <= self.threshold[node])
                node = np.where(goes_left, self.left[node], self.right[node])
            total += self.value[node]
        return total / len(self.root)

    def save(self) -> bytes:
        """Return a ``.npz``."""
        return arrays.to_bytes({name: np.asarray(value) for name, value in vars(self).items()})


def fit(training: TrainingSet, settings: RandomForest, seed: int) -> Fitted:
    """Fit a classifier, or a regression and its curve.

    Parameters
    ----------
    training
        What it learns from.
    settings, seed
        Section of the model, and the seed of what is drawn.
    """
    if training.target is None:
        return fit_forest(training, settings, seed)
    return fit_curved(partial(fit_forest, settings=settings, seed=seed), training)


def load(content: bytes) -> Fitted:
    """Return the model that was saved."""
    return load_curved(content, load_forest)


def load_forest(content: bytes) -> Forest:
    """Return the trees that were saved."""
    found: dict[str, Any] = dict(arrays.from_bytes(content))
    return Forest(**{**found, "depth": int(found["depth"])})


def fit_forest(training: TrainingSet, settings: RandomForest, seed: int) -> Forest:
    """Fit the trees: of the label where a class is learnt, else of the standardised target.

    Parameters
    ----------
    training
        What it learns from.
    settings, seed
        Section of the model, and the seed of what is drawn.
    """
    return as_arrays(grown(training, settings, seed).estimators_)


def grown(training: TrainingSet, settings: RandomForest, seed: int) -> Any:
    """Return scikit-learn's forest.

    Parameters
    ----------
    training
        What it learns from.
    settings, seed
        Section of the model, and the seed of what is drawn.
    """
    from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor

    is_class = training.target is None
    forest = (RandomForestClassifier if is_class else RandomForestRegressor)(
        n_estimators=settings.trees,
        max_depth=settings.depth,
        min_samples_leaf=settings.min_leaf,
        max_features=settings.feature_share,
        max_samples=min(settings.rows, len(training.label)),
        random_state=seed,
        n_jobs=THREADS,
    )
    learnt = training.label.astype(np.int64) if is_class else standardised(training)
    return forest.fit(training.features, learnt, sample_weight=training.weight)


def as_arrays(estimators: Sequence[Any]) -> Forest:
    """Return the nodes of scikit-learn's trees as one set of arrays."""
    parts: dict[str, list[NDArray[Any]]] = {
        name: [] for name in ("left", "right", "feature", "threshold", "missing_left", "value")
    }
    roots, start = [], 0
    for estimator in estimators:
        tree = estimator.tree_
        own, leaf = start + np.arange(tree.node_count), tree.children_left < 0
        classes = tree.value.shape[2]
        parts["left"].append(np.where(leaf, own, start + tree.children_left))
        parts["right"].append(np.where(leaf, own, start + tree.children_right))
        parts["feature"].append(np.where(leaf, 0, tree.feature))
        parts["threshold"].append(np.where(leaf, 0.0, tree.threshold))
        parts["missing_left"].append(tree.missing_go_to_left.astype(bool))
        parts["value"].append(tree.value[:, 0, classes - 1])
        roots.append(start)
        start += tree.node_count
    depth = max(int(estimator.tree_.max_depth) for estimator in estimators)
    return Forest(
        root=np.array(roots, dtype=np.int64),
        depth=depth,
        **{name: np.concatenate(each) for name, each in parts.items()},
    )
