"""The one interface of encoders of speech: clips in, the frames of every layer or their mean and deviation out.

On a CPU every clip passes the network by itself, on one thread. Shared batches are not faster there (Whisper tiny.en,
one core: 80 times real time by itself, 68 to 77 in batches of 4 to 32), and matrix products of another shape round
differently: two of three clips change in their last bits in batches of four. By itself a clip gives the same bytes
whatever else is asked for. On an accelerator clips of similar length share a batch, and may differ in the last bits.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol, TypeVar

import numpy as np
import torch
from torch import Tensor

from emoforge.base.batch import one_thread
from emoforge.base.errors import AudioError, ModelError

SAMPLING_RATE = 16_000
#: Samples from one frame to the next, 20 ms, of all the encoders here.
FRAME_LENGTH = 320
#: Most samples that an encoder is given at once, 30 s; attention over more costs memory with the square of its length.
LONGEST = 30 * SAMPLING_RATE
# An accelerator is given so many samples at once, padding included.
_BATCH_SAMPLES = 300 * SAMPLING_RATE

Reduced = TypeVar("Reduced")


class Network(Protocol):
    """What computes the layers of a batch of clips."""

    @property
    def n_layers(self) -> int:
        """Layers that it returns, the one below the transformer blocks included."""
        ...

    @property
    def width(self) -> int:
        """Width of a frame."""
        ...

    @property
    def shortest(self) -> int:
        """Fewest samples that it makes a frame of."""
        ...

    @property
    def longest(self) -> int:
        """Most samples that it takes."""
        ...

    @property
    def pads(self) -> bool:
        """Whether clips of different lengths may share a batch, the shorter ones padded with zeros."""
        ...

    def __call__(self, wav: Tensor, n_samples: Tensor) -> tuple[Tensor, Tensor]:
        """(B, N), (B,) samples that belong to each clip → (B, n_layers, T, width), (B,) frames that belong to it."""
        ...


class Window(NamedTuple):
    """A part of a clip that is encoded at once."""

    clip: int
    signal: np.ndarray


@dataclass(frozen=True, eq=False)
class Encoder:
    """A frozen encoder of speech.

    Attributes:
        name: of its weights, such as ``whisper-tiny.en``.
        sha256: of its weights.
        network: what computes, on *device*.
        device: of torch.
    """

    name: str
    sha256: str
    network: Network
    device: str = "cpu"

    @property
    def n_layers(self) -> int:
        """Number of layers, the one below the transformer blocks included."""
        return self.network.n_layers

    @property
    def width(self) -> int:
        """Width of a frame."""
        return self.network.width

    def frames(self, signals: Sequence[np.ndarray], sampling_rate: int) -> list[np.ndarray]:
        """Return the frames of every layer of each clip, one every 20 ms.

        A clip longer than 30 s is cut into parts of equal length, whose frames are joined; one that is too short for a
        frame is padded with zeros.

        Args:
            signals: (n_samples,) each, in [-1, 1].
            sampling_rate: 16,000 Hz.

        Returns:
            for each clip (n_layers, n_frames, width) float32.

        Raises:
            AudioError: another sampling rate; a clip that is empty, not one channel, or not finite.
        """
        parts = self._of_clips(signals, sampling_rate, lambda layers: layers.cpu().numpy())
        return [np.concatenate(of_clip, axis=1) for of_clip in parts]

    def embed(self, signals: Sequence[np.ndarray], sampling_rate: int) -> np.ndarray:
        """Return the mean and the standard deviation over time of every layer of each clip.

        Args:
            signals: as for :meth:`frames`.
            sampling_rate: as for :meth:`frames`.

        Returns:
            (n_clips, n_layers, 2 * width) float32, first the means, then the deviations.

        Raises:
            AudioError: as for :meth:`frames`.
        """
        parts = self._of_clips(signals, sampling_rate, _moments)
        embeddings = np.zeros((len(parts), self.n_layers, 2 * self.width), dtype=np.float32)
        for row, of_clip in zip(embeddings, parts, strict=True):
            row[:] = _joined(of_clip)
        return embeddings

    def _of_clips(
        self, signals: Sequence[np.ndarray], sampling_rate: int, reduce: Callable[[Tensor], Reduced]
    ) -> list[list[Reduced]]:
        """Return what *reduce* makes of (n_layers, n_frames, width) of each window, by clip and in order of time."""
        known = [checked(signal, sampling_rate) for signal in signals]
        windows = [Window(clip, part) for clip, signal in enumerate(known) for part in self._parts(signal)]
        reduced: dict[int, Reduced] = {}
        with torch.inference_mode(), one_thread() if self.device == "cpu" else nullcontext():
            for batch in self._batches([len(window.signal) for window in windows]):
                wav, n_samples = _padded([windows[index].signal for index in batch])
                layers, n_frames = self.network(wav.to(self.device), n_samples.to(self.device))
                for index, of_window, n in zip(batch, layers, n_frames.tolist(), strict=True):
                    reduced[index] = reduce(of_window[:, :n])
        parts: list[list[Reduced]] = [[] for _ in signals]
        for index, window in enumerate(windows):
            parts[window.clip].append(reduced[index])
        return parts

    def _parts(self, signal: np.ndarray) -> list[np.ndarray]:
        """Cut (n_samples,) into as few parts as may be encoded, equally long up to a frame."""
        n_frames = -(-len(signal) // FRAME_LENGTH)
        n_parts = -(-n_frames * FRAME_LENGTH // self.network.longest)
        ends = [n_frames * part // n_parts * FRAME_LENGTH for part in range(1, n_parts)]
        parts = np.split(signal, ends)
        return [np.pad(part, (0, max(0, self.network.shortest - len(part)))) for part in parts]

    def _batches(self, lengths: Sequence[int]) -> Iterator[list[int]]:
        """Yield the indices of *lengths* that are encoded together."""
        batch: list[int] = []
        for index in sorted(range(len(lengths)), key=lengths.__getitem__):
            length = lengths[index]
            full = self.device == "cpu" or (len(batch) + 1) * length > _BATCH_SAMPLES
            if batch and (full or not (self.network.pads or length == lengths[batch[0]])):
                yield batch
                batch = []
            batch.append(index)
        if batch:
            yield batch


def torch_device(device: str) -> str:
    """Return *device*, where ``auto`` is an accelerator if there is one.

    Raises:
        ModelError: it is neither ``auto``, ``cpu`` nor ``cuda``, or there is no such device here.
    """
    if device not in ("auto", "cpu", "cuda"):
        raise ModelError(f"unknown device {device!r}; allowed: auto, cpu, cuda")
    there = torch.cuda.is_available()
    if device == "cuda" and not there:
        raise ModelError("device 'cuda': torch finds no such device here; take 'auto' or 'cpu'")
    return "cuda" if there and device == "auto" else device.replace("auto", "cpu")


def checked(signal: Any, sampling_rate: int) -> np.ndarray:
    """Return *signal* as an encoder takes it, (n_samples,) float32.

    Raises:
        AudioError: as for :meth:`Encoder.frames`.
    """
    if sampling_rate != SAMPLING_RATE:
        raise AudioError(f"the encoder needs {SAMPLING_RATE} Hz, not {sampling_rate}: resample the clip first")
    signal = np.ascontiguousarray(signal, dtype=np.float32)
    if signal.ndim != 1:
        raise AudioError(f"not one channel: samples of shape {signal.shape}; mix the channels first")
    if not len(signal):
        raise AudioError("empty: no samples to read")
    if not np.isfinite(signal).all():
        raise AudioError("holds samples that are not finite (NaN or infinite); replace them first")
    return signal


def _padded(signals: Sequence[np.ndarray]) -> tuple[Tensor, Tensor]:
    """Return *signals* as one batch (B, N), zero past the end of each, and their lengths (B,)."""
    n_samples = [len(signal) for signal in signals]
    wav = torch.zeros(len(signals), max(n_samples))
    for row, signal in zip(wav, signals, strict=True):
        row[: len(signal)] = torch.from_numpy(signal)
    return wav, torch.tensor(n_samples)


def _moments(layers: Tensor) -> tuple[int, np.ndarray, np.ndarray]:
    """Return the number of frames, their mean and their variance, each of the latter (n_layers, width) float64."""
    variance, mean = torch.var_mean(layers, dim=1, correction=0)
    return layers.shape[1], mean.double().cpu().numpy(), variance.double().cpu().numpy()


def _joined(parts: Sequence[tuple[int, np.ndarray, np.ndarray]]) -> np.ndarray:
    """Return mean and standard deviation over all *parts* of a clip, (n_layers, 2 * width)."""
    n_frames = sum(n for n, _, _ in parts)
    mean = sum(n * of_part for n, of_part, _ in parts) / n_frames
    variance = sum(n * (of_part + (center - mean) ** 2) for n, center, of_part in parts) / n_frames
    return np.concatenate([mean, np.sqrt(variance)], axis=1)
