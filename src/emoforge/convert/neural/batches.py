"""Examples as the network takes them: standardised, cut to length, padded and stacked."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch

from emoforge.convert.neural.pairs import Example


@dataclass(frozen=True)
class Scale:
    """Means and standard deviations that standardise the network's inputs and outputs.

    Attributes:
        features, statistics, targets: (2, n) mean and standard deviation of each column.
    """

    features: np.ndarray
    statistics: np.ndarray
    targets: np.ndarray

    @classmethod
    def of(cls, examples: Sequence[Example]) -> "Scale":
        features = np.concatenate([example.source.features for example in examples])
        statistics = np.stack([example.source.statistics for example in examples])
        targets = np.concatenate([example.targets for example in examples]).astype(np.float64)
        weights = np.concatenate([example.weights for example in examples]).astype(np.float64)
        mass = np.maximum(weights.sum(axis=0), 1e-6)
        mean = (weights * targets).sum(axis=0) / mass
        variance = (weights * (targets - mean) ** 2).sum(axis=0) / mass
        return cls(
            _mean_and_deviation(features),
            _mean_and_deviation(statistics),
            np.stack([mean, np.maximum(np.sqrt(variance), 1e-2)]).astype(np.float32),
        )


def make_batch(
    examples: Sequence[Example],
    index: Mapping[str, int],
    scale: Scale,
    *,
    max_frames: int,
    rng: np.random.Generator | None = None,
) -> dict[str, torch.Tensor]:
    """Return *examples* as one batch: what ``PerformanceField.forward`` takes, and targets and weights.

    Args:
        examples: at least one.
        index: emotion → its number.
        scale: standardises.
        max_frames: longer examples are cut.
        rng: draws where an example is cut; without it the beginning is kept.
    """
    n_frames = min(max(len(example.targets) for example in examples), max_frames)
    columns: dict[str, list[np.ndarray]] = {name: [] for name in ("features", "targets", "weights", "mask")}
    manners = []
    for example in examples:
        spare = max(len(example.targets) - n_frames, 0)
        start = 0 if rng is None else int(rng.integers(spare + 1))
        piece = slice(start, start + n_frames)
        pad = n_frames - len(example.targets[piece])
        features = (example.source.features[piece] - scale.features[0]) / scale.features[1]
        targets = (example.targets[piece] - scale.targets[0]) / scale.targets[1]
        weights = example.weights[piece]
        manners.append(manner_of(targets, weights))
        for name, values in (("features", features), ("targets", targets), ("weights", weights)):
            columns[name].append(np.pad(values, ((0, pad), (0, 0))))
        columns["mask"].append(np.pad(np.ones(len(targets)), (0, pad)))
    batch = {name: torch.from_numpy(np.stack(values).astype(np.float32)) for name, values in columns.items()}
    statistics = np.stack([example.source.statistics for example in examples])
    batch["statistics"] = torch.from_numpy((statistics - scale.statistics[0]) / scale.statistics[1])
    batch["emotion"] = torch.tensor([index[example.emotion] for example in examples])
    batch["typicality"] = torch.tensor([[2 * example.typicality - 1, 1.0] for example in examples])
    batch["manner"] = torch.from_numpy(np.stack(manners).astype(np.float32))
    return batch


def manner_of(targets: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """(N_TARGETS + 1,) weighted mean of standardised *targets* over the frames, and 1."""
    return np.append((weights * targets).sum(axis=0) / np.maximum(weights.sum(axis=0), 1e-6), 1.0)


def _mean_and_deviation(values: np.ndarray) -> np.ndarray:
    deviation = values.std(axis=0)
    # A column that is constant in training says nothing, and must not become huge where a source differs in it: a
    # corpus without parallel sentences shows the network no contour and no level.
    return np.stack([values.mean(axis=0), np.where(deviation > 1e-3, deviation, np.inf)]).astype(np.float32)
