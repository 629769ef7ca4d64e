"""Train the log-mel network: one loop, read from top to bottom.

Every training takes the same number of gradient steps, whatever the number of clips: an arm of a study with more clips
does not also get more training.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
import torchaudio
from torch import nn

from emoforge.batch import reproducible
from emoforge.errors import EmoforgeError
from emoforge.ser.metrics import uar


@dataclass(frozen=True)
class TrainingOptions:
    """How the network is trained.

    Attributes:
        n_steps: gradient steps.
        batch_size: clips a step.
        learning_rate: highest of the one-cycle schedule.
        weight_decay: of AdamW.
        label_smoothing: share of probability given to the other classes.
        n_crop_frames: frames of a clip that the network sees at once: in training one window at a random place, in
            recognition as many windows as cover the clip.
        time_mask_frames: SpecAugment masks at most as many frames, twice.
        frequency_mask_bands: SpecAugment masks at most as many bands, twice.
        validate_every: steps between looks at the validation speakers.
    """

    n_steps: int = 500
    batch_size: int = 32
    learning_rate: float = 3e-3
    weight_decay: float = 0.05
    label_smoothing: float = 0.1
    n_crop_frames: int = 200
    time_mask_frames: int = 30
    frequency_mask_bands: int = 10
    validate_every: int = 100


def train_network(
    make_network: Callable[[], nn.Module],
    clips: Sequence[np.ndarray],
    labels: np.ndarray,
    weights: np.ndarray,
    *,
    n_classes: int,
    validation: tuple[Sequence[np.ndarray], np.ndarray] | None,
    logits_of: Callable[[nn.Module, Sequence[np.ndarray]], np.ndarray],
    options: TrainingOptions,
    seed: int,
) -> tuple[nn.Module, tuple[dict[str, float], ...]]:
    """Train a network and return it in evaluation mode, with the history of its training.

    AdamW (Loshchilov and Hutter 2019) on a one-cycle schedule (Smith and Topin 2019), SpecAugment (Park et al. 2019),
    classes weighted inversely to their number of clips. Of the looks at the validation speakers the best is kept, by
    unweighted average recall; the schedule always runs to its end.

    Args:
        make_network: builds the untrained network, (B, n_mels, T) → (B, n_classes).
        clips: normalised log-mel spectrograms (n_mels, n_frames).
        labels: (n_clips,) label indices.
        weights: (n_clips,) sample weights, above 0.
        n_classes: number of labels.
        validation: clips and labels of other speakers, or None to keep the last step.
        logits_of: how clips are recognised when validating: network, clips → (n_clips, n_classes).
        options: see :class:`TrainingOptions`.
        seed: of initial weights, order, crops, masks and dropout.

    Returns:
        the network, and one point for each look: "step", mean training "loss" since the last look and, with
        validation speakers, their "val_uar".

    Raises:
        EmoforgeError: a weight is not above 0.
    """
    if not np.all(weights > 0):
        raise EmoforgeError("clips of weight 0 or less teach nothing: leave them out of the training")
    with torch.random.fork_rng(devices=[]), reproducible():
        torch.manual_seed(seed)
        network, history = _train(
            make_network(), clips, labels, weights, n_classes, validation, logits_of, options, seed
        )
        return network.eval(), history


def _train(
    network: nn.Module,
    clips: Sequence[np.ndarray],
    labels: np.ndarray,
    weights: np.ndarray,
    n_classes: int,
    validation: tuple[Sequence[np.ndarray], np.ndarray] | None,
    logits_of: Callable[[nn.Module, Sequence[np.ndarray]], np.ndarray],
    options: TrainingOptions,
    seed: int,
) -> tuple[nn.Module, tuple[dict[str, float], ...]]:
    rng = np.random.default_rng(seed)
    optimiser = torch.optim.AdamW(network.parameters(), lr=options.learning_rate, weight_decay=options.weight_decay)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimiser, options.learning_rate, total_steps=options.n_steps, pct_start=0.2
    )
    spec_augment = nn.Sequential(
        *[torchaudio.transforms.TimeMasking(options.time_mask_frames, iid_masks=True)] * 2,
        *[torchaudio.transforms.FrequencyMasking(options.frequency_mask_bands, iid_masks=True)] * 2,
    )
    mass = np.bincount(labels, weights=weights, minlength=n_classes)
    balanced = weights / np.maximum(mass, 1e-12)[labels]
    balanced = torch.from_numpy((balanced / balanced.mean()).astype(np.float32))
    truth = torch.from_numpy(labels.astype(np.int64))
    best_uar, best_state = -1.0, None
    history: list[dict[str, float]] = []
    recent_losses: list[float] = []

    order = np.zeros(0, dtype=int)
    for step in range(1, options.n_steps + 1):
        while len(order) < options.batch_size:
            order = np.concatenate([order, rng.permutation(len(clips))])
        batch, order = order[: options.batch_size], order[options.batch_size :]

        network.train()
        crops = torch.from_numpy(np.stack([_crop(clips[row], options.n_crop_frames, rng) for row in batch]))
        logits = network(spec_augment(crops.unsqueeze(1)).squeeze(1))
        losses = nn.functional.cross_entropy(
            logits, truth[batch], label_smoothing=options.label_smoothing, reduction="none"
        )
        loss = (losses * balanced[batch]).mean()
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(network.parameters(), 5.0)
        optimiser.step()
        schedule.step()

        recent_losses.append(loss.item())

        if step % options.validate_every and step != options.n_steps:
            continue
        point = {"step": step, "loss": float(np.mean(recent_losses))}
        recent_losses.clear()
        if validation is not None:
            network.eval()
            point["val_uar"] = uar(validation[1], logits_of(network, validation[0]).argmax(axis=1))
            # Later looks win ties: their learning rate is lower.
            if point["val_uar"] >= best_uar:
                best_uar = point["val_uar"]
                best_state = {name: tensor.clone() for name, tensor in network.state_dict().items()}
        history.append(point)
    if best_state is not None:
        network.load_state_dict(best_state)
    return network, tuple(history)


def _crop(clip: np.ndarray, n_frames: int, rng: np.random.Generator) -> np.ndarray:
    """Take *n_frames* at a random place of a clip; a shorter clip is put at a random place among zeros (neutral)."""
    spare = clip.shape[1] - n_frames
    start = int(rng.integers(abs(spare) + 1))
    if spare >= 0:
        return clip[:, start : start + n_frames]
    return np.pad(clip, ((0, 0), (start, -spare - start)))
