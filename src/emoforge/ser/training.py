"""Train the log-mel network: one loop, read from top to bottom.

Every training takes the same number of gradient steps, whatever the number of clips: an arm of a study with more clips
does not also get more training.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar, cast

import numpy as np
import torch
import torchaudio
from torch import nn

from emoforge.base.batch import reproducible
from emoforge.base.errors import EmoforgeError
from emoforge.ser.metrics import uar

Network = TypeVar("Network", bound=nn.Module)


@dataclass(frozen=True)
class TrainingOptions:
    """How the network is trained.

    Attributes:
        n_steps: gradient steps.
        batch_size: clips per step.
        learning_rate: highest of the one-cycle schedule.
        weight_decay: of AdamW.
        label_smoothing: share of probability given to the other classes.
        n_crop_frames: frames of a clip that the network sees at once: in training one window at a random place, in
            recognition as many windows as cover the clip.
        time_mask_frames: SpecAugment masks at most as many frames, twice.
        frequency_mask_bands: SpecAugment masks at most as many bands, twice.
        stretch: clips are played up to this share faster or slower.
        shift_bands: the spectrum is moved by up to as many mel bands, as a longer or shorter vocal tract would.
        averaging: share that an average of the weights keeps at each step; the average is what is returned.
        validate_every: steps between validation points.
    """

    n_steps: int = 700
    batch_size: int = 32
    learning_rate: float = 3e-3
    weight_decay: float = 0.05
    label_smoothing: float = 0.1
    n_crop_frames: int = 112
    time_mask_frames: int = 15
    frequency_mask_bands: int = 10
    stretch: float = 0.12
    shift_bands: int = 2
    averaging: float = 0.99
    validate_every: int = 100


def train_network(
    make_network: Callable[[], Network],
    clips: Sequence[np.ndarray],
    labels: np.ndarray,
    weights: np.ndarray,
    *,
    n_bands: int,
    n_classes: int,
    validation: tuple[Sequence[np.ndarray], np.ndarray] | None,
    logits_of: Callable[[Network, Sequence[np.ndarray]], np.ndarray],
    options: TrainingOptions,
    seed: int,
) -> tuple[Network, tuple[dict[str, float], ...]]:
    """Train a network and return it in evaluation mode, with the history of its training.

    AdamW (Loshchilov and Hutter 2019) on a one-cycle schedule (Smith and Topin 2019), SpecAugment (Park et al. 2019),
    changes of speed and of the vocal tract's length, classes weighted inversely to their number of clips, and an
    exponential average of the weights (Tarvainen and Valpola 2017). The schedule always runs to its end: two speakers
    are too few to choose a step by.

    Args:
        make_network: builds the untrained network, (B, n_rows, T) → (B, n_classes).
        clips: normalised (n_rows, n_frames); the first *n_bands* rows are bands of a spectrum, the others tracks.
        labels: (n_clips,) label indices.
        weights: (n_clips,) sample weights, above 0.
        n_bands: rows that are masked and shifted along frequency.
        n_classes: number of labels.
        validation: clips and labels of other speakers to recognise at every validation point, or None.
        logits_of: how clips are recognised when validating: network, clips → (n_clips, n_classes).
        options: see :class:`TrainingOptions`.
        seed: of initial weights, order, crops, changes, masks and dropout.

    Returns:
        the network, and its history: for each validation point "step", mean training "loss" since the last one and,
        with validation speakers, their "val_uar".

    Raises:
        EmoforgeError: a weight is not above 0.
    """
    if not np.all(weights > 0):
        raise EmoforgeError("clips of weight 0 or less teach nothing: leave them out of the training")
    with torch.random.fork_rng(devices=[]), reproducible():
        torch.manual_seed(seed)
        network, history = _train(
            make_network(), clips, labels, weights, n_bands, n_classes, validation, logits_of, options, seed
        )
        return network.eval(), history


def _train(
    network: Network,
    clips: Sequence[np.ndarray],
    labels: np.ndarray,
    weights: np.ndarray,
    n_bands: int,
    n_classes: int,
    validation: tuple[Sequence[np.ndarray], np.ndarray] | None,
    logits_of: Callable[[Network, Sequence[np.ndarray]], np.ndarray],
    options: TrainingOptions,
    seed: int,
) -> tuple[Network, tuple[dict[str, float], ...]]:
    rng = np.random.default_rng(seed)
    optimiser = torch.optim.AdamW(network.parameters(), lr=options.learning_rate, weight_decay=options.weight_decay)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimiser, options.learning_rate, total_steps=options.n_steps, pct_start=0.2
    )
    masks = [
        nn.Sequential(*[kind(size, iid_masks=True)] * 2)
        for kind, size in (
            (torchaudio.transforms.FrequencyMasking, options.frequency_mask_bands),
            (torchaudio.transforms.TimeMasking, options.time_mask_frames),
        )
    ]
    average = torch.optim.swa_utils.AveragedModel(network, avg_fn=_averaged(options.averaging), use_buffers=True)
    mass = np.bincount(labels, weights=weights, minlength=n_classes)
    balanced = weights / np.maximum(mass, 1e-12)[labels]
    balanced = torch.from_numpy((balanced / balanced.mean()).astype(np.float32))
    truth = torch.from_numpy(labels.astype(np.int64))
    history: list[dict[str, float]] = []
    recent_losses: list[float] = []

    order = np.zeros(0, dtype=int)
    for step in range(1, options.n_steps + 1):
        while len(order) < options.batch_size:
            order = np.concatenate([order, rng.permutation(len(clips))])
        batch, order = order[: options.batch_size], order[options.batch_size :]

        network.train()
        # One speed and one vocal tract per step: a batch stays one array.
        n_frames = round(options.n_crop_frames * (1.0 + rng.uniform(-options.stretch, options.stretch)))
        rows = torch.from_numpy(np.stack([_crop(clips[row], n_frames, rng) for row in batch]))
        rows = nn.functional.interpolate(rows, size=options.n_crop_frames, mode="linear", align_corners=False)
        shift = int(rng.integers(-options.shift_bands, options.shift_bands + 1))
        bands = masks[0](_shifted(rows[:, :n_bands], shift).unsqueeze(1)).squeeze(1)
        rows = masks[1](torch.cat([bands, rows[:, n_bands:]], dim=1).unsqueeze(1)).squeeze(1)
        logits = network(rows)
        losses = nn.functional.cross_entropy(
            logits, truth[batch], label_smoothing=options.label_smoothing, reduction="none"
        )
        loss = (losses * balanced[batch]).mean()
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(network.parameters(), 5.0)
        optimiser.step()
        schedule.step()
        average.update_parameters(network)
        recent_losses.append(loss.item())

        if step % options.validate_every and step != options.n_steps:
            continue
        point = {"step": step, "loss": float(np.mean(recent_losses))}
        recent_losses.clear()
        if validation is not None:
            average.eval()
            point["val_uar"] = uar(
                validation[1], logits_of(cast("Network", average.module), validation[0]).argmax(axis=1)
            )
        history.append(point)
    return cast("Network", average.module), tuple(history)


def _averaged(share: float) -> Callable[[torch.Tensor, torch.Tensor, torch.Tensor | int], torch.Tensor]:
    """Keep *share* of the average, and less of the first steps, which are still far from anything learnt."""

    def update(average: torch.Tensor, current: torch.Tensor, n_averaged: torch.Tensor | int) -> torch.Tensor:
        n = float(n_averaged)
        return average + (1.0 - min(share, (1.0 + n) / (10.0 + n))) * (current - average)

    return update


def _shifted(bands: torch.Tensor, shift: int) -> torch.Tensor:
    """Move (B, n_bands, T) up by *shift* bands, or down; what is left empty repeats the edge."""
    if shift == 0:
        return bands
    edge = (bands[:, :1] if shift > 0 else bands[:, -1:]).expand(-1, abs(shift), -1)
    return torch.cat([edge, bands[:, :-shift]] if shift > 0 else [bands[:, -shift:], edge], dim=1)


def _crop(clip: np.ndarray, n_frames: int, rng: np.random.Generator) -> np.ndarray:
    """Take *n_frames* at a random place of a clip; a shorter clip is put at a random place among zeros (neutral)."""
    spare = clip.shape[1] - n_frames
    start = int(rng.integers(abs(spare) + 1))
    if spare >= 0:
        return clip[:, start : start + n_frames]
    return np.pad(clip, ((0, 0), (start, -spare - start)))
