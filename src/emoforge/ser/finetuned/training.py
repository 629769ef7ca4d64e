"""Train the upper blocks and the heads: one loop, read from top to bottom."""

import hashlib
import json
import math
import os
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import asdict, dataclass
from typing import cast

import numpy as np
import torch
from scipy.special import log_softmax
from torch import Tensor, nn
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.nn.functional import dropout

from emoforge.base.batch import reproducible
from emoforge.base.errors import ModelError
from emoforge.base.training import Point, State, read_state, schedule, write_state
from emoforge.ser.finetuned.clips import Clips, as_tensor, crop, logits_of, masked_batch
from emoforge.ser.finetuned.network import TunedNetwork, bent
from emoforge.ser.metrics import uar


@dataclass(frozen=True)
class TuningOptions:
    """How blocks and heads are trained.

    Attributes:
        n_steps: gradient steps, at most.
        n_blocks: blocks above the lower layer that are trained.
        batch_size: clips per step.
        block_rate: highest learning rate of the blocks.
        head_rate: highest learning rate of the heads, which begin from nothing.
        weight_decay: of AdamW.
        ema_decay: of the exponential mean of the weights that is kept.
        label_smoothing: share of probability given to the other classes.
        dropout: share of pooled values hidden from the heads.
        mixup: parameter of the Beta distribution that two clips' pooled values are mixed by; 0 for none.
        n_crop_frames: frames of a clip that are seen at once, at a random place.
        time_mask_frames: SpecAugment hides at most as many frames, and a quarter of the clip, twice.
        channel_mask: SpecAugment sets at most as many neighbouring channels of a frame to their mean, twice.
        validate_every: steps between validation points.
        patience: validation points without a better one after which training stops.
        validation_share: share of training speakers held out where no validation clips are given.
    """

    n_steps: int = 400
    n_blocks: int = 1
    batch_size: int = 16
    block_rate: float = 2e-4
    head_rate: float = 1e-3
    weight_decay: float = 0.05
    ema_decay: float = 0.98
    label_smoothing: float = 0.1
    dropout: float = 0.3
    mixup: float = 0.2
    n_crop_frames: int = 64
    time_mask_frames: int = 10
    channel_mask: int = 16
    validate_every: int = 50
    patience: int = 4
    validation_share: float = 0.15


@dataclass(frozen=True)
class TunedPoint(Point):
    """A validation point, with the recall of the held-out speakers' clips, or NaN without any."""

    validation_uar: float


def tune(
    network: TunedNetwork,
    clips: Clips,
    held_out: Clips,
    scales: Mapping[str, np.ndarray],
    *,
    options: TuningOptions,
    seed: int,
    device: str = "cpu",
    checkpoint: str | os.PathLike[str] | None = None,
    on_point: Callable[[TunedPoint], None] | None = None,
) -> tuple[TunedNetwork, tuple[TunedPoint, ...]]:
    """Train *network* and return it in evaluation mode on the CPU, with its validation points.

    In every batch the numbers of clips per class differ by one at most. AdamW; SpecAugment (Park et al. 2019) on the
    frames of the lower layer; mixup (Zhang et al. 2018) of the pooled values; an exponential mean of the weights
    (Tarvainen and Valpola 2017), of which that of the best validation point is kept. Without
    held-out clips training runs all its steps and keeps the last. On a CPU the same arguments give the same weights,
    whether the training was interrupted or not.

    Args:
        network: with the encoder's own blocks.
        clips: to learn from, some of every class.
        held_out: of other speakers, for early stopping; may be empty.
        scales: machine → (n_values,) by which distances from the neutral voice are divided.
        options: see :class:`TuningOptions`.
        seed: of order, crops, masks, mixing and dropout.
        device: where torch computes, "cpu" or "cuda".
        checkpoint: file where the state is kept at every validation point; a training found there goes on.
        on_point: called at every validation point, after its state is kept.

    Raises:
        ModelError: the checkpoint is of another training or damaged, or the loss is not finite.
    """
    if device != "cpu":
        # What cuBLAS asks for before it computes the same sums twice; read when it is first used.
        os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    key = "" if checkpoint is None else _fingerprint(network, clips, held_out, scales, options, seed, device)
    n_classes = network.shape.n_classes
    of_class = [np.flatnonzero(clips.truth == k) for k in range(n_classes)]
    chances = [clips.weights[rows] / clips.weights[rows].sum() for rows in of_class]
    mean_frame = np.mean([frames.mean(axis=0, dtype=np.float64) for frames in clips.frames], axis=0)

    with torch.random.fork_rng(devices=[]), reproducible(), _attention(device):
        mean_network = TunedNetwork(network.shape, tuple(network.heads)).to(device)
        network = network.to(device)
        mean_network.load_state_dict(network.state_dict())
        groups = [
            {"params": list(network.blocks.parameters()), "highest": options.block_rate},
            {"params": list(network.heads.parameters()), "highest": options.head_rate},
        ]
        optimiser = torch.optim.AdamW(groups, lr=options.head_rate, weight_decay=options.weight_decay)
        state = State(network, mean_network, optimiser)
        if checkpoint is not None:
            read_state(checkpoint, state, training=key, point_type=TunedPoint)
        step, losses = state.points[-1].step if state.points else 0, []
        stops = len(held_out.frames) > 0
        while step < options.n_steps and not (stops and state.points_since_best() >= options.patience):
            step += 1
            # A step's draws depend on the step alone, so a training that was killed goes on as if it had not been.
            rng = np.random.default_rng([seed, step])
            torch.manual_seed(int(rng.integers(2**62)))
            order = np.resize(rng.permutation(n_classes), options.batch_size)
            rows = np.array([rng.choice(of_class[k], p=chances[k]) for k in order])
            crops = [crop(clips.frames[row], options.n_crop_frames, rng) for row in rows]
            frames, valid = masked_batch(
                crops, mean_frame, rng, n_frames=options.time_mask_frames, n_channels=options.channel_mask
            )
            for group in optimiser.param_groups:
                group["lr"] = group["highest"] * schedule(step, options.n_steps)
            values = network.train()(frames.to(device), valid.to(device))
            loss = _loss(network, values, clips, rows, scales, options, rng)
            optimiser.zero_grad(set_to_none=True)
            loss.backward()
            nn.utils.clip_grad_norm_(network.parameters(), 1.0)
            optimiser.step()
            state.average(step, options.ema_decay)
            losses.append(loss.detach())
            if step % options.validate_every and step != options.n_steps:
                continue
            mean_loss = float(np.mean([float(loss) for loss in losses]))
            losses = []
            if not math.isfinite(mean_loss):
                raise ModelError(f"fine-tuning came to a loss of {mean_loss} by step {step}; choose another seed")
            point = _point(step, mean_loss, mean_network.eval(), held_out, scales)
            state.keep(point, held_out=stops)
            if checkpoint is not None:
                write_state(checkpoint, state, training=key)
            if on_point is not None:
                on_point(point)
        if state.best is not None:
            mean_network.load_state_dict(state.best)
    return mean_network.cpu().eval(), tuple(cast("list[TunedPoint]", state.points))


def _point(
    step: int, loss: float, network: TunedNetwork, held_out: Clips, scales: Mapping[str, np.ndarray]
) -> TunedPoint:
    if not len(held_out.frames):
        return TunedPoint(step, loss, math.nan, math.nan)
    rows, truth = np.arange(len(held_out.truth)), held_out.truth
    answers = logits_of(network, held_out, scales)
    validation_loss = np.mean([-log_softmax(logits, axis=1)[rows, truth].mean() for logits in answers.values()])
    first = next(iter(answers.values()))
    return TunedPoint(step, loss, float(validation_loss), float(uar(truth, first.argmax(axis=1))))


def _loss(
    network: TunedNetwork,
    values: Tensor,
    clips: Clips,
    rows: np.ndarray,
    scales: Mapping[str, np.ndarray],
    options: TuningOptions,
    rng: np.random.Generator,
) -> Tensor:
    """Mean cross-entropy over clips and machines; *values* are the pooled clips at *rows*, (B, n_values)."""
    device = values.device
    share = np.ones((len(rows), 1))
    if options.mixup > 0:
        share = rng.beta(options.mixup, options.mixup, (len(rows), 1))
    own, partner = as_tensor(share, device), torch.from_numpy(rng.permutation(len(rows))).to(device)

    def mixed(rows: Tensor) -> Tensor:
        return own * rows + (1 - own) * rows[partner]

    losses = []
    for name, head in network.heads.items():
        distances = bent(values, as_tensor(clips.voices[name][rows], device), as_tensor(scales[name], device))
        logits = head(dropout(mixed(distances), options.dropout))
        truth = nn.functional.one_hot(torch.from_numpy(clips.truth[rows]).long(), logits.shape[1]).to(logits)
        wanted = mixed((1 - options.label_smoothing) * truth + options.label_smoothing / logits.shape[1])
        losses.append(nn.functional.cross_entropy(logits, wanted))
    return torch.stack(losses).mean()


def _attention(device: str) -> AbstractContextManager[None]:
    """Off the CPU, the one kind of attention that computes the same sums twice whatever the mask."""
    return nullcontext() if device == "cpu" else sdpa_kernel(SDPBackend.MATH)


def _fingerprint(
    network: TunedNetwork,
    clips: Clips,
    held_out: Clips,
    scales: Mapping[str, np.ndarray],
    options: TuningOptions,
    seed: int,
    device: str,
) -> str:
    """Return the SHA-256 of what decides the course of a training."""
    settings = [asdict(options), asdict(network.shape), list(network.heads), seed, device, torch.__version__]
    digest = hashlib.sha256(json.dumps(settings, sort_keys=True).encode())
    arrays = [values.detach().cpu().numpy() for values in network.state_dict().values()]
    for part in (clips, held_out):
        arrays += [*part.frames, part.truth, part.weights, *part.voices.values()]
    for array in (*arrays, *scales.values()):
        digest.update(f"\0{array.dtype}{array.shape}".encode())
        digest.update(np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()
