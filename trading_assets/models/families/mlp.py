"""A small neural network, trained by scikit-learn and kept as arrays: what is loaded multiplies and adds."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from scipy.special import expit

from trading_assets.config.models import Mlp
from trading_assets.models.families import arrays
from trading_assets.models.families.curve import fit_curved, load_curved, standardised
from trading_assets.models.families.interface import Features, Fitted, Floats, TrainingSet
from trading_assets.models.families.linear import Scaling

FILE_NAME = "model.npz"
#: Rows that are scored at a time: they stay in the processor's cache.
_BLOCK = 4_096
#: Standardised features are cut here: a network extrapolates in a straight line, however far off.
_FARTHEST = 5.0


@dataclass(frozen=True)
class Network:
    """Layers of rectified sums of standardised features.

    Attributes
    ----------
    scaling
        How features are filled and standardised.
    weights, biases
        Of each layer: (units before, units) and (units,).
    is_probability
        The last sum is a log-odds, and the score its probability.
    """

    scaling: Scaling
    weights: tuple[Floats, ...]
    biases: tuple[Floats, ...]
    is_probability: bool

    def score(self, features: Features) -> Floats:
        """Return the last sum of each row, or its probability.

        Unit by unit, not by matrix products, whose last bits depend on the number of rows.
        """
        parts = [self._forward(features[start : start + _BLOCK]) for start in range(0, len(features), _BLOCK)]
        total = np.concatenate([np.empty(0), *parts])
        found: Floats = expit(total) if self.is_probability else total
        return found

    def _forward(self, features: Features) -> Floats:
        layer = inputs(self.scaling, features)
        last = len(self.weights) - 1
        for place, (weights, biases) in enumerate(zip(self.weights, self.biases, strict=True)):
            total = np.repeat(biases[None, :], len(layer), axis=0)
            for column, of_unit in zip(layer.T, weights, strict=True):
                total += column[:, None] * of_unit
            layer = total if place == last else np.maximum(total, 0.0)
        return np.ascontiguousarray(layer[:, 0])

    def save(self) -> bytes:
        """Return a ``.npz``."""
        return arrays.to_bytes(
            {
                "medians": self.scaling.medians,
                "location": self.scaling.location,
                "scale": self.scaling.scale,
                "is_probability": np.array(self.is_probability),
                **{f"weights_{place}": each for place, each in enumerate(self.weights)},
                **{f"biases_{place}": each for place, each in enumerate(self.biases)},
            }
        )


def inputs(scaling: Scaling, features: Features) -> Floats:
    """Return (rows, features) filled, standardised and cut."""
    return np.clip(scaling.apply(features), -_FARTHEST, _FARTHEST)


def fit(training: TrainingSet, settings: Mlp, seed: int) -> Fitted:
    """Fit a classifier, or a regression and its curve.

    Parameters
    ----------
    training
        What it learns from.
    settings, seed
        Section of the model, and the seed of the first weights and of the order of rows.
    """
    if training.target is None:
        return fit_network(training, settings, seed)
    return fit_curved(partial(fit_network, settings=settings, seed=seed), training)


def load(content: bytes) -> Fitted:
    """Return the model that was saved."""
    return load_curved(content, load_network)


def load_network(content: bytes) -> Network:
    """Return the network that was saved."""
    found = arrays.from_bytes(content)
    layers = range(sum(name.startswith("weights_") for name in found))
    return Network(
        Scaling(found["medians"], found["location"], found["scale"]),
        tuple(found[f"weights_{place}"] for place in layers),
        tuple(found[f"biases_{place}"] for place in layers),
        bool(found["is_probability"]),
    )


def fit_network(training: TrainingSet, settings: Mlp, seed: int) -> Network:
    """Fit the network: of the label where a class is learnt, else of the standardised target.

    Parameters
    ----------
    training
        What it learns from.
    settings, seed
        Section of the model, and the seed of the first weights and of the order of rows.
    """
    scaling, model = trained(training, settings, seed)
    return Network(scaling, tuple(model.coefs_), tuple(model.intercepts_), is_probability=training.target is None)


def trained(training: TrainingSet, settings: Mlp, seed: int) -> tuple[Scaling, Any]:
    """Return scikit-learn's network, and the scaling of what it is given.

    Parameters
    ----------
    training
        What it learns from.
    settings, seed
        Section of the model, and the seed of the first weights and of the order of rows.
    """
    from sklearn.neural_network import MLPClassifier, MLPRegressor

    is_class = training.target is None
    network = (MLPClassifier if is_class else MLPRegressor)(
        hidden_layer_sizes=tuple(settings.hidden),
        alpha=settings.penalty,
        batch_size=min(settings.batch, len(training.label)),
        learning_rate_init=settings.learning_rate,
        random_state=np.random.RandomState(seed),
    )
    scaling = Scaling.of(training.features)
    learnt = training.label.astype(np.int64) if is_class else standardised(training)
    given = inputs(scaling, training.features)
    classes = {"classes": [0, 1]} if is_class else {}
    for _ in range(settings.epochs):  # not `fit`, which stops earlier, or warns that it might have gone on
        network.partial_fit(given, learnt, sample_weight=training.weight, **classes)
    return scaling, network
