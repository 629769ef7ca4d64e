"""Resemblyzer's speaker encoder: what a clip's voice is read from, and the network that reads it.

The weights beside this module are those of the Resemblyzer wheel (Apache License 2.0, Resemble AI), as safetensors: the
wheel holds them pickled, and asks for a voice activity detector that is compiled at installation.
"""

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from emoforge.base.errors import ModelError

SAMPLING_RATE = 16000
N_DIMENSIONS = 256
N_MELS = 40

_WEIGHTS = Path(__file__).with_name("voice.safetensors")
_HIDDEN = 256
_LAYERS = 3
# Frames of 25 ms every 10 ms; 160 of them are a piece.
_FRAME = 400
_HOP = 160
_PIECE_FRAMES = 160
# How many pieces start in a second, and how full the last must be: the defaults of Resemblyzer's embed_utterance.
_PIECES_PER_SECOND = 1.3
_MIN_COVERAGE = 0.75
# Windows of the voice activity detector (30 ms), and how their answers are smoothed: over 8 windows, more than half of
# them speech, then widened by 3 windows on either side.
_WINDOW = 480
_SMOOTHED_WINDOWS = 8
_WIDENED_WINDOWS = 7


def trim_pauses(signal: np.ndarray) -> np.ndarray:
    """Return *signal* without what the voice activity detector takes for a pause.

    Args:
        signal: (n_samples,) float in [-1, 1] at 16 kHz.

    Returns:
        The rest, in whole windows of 30 ms; empty where there is no voice.
    """
    import webrtcvad
    from scipy.ndimage import binary_dilation

    n_windows = len(signal) // _WINDOW
    if not n_windows:
        return signal[:0]
    signal = signal[: n_windows * _WINDOW]
    samples = np.round(signal * 32767).astype(np.int16)
    detector = webrtcvad.Vad(3)
    voiced = [detector.is_speech(window.tobytes(), SAMPLING_RATE) for window in samples.reshape(n_windows, _WINDOW)]
    before = (_SMOOTHED_WINDOWS - 1) // 2
    padded = np.pad(np.asarray(voiced, dtype=float), (before, _SMOOTHED_WINDOWS - 1 - before))
    speech = np.convolve(padded, np.ones(_SMOOTHED_WINDOWS), mode="valid") > _SMOOTHED_WINDOWS / 2
    return signal[np.repeat(binary_dilation(speech, np.ones(_WIDENED_WINDOWS)), _WINDOW)]


def pieces(signal: np.ndarray) -> np.ndarray:
    """Return the mel spectrograms of a clip's pieces, each 1.6 s, which overlap by about half.

    Args:
        signal: (n_samples,) float32 in [-1, 1] at 16 kHz, at least one sample.

    Returns:
        (n_pieces, 160, 40) float32, power; the last piece is filled up with silence.
    """
    import librosa

    starts = list(_starts(len(signal)))
    end = (starts[-1] + _PIECE_FRAMES) * _HOP
    signal = np.pad(signal, (0, max(0, end - len(signal))))
    mel = librosa.feature.melspectrogram(y=signal, sr=SAMPLING_RATE, n_fft=_FRAME, hop_length=_HOP, n_mels=N_MELS)
    frames = mel.astype(np.float32).T
    return np.stack([frames[start : start + _PIECE_FRAMES] for start in starts])


def load_network():
    """Return the network (B, 160, 40) → (B, 256), each row of unit length and no element negative, on the CPU.

    Raises:
        ModelError: the weights of this installation are missing or damaged.
    """
    import torch
    from safetensors import SafetensorError
    from safetensors.torch import load_file
    from torch import nn

    class Network(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.lstm = nn.LSTM(N_MELS, _HIDDEN, _LAYERS, batch_first=True)
            self.linear = nn.Linear(_HIDDEN, N_DIMENSIONS)

        def forward(self, mel: torch.Tensor) -> torch.Tensor:
            _, (hidden, _) = self.lstm(mel)
            embedding = torch.relu(self.linear(hidden[-1]))  # (B, 256), of the last layer after the last frame
            return embedding / torch.norm(embedding, dim=1, keepdim=True)

    network = Network()
    try:
        network.load_state_dict(load_file(_WEIGHTS))
    except (OSError, SafetensorError, RuntimeError) as error:
        raise ModelError(
            f"{_WEIGHTS}: missing or damaged ({str(error).splitlines()[0]}); install emoforge again"
        ) from None
    return network.eval()


def _starts(n_samples: int) -> Iterator[int]:
    """Yield the first frame of every piece of a clip of *n_samples* samples."""
    n_frames = -(-(n_samples + 1) // _HOP)
    step = round(SAMPLING_RATE / _PIECES_PER_SECOND / _HOP)
    for start in range(0, max(1, n_frames - _PIECE_FRAMES + step + 1), step):
        if start and (n_samples - start * _HOP) / (_PIECE_FRAMES * _HOP) < _MIN_COVERAGE:
            # Only the last can be this empty.
            return
        yield start
