"""A small neural recogniser on log-mel spectrograms and prosody: residual convolutions, then attention over time.

Shapes: a clip is (n_rows, n_frames), 64 mel bands in dB above 3 tracks of prosody; the network reads (B, n_rows, T)
and answers (B, n_classes) logits.
"""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache, partial
from typing import ClassVar, Self

import numpy as np
import torch
import torchaudio
from scipy.special import softmax
from torch import nn

from emoforge.base.batch import reproducible
from emoforge.base.errors import AudioError, EmoforgeError
from emoforge.prosody.energy import energy
from emoforge.prosody.f0 import f0, interpolated
from emoforge.ser.calibration import SpeakerNormaliser, fit_temperature
from emoforge.ser.recogniser import FILES, Examples
from emoforge.ser.training import TrainingOptions, train_network

SAMPLING_RATE = 16_000
N_MELS = 64
N_TRACKS = 3
N_ROWS = N_MELS + N_TRACKS
HOP_LENGTH = 160
N_FFT = 512
WINDOW_LENGTH = 400
FLOOR_DB = -80.0
_ENERGY_RANGE_DB = 52.0
_REFERENCE_HZ = 27.5

VERSION = 3


def logmel(signal: np.ndarray, sampling_rate: int) -> np.ndarray:
    """Log-mel spectrogram of one clip, with the tracks of its prosody below: what the network reads.

    Args:
        signal: (n_samples,) float32 in [-1, 1].
        sampling_rate: 16,000 Hz.

    Returns:
        (67, n_frames) float32, a frame every 20 ms: 64 mel bands from 0 to 8 kHz in dB re full scale, floored at -80;
        F0 in semitones re 27.5 Hz, interpolated where unvoiced; the share of voicing; the level in dB, floored 52 dB
        below its highest. All are means of two windows, 10 ms apart.

    Raises:
        AudioError: another sampling rate, or an empty signal.
    """
    if sampling_rate != SAMPLING_RATE:
        raise AudioError(f"log-mel needs {SAMPLING_RATE} Hz, not {sampling_rate}: resample the clip first")
    if not len(signal):
        raise AudioError("empty: no samples to read")
    signal = np.ascontiguousarray(signal, dtype=np.float32)
    if len(signal) <= N_FFT:
        signal = np.pad(signal, (0, N_FFT + 1 - len(signal)))
    power = _mel_spectrogram()(torch.from_numpy(signal))
    mel_db = (10.0 * torch.log10(power.clamp_min(10.0 ** (FLOOR_DB / 10)))).numpy()
    f0_hz = f0(signal, sampling_rate, hop_s=HOP_LENGTH / SAMPLING_RATE)
    level_db = energy(signal, sampling_rate, hop_s=HOP_LENGTH / SAMPLING_RATE)
    tracks = [
        12.0 * np.log2(interpolated(f0_hz) / _REFERENCE_HZ),
        ~np.isnan(f0_hz),
        np.maximum(level_db, level_db.max() - _ENERGY_RANGE_DB),
    ]
    rows = np.vstack([mel_db, *tracks]).astype(np.float32)
    if rows.shape[1] % 2:
        rows = np.pad(rows, ((0, 0), (0, 1)), mode="edge")
    return rows.reshape(N_ROWS, -1, 2).mean(axis=2)


@lru_cache(maxsize=1)
def _mel_spectrogram() -> nn.Module:
    return torchaudio.transforms.MelSpectrogram(
        sample_rate=SAMPLING_RATE,
        n_fft=N_FFT,
        win_length=WINDOW_LENGTH,
        hop_length=HOP_LENGTH,
        n_mels=N_MELS,
        normalized="window",
        norm="slaney",
        mel_scale="slaney",
    )


class ResidualBlock(nn.Module):
    """Two 3 × 3 convolutions beside a shortcut (He et al. 2016): (B, C_in, F, T) → (B, C_out, F / s_f, T / s_t)."""

    def __init__(self, n_in: int, n_out: int, stride: tuple[int, int]):
        super().__init__()
        self.conv1 = nn.Conv2d(n_in, n_out, 3, stride=stride, padding=1, bias=False)
        self.norm1 = nn.BatchNorm2d(n_out)
        self.conv2 = nn.Conv2d(n_out, n_out, 3, padding=1, bias=False)
        self.norm2 = nn.BatchNorm2d(n_out)
        self.shortcut = nn.Sequential(
            nn.AvgPool2d(stride, ceil_mode=True), nn.Conv2d(n_in, n_out, 1, bias=False), nn.BatchNorm2d(n_out)
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = torch.relu(self.norm1(self.conv1(x)))
        return torch.relu(self.norm2(self.conv2(y)) + self.shortcut(x))


class AttentiveStatistics(nn.Module):
    """Mean and standard deviation over time, weighted by attention (Okabe et al. 2018): (B, C, T) → (B, 2 C)."""

    def __init__(self, n_channels: int, n_hidden: int = 64):
        super().__init__()
        self.attention = nn.Sequential(
            nn.Conv1d(n_channels, n_hidden, 1), nn.Tanh(), nn.Conv1d(n_hidden, n_channels, 1)
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        weight = torch.softmax(self.attention(x), dim=-1)
        mean = (weight * x).sum(dim=-1)
        variance = (weight * x**2).sum(dim=-1) - mean**2
        return torch.cat([mean, variance.clamp_min(1e-5).sqrt()], dim=1)


class LogmelNetwork(nn.Module):
    """(B, n_rows, T) normalised mel bands and tracks → (B, n_classes) logits, about 180 thousand parameters."""

    def __init__(self, n_classes: int, *, dropout: float = 0.3):
        super().__init__()
        self.stem = nn.Sequential(
            nn.Conv2d(1, 16, (5, 3), stride=(2, 1), padding=(2, 1), bias=False), nn.BatchNorm2d(16), nn.ReLU()
        )
        self.blocks = nn.Sequential(
            ResidualBlock(16, 24, (2, 1)), ResidualBlock(24, 48, (2, 2)), ResidualBlock(48, 64, (2, 1))
        )
        self.tracks = nn.Sequential(
            nn.Conv1d(N_TRACKS, 32, 5, padding=2, bias=False),
            nn.BatchNorm1d(32),
            nn.ReLU(),
            nn.Conv1d(32, 64, 5, stride=2, padding=2, bias=False),
            nn.BatchNorm1d(64),
            nn.ReLU(),
        )
        self.mix = nn.Sequential(
            nn.Conv1d(64 * (N_MELS // 16) + 64, 128, 1, bias=False), nn.BatchNorm1d(128), nn.ReLU()
        )
        self.pool = AttentiveStatistics(128)
        self.head = nn.Sequential(nn.BatchNorm1d(256), nn.Dropout(dropout), nn.Linear(256, n_classes))
        # Convolutions of few channels run 1.6 times faster on a CPU when the channels lie next to each other.
        self.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    def forward(self, rows: torch.Tensor) -> torch.Tensor:
        x = self.blocks(self.stem(rows[:, None, :N_MELS])).flatten(1, 2)  # (B, 64 * n_mels / 16, T / 2)
        y = self.tracks(rows[:, N_MELS:])  # (B, 64, T / 2)
        return self.head(self.pool(self.mix(torch.cat([x, y], dim=1))))


@dataclass(frozen=True)
class LogmelRecogniser:
    """The network with its calibration: a :class:`~emoforge.ser.recogniser.Recogniser` of kind ``logmel``.

    Attributes:
        labels: emotion names, in the order of the columns of probabilities.
        network: in evaluation mode.
        normaliser: of the rows' means over a clip: where each speaker's neutral voice lies.
        row_scale: (n_rows,) weighted root mean square distance of training frames from their speaker's neutral voice.
        n_frames: how many the network sees at once, in training and in recognition: shorter clips are filled up to it,
            longer ones read window by window.
        temperature: divides the logits.
        history: of the training, see :func:`emoforge.ser.training.train_network`; empty in a model that was loaded.
    """

    kind: ClassVar[str] = "logmel"

    labels: tuple[str, ...]
    network: LogmelNetwork
    normaliser: SpeakerNormaliser
    row_scale: np.ndarray
    n_frames: int
    temperature: float = 1.0
    history: tuple[dict[str, float], ...] = ()

    @classmethod
    def fit(
        cls,
        train: Examples,
        *,
        labels: Sequence[str],
        enrolment: Examples,
        validation: Examples | None = None,
        seed: int = 0,
        options: TrainingOptions | None = None,
    ) -> Self:
        """Train on mel bands and tracks; see :meth:`emoforge.ser.recogniser.Recogniser.fit`.

        Without *validation* the temperature is 1.
        """
        if not len(train):
            raise EmoforgeError("there is no training clip: the training split is empty")
        train = train.take(train.sample_weights() > 0)
        if not len(train):
            raise EmoforgeError("the training clips' weights are all 0: give the real ones a weight of 1")
        truth, weights = train.label_indices(labels), train.sample_weights()
        normaliser = SpeakerNormaliser.fit(
            _row_means(train.inputs),
            train.speakers,
            _row_means(enrolment.inputs),
            enrolment.speakers,
            weights=weights,
        )
        centred = _calibrated(train, enrolment, normaliser, np.ones(N_ROWS))
        squares = np.array([(clip.astype(np.float64) ** 2).sum(axis=1) for clip in centred])
        n_frames = np.array([clip.shape[1] for clip in centred])
        row_scale = np.maximum(np.sqrt(weights @ squares / (weights @ n_frames)), 1e-3)
        held_out = None
        if validation is not None and len(validation):
            held_out = (
                _calibrated(validation, enrolment, normaliser, row_scale),
                validation.label_indices(labels),
            )
        clips = [clip / row_scale[:, None].astype(np.float32) for clip in centred]
        options = options or TrainingOptions()
        logits_of = partial(network_logits, n_frames=options.n_crop_frames)
        network, history = train_network(
            lambda: LogmelNetwork(len(labels)),
            clips,
            truth,
            weights,
            n_bands=N_MELS,
            n_classes=len(labels),
            validation=held_out,
            logits_of=logits_of,
            options=options,
            seed=seed,
        )
        temperature = 1.0
        if held_out is not None:
            temperature = fit_temperature(logits_of(network, held_out[0]), held_out[1])
        return cls(tuple(labels), network, normaliser, row_scale, options.n_crop_frames, temperature, history)

    def predict_proba(self, examples: Examples, enrolment: Examples) -> np.ndarray:
        """Return (n_clips, n_classes); see :meth:`emoforge.ser.recogniser.Recogniser.predict_proba`."""
        if not len(examples):
            return np.zeros((0, len(self.labels)))
        clips = _calibrated(examples, enrolment, self.normaliser, self.row_scale)
        return softmax(network_logits(self.network, clips, n_frames=self.n_frames) / self.temperature, axis=1)

    def save(self, folder: str | os.PathLike) -> None:
        """Write the model; see :meth:`emoforge.ser.recogniser.Recogniser.save`."""
        arrays = {f"network.{name}": tensor.numpy() for name, tensor in self.network.state_dict().items()}
        arrays |= self.normaliser.tensors("normaliser.") | {"row_scale": self.row_scale}
        description = {
            "labels": list(self.labels),
            "n_frames": self.n_frames,
            "shrink": self.normaliser.shrink,
            "temperature": self.temperature,
        }
        FILES.write(folder, kind=self.kind, version=VERSION, description=description, arrays=arrays)

    @classmethod
    def load(cls, folder: str | os.PathLike) -> Self:
        """Read the model; see :meth:`emoforge.ser.recogniser.Recogniser.load`."""
        description = FILES.read_description(folder, kind=cls.kind, version=VERSION)
        arrays = FILES.read_arrays(folder)
        with FILES.rebuilding(folder):
            network = LogmelNetwork(len(description["labels"]))
            network.load_state_dict(
                {
                    name.removeprefix("network."): torch.from_numpy(array)
                    for name, array in arrays.items()
                    if name.startswith("network.")
                }
            )
            return cls(
                tuple(description["labels"]),
                network.eval(),
                SpeakerNormaliser.from_tensors(arrays, "normaliser.", shrink=description["shrink"]),
                arrays["row_scale"],
                description["n_frames"],
                description["temperature"],
            )


def network_logits(network: LogmelNetwork, clips: Sequence[np.ndarray], *, n_frames: int) -> np.ndarray:
    """Run the network over whole clips, one window at a time, and average the windows' logits.

    Every clip is read by itself and on one thread, so that its answer depends neither on what else is asked nor on the
    machine.

    Args:
        network: in evaluation mode.
        clips: normalised rows (n_rows, any number of frames).
        n_frames: of a window; as many as in training, so that a short clip is filled up with as many zeros.

    Returns:
        (n_clips, n_classes) float64.
    """
    with torch.inference_mode(), reproducible():
        windows = (torch.from_numpy(_windows(clip, n_frames)) for clip in clips)
        return np.array([network(of_clip).double().mean(dim=0).numpy() for of_clip in windows])


def _windows(clip: np.ndarray, n_frames: int) -> np.ndarray:
    """Cut a clip into evenly spread windows, (n_windows, n_rows, n_frames); a short clip is centred among zeros."""
    spare = clip.shape[1] - n_frames
    if spare <= 0:
        before = -spare // 2
        return np.pad(clip, ((0, 0), (before, -spare - before)))[None].astype(np.float32)
    n_windows = -(-clip.shape[1] // n_frames)
    starts = np.linspace(0, spare, n_windows).round().astype(int)
    return np.stack([clip[:, start : start + n_frames] for start in starts]).astype(np.float32)


def _row_means(clips: Sequence[np.ndarray]) -> np.ndarray:
    """Mean of each row over each clip: (n_clips, n_rows)."""
    return np.array([clip.mean(axis=1, dtype=np.float64) for clip in clips]).reshape(len(clips), N_ROWS)


def _calibrated(
    examples: Examples, enrolment: Examples, normaliser: SpeakerNormaliser, row_scale: np.ndarray
) -> list[np.ndarray]:
    """Subtract each speaker's neutral voice from every frame and divide by *row_scale*: n clips (n_rows, n_frames)."""
    means, enrolled = _row_means(enrolment.inputs), np.asarray(enrolment.speakers)
    voices = {speaker: normaliser.neutral_voice(means[enrolled == speaker]) for speaker in np.unique(examples.speakers)}
    return [
        ((clip - voices[speaker][:, None]) / row_scale[:, None]).astype(np.float32)
        for clip, speaker in zip(examples.inputs, examples.speakers, strict=True)
    ]
