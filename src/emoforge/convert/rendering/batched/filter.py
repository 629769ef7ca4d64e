"""The time-varying filter of whole batches: :mod:`emoforge.convert.rendering.spectral_filter` in torch.

Shapes: B clips, T samples, K frames, M bands, L blocks of the filter.
"""

import math

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from emoforge.convert.rendering.batched.rows import at_frames
from emoforge.convert.rendering.spectral_filter import bin_gain_db


def smooth_gain(
    gain_db: Tensor, n_frames: Tensor, *, time_deviation: float, band_deviation: float, limit_db: float
) -> Tensor:
    """Smooth *gain_db* along time and bands, then limit it: as `spectral_filter.smooth_gain`.

    Args:
        gain_db: (B, K, M) float32 gain in dB.
        n_frames: (B,) int64, frames of each clip; beyond, the last frame's gain is held.
        time_deviation: standard deviation of the Gaussian along time, in frames; 0 for none.
        band_deviation: standard deviation of the Gaussian along the bands, in bands; 0 for none.
        limit_db: largest gain or loss, in dB.

    Returns:
        (B, K, M) float32.
    """
    batch, n_columns, n_bands = gain_db.shape
    frame = torch.minimum(torch.arange(n_columns, device=gain_db.device), (n_frames - 1)[:, None])
    gain_db = gain_db.gather(1, frame[..., None].expand(-1, -1, n_bands))
    if time_deviation > 0:
        rows = gain_db.transpose(1, 2).reshape(batch * n_bands, 1, n_columns)
        gain_db = _gaussian(rows, time_deviation).reshape(batch, n_bands, n_columns).transpose(1, 2)
    if band_deviation > 0:
        one_band = torch.eye(n_bands, device=gain_db.device)[:, None]
        gain_db = gain_db @ _gaussian(one_band, band_deviation)[:, 0]
    knee = limit_db * 0.75
    over = gain_db.abs() - knee
    bent = knee + (limit_db - knee) * torch.tanh(over.clamp(min=0) / (limit_db - knee))
    return torch.where(over > 0, gain_db.sign() * bent, gain_db)


def _gaussian(values: Tensor, deviation: float) -> Tensor:
    """Smooth *values* (rows, 1, n) along the last axis, ends held, by a Gaussian cut off at four deviations."""
    radius = int(4.0 * deviation + 0.5)
    offset = torch.arange(-radius, radius + 1, dtype=torch.float64)
    kernel = torch.exp(-0.5 * (offset / deviation) ** 2)
    kernel = (kernel / kernel.sum()).to(values.device, torch.float32)
    return functional.conv1d(functional.pad(values, (radius, radius), mode="replicate"), kernel[None, None])


def apply_gain(
    wav: Tensor, sampling_rate: int, *, gain_db: Tensor, n_frames: Tensor, hop_s: float, band_rate: int
) -> Tensor:
    """Filter *wav* by a time-varying zero-phase gain: :func:`emoforge.convert.rendering.spectral_filter.apply_gain`.

    Args:
        wav: (B, T) float32, zero beyond each clip's end.
        sampling_rate: in Hz.
        gain_db: (B, K, M) float32 gain in dB, frame ``i`` at ``i * hop_s`` seconds.
        n_frames: (B,) int64, frames of each clip.
        hop_s: distance of the frames, in seconds.
        band_rate: sampling rate whose mel bands *gain_db* has, in Hz.

    Returns:
        (B, T) float32.
    """
    n_samples = wav.shape[1]
    n_fft = 1 << round(math.log2(0.032 * sampling_rate))
    hop_length = n_fft // 4
    lead = n_fft - hop_length
    n_blocks = -(-n_samples // hop_length) + 6
    padded = functional.pad(wav, (lead, n_blocks * hop_length - lead - n_samples))
    # Periodic Hann at analysis and synthesis together (a square root each) adds up to 2 at a hop of a quarter.
    window = torch.sin(math.pi * torch.arange(n_fft, device=wav.device, dtype=torch.float32) / n_fft)
    frames = padded.unfold(1, n_fft, hop_length) * window  # (B, L, n_fft)
    n_filtered = frames.shape[1]
    start = torch.arange(n_filtered, device=wav.device, dtype=torch.float64) * hop_length
    centre = ((start + (n_fft // 2 - lead)) / sampling_rate / hop_s).expand(len(wav), -1)
    bands = np.arange(gain_db.shape[2])
    # One decibel in one band after the other: the weights that lead from bands to bins.
    weights = bin_gain_db(
        np.eye(len(bands), dtype=np.float32), bands, sampling_rate=sampling_rate, n_fft=n_fft, band_rate=band_rate
    )
    bins_db = at_frames(gain_db, centre, n_frames) @ torch.from_numpy(weights).to(wav.device)  # (B, L, n_fft // 2 + 1)
    spectrum = torch.fft.rfft(frames) * torch.exp(bins_db * (math.log(10.0) / 20.0))
    frames = torch.fft.irfft(spectrum, n_fft) * (window * 0.5)
    quarters = frames.unflatten(2, (4, hop_length))  # (B, L, 4, hop_length)
    result = wav.new_zeros(len(wav), n_filtered + 3, hop_length)
    for quarter in range(4):
        result[:, quarter : quarter + n_filtered] += quarters[:, :, quarter]
    return result.flatten(1)[:, lead : lead + n_samples]
