"""Train both networks: one loop, read from top to bottom."""

import copy
import hashlib
import json
import math
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field, replace
from os import PathLike

import numpy as np
import torch

from emoforge.base.batch import reproducible
from emoforge.base.errors import ModelError
from emoforge.base.training import Point, State, held_out_speakers, read_state, schedule, write_state
from emoforge.convert.generative.network import Field, Networks, Size, adopt
from emoforge.convert.generative.pairs import Material, Pair, example_of
from emoforge.convert.generative.timeline import TOKEN, stretch_of
from emoforge.convert.generative.voice import F0, N_VALUES

#: What an error in each value of a frame counts: listeners miss the level and F0 most, and high cepstra least.
_COUNTS = np.ones(N_VALUES, dtype=np.float32)
_COUNTS[[0, F0]] = 2.0
_COUNTS[20:40] = 0.5
#: The least typical clip of an emotion is drawn this much as often as the most typical one, which is above 1.
_LEAST_TYPICAL = 0.2


@dataclass(frozen=True)
class TrainingOptions:
    """How the networks are trained.

    Attributes:
        steps: gradient steps, at most.
        batch_size: pairs per step.
        learning_rate: highest of a schedule that rises over a twentieth and falls as a cosine.
        weight_decay: of AdamW.
        ema_decay: of the exponential mean of the weights that is kept.
        emotion_dropout: share of pairs whose emotion is hidden, for guidance.
        style_dropout: share of pairs whose style is hidden, so that it need not be given.
        max_tokens: longest piece of a clip, in tokens of 20 ms.
        validate_every: steps between validation points.
        patience: validation points without a better one after which training stops.
        validation_share: share of speakers held out; none of fewer than five speakers.
        size: of the networks.
    """

    steps: int = 2400
    batch_size: int = 32
    learning_rate: float = 6e-4
    weight_decay: float = 0.01
    ema_decay: float = 0.999
    emotion_dropout: float = 0.1
    style_dropout: float = 0.4
    max_tokens: int = 200
    validate_every: int = 200
    patience: int = 5
    validation_share: float = 0.1
    size: Size = field(default_factory=lambda: Size(channels=192, blocks=6))


#: Trainings by name: "small" is for a laptop, "full" for several corpora and a GPU.
PRESETS = {
    "small": TrainingOptions(),
    "full": TrainingOptions(
        steps=40000, batch_size=64, validate_every=1000, patience=10, size=Size(channels=384, blocks=12)
    ),
}


def preset(size: str, *, steps: int = 0) -> TrainingOptions:
    """Return the options of a training by name, with *steps* gradient steps at most where these are above 0."""
    options = PRESETS[size]
    return replace(options, steps=steps) if steps else options


@dataclass(frozen=True)
class Look(Point):
    """A validation point with the mean networks, in evaluation mode on the CPU."""

    networks: Networks = field(repr=False)


@dataclass(frozen=True)
class Scale:
    """What standardises voices and durations.

    Attributes:
        voice: (2, N_VOICE) mean and standard deviation of the training speakers' voices.
        stretch: standard deviation of the stretch of a token.
    """

    voice: np.ndarray
    stretch: float

    @classmethod
    def of(cls, material: Material) -> "Scale":
        voices = np.stack([voice.vector() for voice in material.voices.values()])
        stretch = np.concatenate(
            [stretch_of(pair.position, len(material.clips[pair.source].values)) for pair in material.pairs]
        )
        return cls(
            np.stack([voices.mean(axis=0), voices.std(axis=0) + 1e-3]).astype(np.float32),
            max(float(stretch.std()), 1e-2),
        )

    def standardised(self, voice: np.ndarray) -> np.ndarray:
        return ((voice - self.voice[0]) / self.voice[1]).astype(np.float32)


@dataclass(frozen=True)
class Base:
    """Trained networks that a training goes on from.

    Attributes:
        networks: trained ones.
        scale: of their training, which is kept.
        emotions: names, in the order of the networks' emotions.
    """

    networks: Networks
    scale: Scale
    emotions: Sequence[str]

    def row(self, emotion: str) -> int | None:
        return self.emotions.index(emotion) if emotion in self.emotions else None


def train_networks(
    material: Material,
    emotions: Sequence[str],
    *,
    options: TrainingOptions,
    seed: int,
    device: str = "cpu",
    checkpoint: str | PathLike[str] | None = None,
    base: Base | None = None,
    on_point: Callable[[Look, Scale], None] | None = None,
) -> tuple[Networks, Scale, list[Point]]:
    """Return the trained networks in evaluation mode, their scale, and the course of the training.

    Squared error of the velocities; AdamW; the networks of the best validation point are kept. On a CPU the same
    material, options and seed give the same weights, whether the training was interrupted or not.

    Args:
        material: of training speakers.
        emotions: names, neutral among them, in the order of the networks' emotions.
        options: see :class:`TrainingOptions`.
        seed: of weights, order, noise and dropout.
        device: where torch computes, "cpu" or "cuda".
        base: networks to go on from, whose size counts instead of that of the options; None starts from nothing.
        checkpoint: file where the state is kept at every validation point; a training found there goes on, with
            *on_point* called at the points that are still to come.
        on_point: called at every validation point, after its state is kept.

    Raises:
        ModelError: the checkpoint is of another training or damaged, or the loss is not finite.
    """
    scale = base.scale if base else Scale.of(material)
    targets = [material.clips[pair.target] for pair in material.pairs]
    held = held_out_speakers([clip.speaker for clip in targets], options.validation_share, seed)
    training = [pair for pair, clip in zip(material.pairs, targets, strict=True) if clip.speaker not in held]
    validation = [pair for pair, clip in zip(material.pairs, targets, strict=True) if clip.speaker in held]
    fixed = _fixed_batches(validation, material, emotions, scale, options)
    shares = _shares(training, material)
    lengths = np.array([len(pair.position) for pair in training])
    key = "" if checkpoint is None else _fingerprint(material, emotions, options, seed, device, base)

    with torch.random.fork_rng(devices=[]), reproducible():
        torch.manual_seed(seed)
        networks = Networks(len(emotions), base.networks.size if base else options.size)
        if base:
            adopt(networks, base.networks, [base.row(emotion) for emotion in emotions])
        networks.to(device)
        mean_networks = copy.deepcopy(networks)
        optimiser = torch.optim.AdamW(
            networks.parameters(), lr=options.learning_rate, weight_decay=options.weight_decay, betas=(0.9, 0.99)
        )
        state = State(networks, mean_networks, optimiser)
        if checkpoint is not None:
            read_state(checkpoint, state, training=key)
        step, losses = state.points[-1].step if state.points else 0, []
        while step < options.steps and not (fixed and state.points_since_best() >= options.patience):
            step += 1
            # A step's draws depend on the step alone, so a training that was killed goes on as if it had not been.
            rng = np.random.default_rng([seed, step])
            torch.manual_seed(int(rng.integers(2**62)))
            rows = _similar_lengths(lengths, shares, options.batch_size, rng)
            batch = _batch([training[row] for row in rows], material, emotions, scale, options, rng)
            for group in optimiser.param_groups:
                group["lr"] = options.learning_rate * schedule(step, options.steps)
            networks.train()
            loss = _loss(networks, batch, options, device, drop=True)
            optimiser.zero_grad(set_to_none=True)
            loss.backward()
            torch.nn.utils.clip_grad_norm_(networks.parameters(), 1.0)
            optimiser.step()
            state.average(step, options.ema_decay)
            losses.append(loss.detach())
            if step % options.validate_every and step != options.steps:
                continue
            mean_loss = float(np.mean([float(loss) for loss in losses]))
            losses = []
            if not math.isfinite(mean_loss):
                raise ModelError(f"training came to a loss of {mean_loss} by step {step}; choose another seed")
            point = Point(step, mean_loss, _validation_loss(mean_networks.eval(), fixed, options, device))
            state.keep(point, held_out=bool(fixed))
            if checkpoint is not None:
                write_state(checkpoint, state, training=key)
            if on_point is not None:
                on_point(Look(step, mean_loss, point.validation_loss, copy.deepcopy(mean_networks).cpu()), scale)
        if state.best is not None:
            mean_networks.load_state_dict(state.best)
    return mean_networks.cpu().eval(), scale, state.points


def _shares(pairs: Sequence[Pair], material: Material) -> np.ndarray:
    """Return how often each pair is drawn: rare emotions more often, by the root of their number, and typical clips."""
    emotions = [material.clips[pair.target].emotion for pair in pairs]
    _, index, counts = np.unique(emotions, return_inverse=True, return_counts=True)
    typical = np.array([material.ranks[pair.target] for pair in pairs])
    shares = (_LEAST_TYPICAL + typical) / np.sqrt(counts[index])
    return shares / shares.sum()


def _similar_lengths(lengths: np.ndarray, shares: np.ndarray, n: int, rng: np.random.Generator) -> np.ndarray:
    """Return *n* rows whose lengths are alike, so that little is padding: an eighth of a longer draw, by length."""
    drawn = rng.choice(len(lengths), 8 * n, p=shares)
    drawn = drawn[np.argsort(lengths[drawn], kind="stable")]
    start = rng.integers(8) * n
    return drawn[start : start + n]


def _fixed_batches(
    pairs: Sequence[Pair], material: Material, emotions: Sequence[str], scale: Scale, options: TrainingOptions
) -> list[dict[str, torch.Tensor]]:
    ordered = sorted(pairs, key=lambda pair: len(pair.position))
    rng = np.random.default_rng(0)
    return [
        _batch(ordered[first : first + 64], material, emotions, scale, options, rng)
        for first in range(0, len(ordered), 64)
    ]


def _batch(
    pairs: Sequence[Pair],
    material: Material,
    emotions: Sequence[str],
    scale: Scale,
    options: TrainingOptions,
    rng: np.random.Generator,
) -> dict[str, torch.Tensor]:
    """Return pairs padded and stacked; of longer clips a piece that *rng* draws."""
    examples = [example_of(material, pair) for pair in pairs]
    limit = options.max_tokens
    speech, known, mask = _padded([(example.speech, example.known) for example in examples], limit, rng)
    stretch, source, source_mask = _padded([(example.stretch, example.source) for example in examples], limit, rng)
    styles = np.stack([np.append(example.style, 1.0) for example in examples]).astype(np.float32)
    voices = np.stack([scale.standardised(material.voices[example.speaker].vector()) for example in examples])
    return {
        "speech": speech,
        "known": known,
        "mask": mask,
        "stretch": stretch / scale.stretch,
        "source": source,
        "source_mask": source_mask,
        "emotion": torch.tensor([list(emotions).index(example.emotion) for example in examples]),
        "voice": torch.from_numpy(voices),
        "style": torch.from_numpy(styles),
    }


def _padded(
    both: Sequence[tuple[np.ndarray, np.ndarray]], limit: int, rng: np.random.Generator
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Return what is generated, what is known, each (B, T, n), and the mask (B, T)."""
    n_tokens = min(max(len(first) for first, _ in both), limit)
    first, second = (torch.zeros(len(both), n_tokens, both[0][part].shape[1]) for part in (0, 1))
    mask = torch.zeros(len(both), n_tokens)
    for row, (generated, known) in enumerate(both):
        start = int(rng.integers(len(generated) - n_tokens + 1)) if len(generated) > n_tokens else 0
        piece = slice(start, start + n_tokens)
        n = len(generated[piece])
        first[row, :n] = torch.from_numpy(np.ascontiguousarray(generated[piece]))
        second[row, :n] = torch.from_numpy(np.ascontiguousarray(known[piece]))
        mask[row, :n] = 1.0
    return first, second, mask


def _loss(
    networks: Networks, batch: dict[str, torch.Tensor], options: TrainingOptions, device: str, *, drop: bool
) -> torch.Tensor:
    batch = {name: values.to(device) for name, values in batch.items()}
    n = len(batch["emotion"])
    emotion, style = batch["emotion"], batch["style"]
    if drop:
        n_emotions = networks.speech.n_emotions
        emotion = torch.where(torch.rand(n, device=device) < options.emotion_dropout, n_emotions, emotion)
        style = style * (torch.rand(n, 1, device=device) >= options.style_dropout)
    given = {"emotion": emotion, "voice": batch["voice"], "style": style}
    counts = torch.from_numpy(np.tile(_COUNTS, TOKEN)).to(device)
    # Mixed precision where the processor has it: three times as fast, and no worse here.
    mixed = device != "cpu" or torch.cpu._is_avx512_bf16_supported()
    with torch.autocast(device, dtype=torch.bfloat16, enabled=mixed):
        speech = _velocity_error(networks.speech, batch["speech"], batch["known"], batch["mask"], counts, given)
        timing = _velocity_error(
            networks.timing, batch["stretch"], batch["source"], batch["source_mask"], counts[:1], given
        )
    return speech + timing


def _velocity_error(
    network: Field,
    x1: torch.Tensor,
    known: torch.Tensor,
    mask: torch.Tensor,
    counts: torch.Tensor,
    given: dict[str, torch.Tensor],
) -> torch.Tensor:
    # Times in the middle, where there is most to decide, are drawn more often (Esser et al. 2024, logit-normal).
    time = torch.sigmoid(torch.randn(len(x1), device=x1.device))
    x0 = torch.randn_like(x1)
    x = x0 + time[:, None, None] * (x1 - x0)
    velocity = network(x, time, known=known, mask=mask, **given)
    error = ((velocity.float() - (x1 - x0)) ** 2 * counts).mean(dim=-1)
    return (error * mask).sum() / mask.sum()


@torch.no_grad()
def _validation_loss(
    networks: Networks, batches: Sequence[dict[str, torch.Tensor]], options: TrainingOptions, device: str
) -> float:
    if not batches:
        return math.nan
    torch.manual_seed(0)
    return float(np.mean([float(_loss(networks, batch, options, device, drop=False)) for batch in batches]))


def _fingerprint(
    material: Material, emotions: Sequence[str], options: TrainingOptions, seed: int, device: str, base: Base | None
) -> str:
    """Return the SHA-256 of what decides the course of a training."""
    settings = [list(emotions), asdict(options), seed, device, torch.__version__]
    digest = hashlib.sha256(json.dumps(settings, sort_keys=True).encode())
    for clip in material.clips:
        digest.update(f"\0{clip.speaker}\0{clip.emotion}\0{clip.values.shape}\0".encode())
        digest.update(np.ascontiguousarray(clip.values).tobytes())
    for pair in material.pairs:
        digest.update(_described(pair))
    for name, values in base.networks.state_dict().items() if base else ():
        digest.update(name.encode() + values.numpy().tobytes())
    return digest.hexdigest()


def _described(pair: Pair) -> bytes:
    return f"{pair.target} {pair.source} ".encode() + pair.position.tobytes()
