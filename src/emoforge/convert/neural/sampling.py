"""Draw performances from the network, one or many at once, and speak whole batches of them on an accelerator.

Shapes: B utterances, T frames of the network (20 ms), F frames of the tracks (10 ms), M mel bands.
"""

import copy
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import scipy.fft
import torch
from torch import Tensor

from emoforge.convert.base import Job
from emoforge.convert.neural.batches import Scale
from emoforge.convert.neural.model import PerformanceField, shaped_noise
from emoforge.convert.neural.pairs import (
    ENVELOPE,
    F0,
    F0_LIMIT_ST,
    MAX_STRETCH_LOG2,
    N_CEPSTRA,
    N_TARGETS,
    POOL,
    STRETCH,
    VOICED,
    Source,
    contour,
    read,
)
from emoforge.convert.rendering.batched.render import batches, render_rows
from emoforge.convert.rendering.batched.rows import at_frames, counts, inside, packed
from emoforge.convert.rendering.batched.style import StyleRows
from emoforge.convert.statistics import activity
from emoforge.prosody.tracks import Tracks

#: Steps of Euler's method from noise to performance.
STEPS = 8
#: Standard deviations of the smoothing along time, in frames. What is faster in the envelope is mostly what alignments
#: got wrong, and costs naturalness. F0 needs its small movements to be heard as surprise or disgust.
ENVELOPE_SMOOTHING, F0_SMOOTHING = 2.0, 0.5
#: How much of the guidance each column of a performance gets. Level gets none: a level led past what anybody acted is
#: heard as noise or as a murmur, and adds nothing to the emotion. Details of the envelope get little: they carry voice.
GUIDED = np.full(N_TARGETS, 0.3, dtype=np.float32)
GUIDED[[F0, STRETCH]] = 1.0
GUIDED[ENVELOPE][:4] = 0.0, 1.0, 1.0, 1.0


@dataclass(frozen=True)
class Prompt:
    """What one performance is drawn from.

    Attributes:
        source: the utterance as the network reads it.
        emotion: index of the target emotion.
        seed: of the noise.
        manner: (N_TARGETS + 1,) float32 as the network takes it, ``None`` for none.
    """

    source: Source
    emotion: int
    seed: int
    manner: np.ndarray | None = None


@dataclass(frozen=True)
class _Reading:
    """The parts of an utterance's tracks that are needed before and after the network."""

    source: Source
    relative_contour_st: np.ndarray
    activity: np.ndarray

    @classmethod
    def of(cls, tracks: Tracks) -> "_Reading":
        contour_st, mean_st = contour(tracks)
        return cls(read(tracks), contour_st - mean_st, activity(tracks))


@dataclass(frozen=True)
class Sampler:
    """Draws performances on the device of its network.

    The noise of a performance is drawn by numpy from its seed, whatever the batch and the device, so that an utterance
    is performed alike alone and among others, up to rounding.

    Attributes:
        network: in evaluation mode.
        scale: what the network was trained with.
        emotions: names, in the order of the network's emotions.
        guidance: strength of classifier-free guidance: 1 asks for the emotion as learnt, more exaggerates it (Ho and
            Salimans 2022, "Classifier-free diffusion guidance").
        temperature: standard deviation of the noise.
        f0_spread: (n_emotions,) float32; see :func:`emoforge.convert.neural.spread.f0_spread`.
        typicality: of performances, from -1 (least typical of the emotion) to 1.
    """

    network: PerformanceField
    scale: Scale
    emotions: tuple[str, ...]
    guidance: float
    temperature: float
    f0_spread: np.ndarray
    typicality: float = 1.0

    def to(self, device: str | torch.device) -> "Sampler":
        """Return a copy on *device*."""
        return replace(self, network=copy.deepcopy(self.network).to(device))

    @torch.inference_mode()
    def draw(self, prompts: Sequence[Prompt]) -> Tensor:
        """Return one performance for each of *prompts*.

        Returns:
            (B, T, N_TARGETS) float64; frames beyond an utterance's end have no meaning.
        """
        network, device = self.network, self._device
        sources = [prompt.source for prompt in prompts]
        n_frames = [len(source.features) for source in sources]
        features = packed([source.features for source in sources], np.float32, device)
        statistics = torch.from_numpy(np.stack([source.statistics for source in sources])).to(device)
        emotion = torch.tensor([prompt.emotion for prompt in prompts], device=device)
        nobody = np.zeros(N_TARGETS + 1, dtype=np.float32)
        manner = np.stack([nobody if prompt.manner is None else prompt.manner for prompt in prompts])
        typicality = torch.tensor([[self.typicality, 1.0], [0.0, 0.0]], device=device)
        # The emotions asked for and any emotion, in one batch.
        given = {
            "features": self._standardised(features, self.scale.features).repeat(2, 1, 1),
            "statistics": self._standardised(statistics, self.scale.statistics).repeat(2, 1),
            "emotion": torch.cat([emotion, torch.full_like(emotion, network.n_emotions)]),
            "manner": torch.from_numpy(manner).to(device).repeat(2, 1),
            "typicality": typicality.repeat_interleave(len(prompts), dim=0),
            "mask": inside(counts(n_frames, device), max(n_frames)).float().repeat(2, 1),
        }
        x = self.temperature * shaped_noise(torch.from_numpy(_white_noise(prompts, max(n_frames))).to(device))
        led = (self.guidance - 1) * torch.from_numpy(GUIDED).to(device)
        # Full precision: the style is to be that of the CPU.
        with torch.backends.cudnn.flags(enabled=True, benchmark=False, deterministic=True, allow_tf32=False):
            for step in range(STEPS):
                time = torch.full((2 * len(prompts),), step / STEPS, device=device)
                asked, anyone = network(x.repeat(2, 1, 1), time, **given).chunk(2)
                x = x + (asked + led * (asked - anyone)) / STEPS
        mean, deviation = torch.from_numpy(self.scale.targets).to(device)
        x = x.double() * deviation + mean
        mask = given["mask"][: len(prompts)]
        x[..., ENVELOPE] = _smooth(x[..., ENVELOPE], mask, ENVELOPE_SMOOTHING)
        x[..., F0 : F0 + 1] = _smooth(x[..., F0 : F0 + 1], mask, F0_SMOOTHING)
        voiced = features[..., VOICED] * mask
        mean_st = (voiced * x[..., F0]).sum(dim=1, keepdim=True) / voiced.sum(dim=1, keepdim=True).clamp_min(1e-3)
        spread = torch.from_numpy(self.f0_spread[[prompt.emotion for prompt in prompts]]).to(device)[:, None]
        x[..., F0] = mean_st + spread * (x[..., F0] - mean_st)
        return x

    def perform(self, jobs: Sequence[Job]) -> StyleRows:
        """Return the styles of *jobs*, within 0.001 (semitones, log2, dB) of those drawn one by one on a CPU.

        Args:
            jobs: sources of one layout of tracks, emotions of ``emotions``, intensities from 0 to 1, and seeds.
        """
        # Variants of one source are read once.
        known: dict[int, _Reading] = {}
        for source, *_ in jobs:
            if id(source.tracks) not in known:
                known[id(source.tracks)] = _Reading.of(source.tracks)
        readings = [known[id(source.tracks)] for source, *_ in jobs]
        prompts = [
            Prompt(reading.source, self.emotions.index(emotion), seed)
            for reading, (_, emotion, _, seed) in zip(readings, jobs, strict=True)
        ]
        intensity = torch.tensor([job[2] for job in jobs], dtype=torch.float64, device=self._device)
        return _style_rows(self.draw(prompts), readings, intensity, n_bands=jobs[0][0].tracks.envelope_db.shape[1])

    def convert(self, jobs: Sequence[Job], *, max_batch_s: float = 500.0) -> list[np.ndarray]:
        """Return the signals of *jobs*, packed into batches of similar lengths.

        A signal lies at least 30 dB above its difference to the one that is made alone on a CPU; where a duration
        falls on the edge of a frame, the lengths may differ by that frame.

        Args:
            jobs: see :meth:`perform`; sources of one channel, of any layout.
            max_batch_s: seconds of source in a batch, padding included; a second takes about 5 MB.

        Raises:
            AudioError: a source has several channels or holds samples that are not finite.
        """
        results: list[np.ndarray] = [np.empty(0, dtype=np.float32)] * len(jobs)
        for batch in batches([source for source, *_ in jobs], max_batch_s=max_batch_s):
            chosen = [jobs[index] for index in batch]
            for index, signal in zip(batch, render_rows([job[0] for job in chosen], self.perform(chosen)), strict=True):
                results[index] = signal
        return results

    @property
    def _device(self) -> torch.device:
        return next(self.network.parameters()).device

    @staticmethod
    def _standardised(values: Tensor, scale: np.ndarray) -> Tensor:
        mean, deviation = torch.from_numpy(scale).to(values.device)
        return (values - mean) / deviation


def _smooth(x: Tensor, mask: Tensor, deviation: float) -> Tensor:
    """Smooth (B, T, C) along time by a Gaussian of *deviation* frames that leaves out what *mask* (B, T) does."""
    reach = math.ceil(4 * deviation)
    offset = torch.arange(-reach, reach + 1, device=x.device, dtype=x.dtype)
    kernel = torch.exp(-0.5 * (offset / deviation) ** 2).view(1, 1, -1)
    mask = mask.to(x.dtype).unsqueeze(1)  # (B, 1, T)
    rows = x.transpose(1, 2) * mask  # (B, C, T)
    n, n_columns, n_frames = rows.shape
    smooth = torch.nn.functional.conv1d(rows.reshape(n * n_columns, 1, n_frames), kernel, padding=reach)
    weight = torch.nn.functional.conv1d(mask, kernel, padding=reach).clamp_min(1e-9)
    return (smooth.view(n, n_columns, n_frames) / weight).transpose(1, 2)


def _white_noise(prompts: Sequence[Prompt], n_frames: int) -> np.ndarray:
    """(B, 2 * n_frames + 1, N_TARGETS) float32; each prompt's two parts begin where :func:`shaped_noise` reads them."""
    white = np.zeros((len(prompts), 2 * n_frames + 1, N_TARGETS), dtype=np.float32)
    for row, prompt in zip(white, prompts, strict=True):
        n = len(prompt.source.features)
        drawn = np.random.default_rng(prompt.seed).standard_normal((2 * n + 1, N_TARGETS))
        row[: 1 + n] = drawn[: 1 + n]
        row[1 + n_frames : 1 + n_frames + n] = drawn[1 + n :]
    return white


def _style_rows(said: Tensor, readings: Sequence[_Reading], intensity: Tensor, *, n_bands: int) -> StyleRows:
    """What *said* (B, T, N_TARGETS) asks of the sources: :func:`~emoforge.convert.neural.pairs.style_of` by rows."""
    device = said.device
    contour_st = packed([reading.relative_contour_st for reading in readings], np.float64, device)  # (B, F)
    n_pooled = counts([len(reading.source.features) for reading in readings], device)
    at = (torch.arange(contour_st.shape[1], device=device, dtype=torch.float64) - (POOL - 1) / 2) / POOL
    said = at_frames(said, at.expand_as(contour_st), n_pooled)  # (B, F, N_TARGETS)
    to_bands = scipy.fft.idct(np.eye(N_CEPSTRA, n_bands), axis=1, norm="ortho").astype(np.float32)
    audible = packed([reading.activity for reading in readings], np.float32, device) * intensity[:, None].float()
    return StyleRows(
        f0_difference_st=(said[..., F0] - contour_st).clamp(-F0_LIMIT_ST, F0_LIMIT_ST) * intensity[:, None],
        stretch_log2=said[..., STRETCH].clamp(-MAX_STRETCH_LOG2, MAX_STRETCH_LOG2) * intensity[:, None],
        envelope_difference_db=(said[..., ENVELOPE].float() @ torch.from_numpy(to_bands).to(device))
        * audible[..., None],
    )
