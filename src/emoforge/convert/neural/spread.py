"""How far F0 moves within an utterance.

F0 drawn from a network trained on squared errors moves less than that of people, in surprise by half. The spread within
an utterance is therefore made what it is in the training, as Toda, Black and Tokuda (2007, "Voice conversion based on
maximum-likelihood estimation of spectral parameter trajectory") do with the variance of what they generate.
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from emoforge.convert.neural.pairs import F0, VOICED, Example
from emoforge.convert.neural.sampling import Prompt, Sampler

#: Largest factor by which a contour is widened. It is never narrowed.
LARGEST = 2.0
# Sources that performances are drawn for: enough for a mean over utterances.
_N_SOURCES = 32
# From this weight of F0 on, a frame of an example counts as voiced in source or target.
_AUDIBLE = 0.6


def f0_spread(sampler: Sampler, examples: Sequence[Example]) -> np.ndarray:
    """Return (n_emotions,) float32 from 1 to ``LARGEST``: by how much the contours that *sampler* draws are too narrow.

    Args:
        sampler: whose network was trained on *examples*.
        examples: of every emotion of *sampler*; typical ones count more.
    """
    sampler = replace(sampler, f0_spread=np.ones(len(sampler.emotions), dtype=np.float32))
    sources = list({id(example.source): example.source for example in examples}.values())
    sources = sources[:: -(-len(sources) // _N_SOURCES)]
    voiced = [source.features[:, VOICED] > 0.5 for source in sources]
    spread = []
    for index, emotion in enumerate(sampler.emotions):
        said = sampler.draw([Prompt(source, index, seed) for seed, source in enumerate(sources)]).cpu().numpy()
        drawn = np.nanmean([_deviation(row[: len(v), F0], v) for row, v in zip(said, voiced, strict=True)])
        own = [example for example in examples if example.emotion == emotion]
        acted = np.array([_deviation(example.targets[:, F0], example.weights[:, F0] > _AUDIBLE) for example in own])
        typical = np.array([example.typicality for example in own]) + 1e-3
        known = np.isfinite(acted)
        ratio = np.average(acted[known], weights=typical[known]) / max(drawn, 1e-3) if known.any() else 1.0
        spread.append(ratio)
    return np.clip(np.nan_to_num(spread, nan=1.0), 1.0, LARGEST).astype(np.float32)


def _deviation(contour_st: np.ndarray, voiced: np.ndarray) -> float:
    return float(contour_st[voiced].std()) if voiced.sum() > 1 else np.nan
