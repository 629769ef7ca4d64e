"""Train the network: one loop, read from top to bottom."""

import copy
import hashlib
import json
import math
import os
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field, replace

import numpy as np
import torch

from emoforge.base.batch import reproducible
from emoforge.base.errors import ModelError
from emoforge.base.training import Point, State, held_out_speakers, read_state, schedule, write_state
from emoforge.convert.neural.batches import Scale, make_batch
from emoforge.convert.neural.model import PerformanceField, Size, shaped_noise
from emoforge.convert.neural.pairs import Example


@dataclass(frozen=True)
class TrainingOptions:
    """How the network is trained.

    Attributes:
        steps: gradient steps, at most.
        batch_size: examples per step.
        learning_rate: highest of a schedule that rises over a twentieth and falls as a cosine.
        weight_decay: of AdamW.
        ema_decay: of the exponential mean of the weights that is kept.
        emotion_dropout: share of examples whose emotion is hidden, for guidance.
        manner_dropout: share of examples whose mean performance is hidden, so that it need not be given.
        typicality_dropout: share of examples whose typicality is hidden.
        feature_noise: standard deviation of noise on the standardised features.
        statistics_noise: standard deviation of noise on the standardised statistics.
        max_frames: longest piece of an example, in frames.
        validate_every: steps between validation points.
        patience: validation points without a better one after which training stops.
        validation_share: share of speakers held out; none of fewer than five speakers.
        size: of the network.
    """

    steps: int = 1200
    batch_size: int = 16
    learning_rate: float = 1.5e-3
    weight_decay: float = 0.05
    ema_decay: float = 0.995
    emotion_dropout: float = 0.15
    manner_dropout: float = 0.6
    typicality_dropout: float = 0.25
    feature_noise: float = 0.15
    statistics_noise: float = 0.2
    max_frames: int = 200
    validate_every: int = 200
    patience: int = 5
    validation_share: float = 0.15
    size: Size = field(default_factory=Size)


#: Trainings by name: "small" is for a laptop, "full" for several corpora and a GPU.
PRESETS = {
    "small": TrainingOptions(),
    "full": TrainingOptions(
        steps=20000,
        batch_size=64,
        learning_rate=1e-3,
        ema_decay=0.999,
        validate_every=500,
        patience=10,
        size=Size(channels=160, hidden=320, blocks=8),
    ),
}


def preset(size: str, *, steps: int = 0) -> TrainingOptions:
    """Return the options of a training by name, with *steps* gradient steps at most where these are above 0."""
    options = PRESETS[size]
    return replace(options, steps=steps) if steps else options


@dataclass(frozen=True)
class Look(Point):
    """A validation point with the mean network, in evaluation mode on the CPU, and its scale."""

    network: PerformanceField = field(repr=False)
    scale: Scale = field(repr=False)


def train_field(
    examples: Sequence[Example],
    emotions: Sequence[str],
    *,
    options: TrainingOptions,
    seed: int,
    device: str = "cpu",
    checkpoint: str | os.PathLike[str] | None = None,
    on_point: Callable[[Look], None] | None = None,
) -> tuple[PerformanceField, Scale, list[Point]]:
    """Return the trained network in evaluation mode, its scale, and the course of its training.

    Weighted squared error of the velocity; AdamW; the network of the best validation point is kept. On a CPU
    the same examples, options and seed give the same weights, whether the training was interrupted or not.

    Args:
        examples: of training speakers.
        emotions: names, in the order of the network's emotions.
        options: see :class:`TrainingOptions`.
        seed: of weights, order, noise and dropout.
        device: where torch computes, "cpu" or "cuda"; on the latter in mixed precision.
        checkpoint: file where the state is kept at every validation point; a training found there goes on, with
            *on_point* called at the points that are still to come.
        on_point: called at every validation point, after its state is kept.

    Raises:
        ModelError: there is no example, the checkpoint is of another training or damaged, or the loss is not finite.
    """
    if not examples:
        raise ModelError("there is no pair to learn from; choose a corpus with neutral and emotional clips")
    if device != "cpu":
        # What cuBLAS asks for before it computes the same sums twice; read when it is first used.
        os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    training, validation = _split(examples, options.validation_share, seed)
    scale = Scale.of(training)
    index = {name: i for i, name in enumerate(emotions)}
    by_emotion = [[i for i, e in enumerate(training) if index[e.emotion] == k] for k in range(len(emotions))]
    by_emotion = [rows for rows in by_emotion if rows]
    fixed = [
        make_batch(validation[i : i + 64], index, scale, max_frames=options.max_frames)
        for i in range(0, len(validation), 64)
    ]
    key = "" if checkpoint is None else _fingerprint(examples, emotions, options, seed, device)

    with torch.random.fork_rng(devices=[]), reproducible():
        torch.manual_seed(seed)
        network = PerformanceField(len(emotions), options.size).to(device)
        mean_network = PerformanceField(len(emotions), options.size).to(device)
        mean_network.load_state_dict(network.state_dict())
        optimiser = torch.optim.AdamW(
            network.parameters(), lr=options.learning_rate, weight_decay=options.weight_decay, betas=(0.9, 0.98)
        )
        state = State(network, mean_network, optimiser)
        if checkpoint is not None:
            read_state(checkpoint, state, training=key)
        step, losses = state.points[-1].step if state.points else 0, []
        while step < options.steps and not (fixed and state.points_since_best() >= options.patience):
            step += 1
            # A step's draws depend on the step alone, so a training that was killed goes on as if it had not been.
            rng = np.random.default_rng([seed, step])
            torch.manual_seed(int(rng.integers(2**62)))
            of_emotions = [by_emotion[k] for k in rng.integers(len(by_emotion), size=options.batch_size)]
            rows = [of_emotion[rng.integers(len(of_emotion))] for of_emotion in of_emotions]
            batch = make_batch([training[row] for row in rows], index, scale, max_frames=options.max_frames, rng=rng)
            for group in optimiser.param_groups:
                group["lr"] = options.learning_rate * schedule(step, options.steps)
            network.train()
            loss = _loss(network, batch, options, device, drop=True)
            optimiser.zero_grad(set_to_none=True)
            loss.backward()
            torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
            optimiser.step()
            state.average(step, options.ema_decay)
            losses.append(loss.detach())
            if step % options.validate_every and step != options.steps:
                continue
            mean_loss = float(np.mean([float(loss) for loss in losses]))
            losses = []
            if not math.isfinite(mean_loss):
                raise ModelError(f"training came to a loss of {mean_loss} by step {step}; choose another seed")
            point = Point(step, mean_loss, _validation_loss(mean_network.eval(), fixed, options, device))
            state.keep(point, held_out=bool(fixed))
            if checkpoint is not None:
                write_state(checkpoint, state, training=key)
            if on_point is not None:
                on_point(Look(step, mean_loss, point.validation_loss, copy.deepcopy(mean_network).cpu(), scale))
        if state.best is not None:
            mean_network.load_state_dict(state.best)
    return mean_network.cpu().eval(), scale, state.points


def _fingerprint(
    examples: Sequence[Example], emotions: Sequence[str], options: TrainingOptions, seed: int, device: str
) -> str:
    """Return the SHA-256 of what decides the course of a training."""
    settings = [list(emotions), asdict(options), seed, device, torch.__version__]
    digest = hashlib.sha256(json.dumps(settings, sort_keys=True).encode())
    for example in examples:
        digest.update(f"\0{example.speaker}\0{example.emotion}\0{example.typicality}\0".encode())
        source = example.source
        for array in (source.features, source.statistics, example.targets, example.weights):
            digest.update(str(array.shape).encode())
            digest.update(np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()


def _loss(
    network: PerformanceField, batch: dict[str, torch.Tensor], options: TrainingOptions, device: str, *, drop: bool
) -> torch.Tensor:
    batch = {name: values.to(device) for name, values in batch.items()}
    x1, mask = batch["targets"], batch["mask"]
    n, n_frames, n_targets = x1.shape
    time = torch.rand(1, device=device) + torch.arange(n, device=device) / n
    time = time % 1.0
    x0 = shaped_noise(torch.randn(n, 2 * n_frames + 1, n_targets, device=device))
    x = x0 + time[:, None, None] * (x1 - x0)
    features, statistics = batch["features"], batch["statistics"]
    emotion, manner, typicality = batch["emotion"], batch["manner"], batch["typicality"]
    if drop:
        # With few speakers, the network memorises what is theirs alone unless noise blurs it.
        features = features + options.feature_noise * (torch.randn_like(features) + torch.randn_like(features[:, :1]))
        statistics = statistics + options.statistics_noise * torch.randn_like(statistics)
        hidden = torch.rand(n, device=device)
        emotion = torch.where(hidden < options.emotion_dropout, network.n_emotions, emotion)
        manner = manner * (torch.rand(n, 1, device=device) >= options.manner_dropout)
        typicality = typicality * (torch.rand(n, 1, device=device) >= options.typicality_dropout)
    else:
        manner, typicality = torch.zeros_like(manner), torch.zeros_like(typicality)
    with torch.autocast(device, dtype=torch.bfloat16, enabled=device != "cpu"):
        velocity = network(
            x,
            time,
            features=features,
            statistics=statistics,
            emotion=emotion,
            manner=manner,
            typicality=typicality,
            mask=mask,
        )
    error = (velocity.float() - (x1 - x0)) ** 2 * batch["weights"]
    return error.sum() / batch["weights"].sum()


@torch.no_grad()
def _validation_loss(
    network: PerformanceField, batches: Sequence[dict[str, torch.Tensor]], options: TrainingOptions, device: str
) -> float:
    if not batches:
        return math.nan
    torch.manual_seed(0)
    return float(
        np.mean([float(_loss(network, batch, options, device, drop=False)) for _ in range(2) for batch in batches])
    )


def _split(examples: Sequence[Example], share: float, seed: int) -> tuple[list[Example], list[Example]]:
    held = held_out_speakers([example.speaker for example in examples], share, seed)
    return [e for e in examples if e.speaker not in held], [e for e in examples if e.speaker in held]
