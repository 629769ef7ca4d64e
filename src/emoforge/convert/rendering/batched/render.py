"""The renderer of :mod:`emoforge.convert.rendering.render` in torch: whole batches at once, wherever their tensors are.

It is for those who generate at scale beside a model on an accelerator. The steps, names and constants are those of the
numpy modules, which stay the reference; here every step is a search, a gather or a running sum over padded rows, so
that no clip waits for another and nothing is added up in an order that differs from run to run. Instants are counted in
float64, since a phase of thousands of cycles has to be exact to a hundredth of one; waveforms are float32.

Shapes: B clips, T samples, F frames of the source, K frames of the target, M bands.
"""

import math
from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from emoforge.base.errors import AudioError
from emoforge.convert.rendering.batched.filter import apply_gain, smooth_gain
from emoforge.convert.rendering.batched.marks import pitch_marks
from emoforge.convert.rendering.batched.overlap_add import overlap_add
from emoforge.convert.rendering.batched.rows import at_frames, counts, filled_log, inside, packed
from emoforge.convert.rendering.batched.style import StyleRows, target_rows
from emoforge.convert.rendering.render import F0_RATIO_LIMIT, GAIN_LIMIT_DB, PEAK, SLOWEST
from emoforge.convert.style import Style
from emoforge.convert.utterance import Utterance


def render_styles(
    utterances: Sequence[Utterance],
    styles: Sequence[Style],
    *,
    device: str | torch.device = "cpu",
    max_batch_s: float = 15.0,
) -> list[np.ndarray]:
    """Return every utterance spoken in its style, as :func:`emoforge.convert.style.render_style` does one by one.

    Args:
        utterances: sources of one channel, of any sampling rates.
        styles: one for each utterance.
        device: where to render.
        max_batch_s: seconds of source in a batch, padding included. What suits the caches of a CPU; an accelerator
            wants 1000 or more.

    Returns:
        One (n_samples,) float32 for each utterance, in their order.

    Raises:
        AudioError: an utterance has several channels or holds samples that are not finite, or the numbers differ.
    """
    if len(utterances) != len(styles):
        raise AudioError(f"{len(utterances)} utterances, but {len(styles)} styles; give one style for each utterance")
    results: list[np.ndarray] = [np.empty(0, dtype=np.float32)] * len(utterances)
    for batch in batches(utterances, max_batch_s=max_batch_s):
        sources, chosen = [utterances[i] for i in batch], [styles[i] for i in batch]
        rows = StyleRows(
            packed([style.f0_difference_st for style in chosen], np.float64, device),
            packed([style.stretch_log2 for style in chosen], np.float64, device),
            packed([style.envelope_difference_db for style in chosen], np.float32, device),
        )
        for index, signal in zip(batch, render_rows(sources, rows), strict=True):
            results[index] = signal
    return results


def render_rows(utterances: Sequence[Utterance], styles: StyleRows) -> list[np.ndarray]:
    """Return every utterance spoken in its style, on the device of *styles*.

    Args:
        utterances: B sources of one channel that :func:`batches` put together.
        styles: one row for each of them.

    Returns:
        One (n_samples,) float32 for each utterance.

    Raises:
        AudioError: an utterance has several channels or holds samples that are not finite.
    """
    for utterance in utterances:
        if utterance.signal.ndim != 1:
            raise AudioError(
                f"{utterance.clip_id}: signal of shape {utterance.signal.shape}, but batches hold clips of one "
                "channel; mix it down, or render it by render_style"
            )
    device = styles.stretch_log2.device
    sampling_rate, tracks = utterances[0].sampling_rate, utterances[0].tracks
    f0_hz = packed([utterance.tracks.f0_hz for utterance in utterances], np.float64, device)
    n_frames = counts([utterance.tracks.n_frames for utterance in utterances], device)
    chosen = target_rows(styles, f0_hz, n_frames, hop_s=tracks.hop_s)
    wav, lengths = render_batch(
        packed([utterance.signal for utterance in utterances], np.float32, device),
        counts([len(utterance.signal) for utterance in utterances], device),
        sampling_rate,
        f0_hz=f0_hz,
        n_frames=n_frames,
        hop_s=tracks.hop_s,
        target_f0_hz=chosen.f0_hz,
        time_map_s=chosen.time_map_s,
        n_target_frames=chosen.n_frames,
        envelope_difference_db=chosen.envelope_difference_db,
        band_rate=tracks.sampling_rate,
    )
    rows = wav.cpu().numpy()
    return [row[:n_samples].copy() for row, n_samples in zip(rows, lengths.tolist(), strict=True)]


def batches(utterances: Sequence[Utterance], *, max_batch_s: float) -> list[list[int]]:
    """Return the indices of the utterances of each batch: of one layout, of similar lengths.

    Args:
        utterances: of any lengths, sampling rates and bands.
        max_batch_s: seconds of audio in a batch, padding included; a longer utterance is a batch of its own.
    """
    found: list[list[int]] = []
    seconds = [len(utterance.signal) / utterance.sampling_rate for utterance in utterances]
    layout = [
        (u.sampling_rate, u.tracks.sampling_rate, u.tracks.hop_s, u.tracks.envelope_db.shape[1]) for u in utterances
    ]
    for index in sorted(range(len(utterances)), key=lambda i: (layout[i], seconds[i], i)):
        batch = found[-1] if found else []
        # The clip at hand is the longest so far, so that all are padded to it.
        if batch and layout[batch[0]] == layout[index] and (len(batch) + 1) * seconds[index] <= max_batch_s:
            batch.append(index)
        else:
            found.append([index])
    return found


@torch.no_grad()
def render_batch(
    wav: Tensor,
    lengths: Tensor,
    sampling_rate: int,
    *,
    f0_hz: Tensor,
    n_frames: Tensor,
    hop_s: float,
    target_f0_hz: Tensor,
    time_map_s: Tensor,
    n_target_frames: Tensor,
    envelope_difference_db: Tensor | None = None,
    gain_limit_db: float = GAIN_LIMIT_DB,
    time_smoothing_s: float = 0.015,
    band_smoothing: float = 1.0,
    band_rate: int | None = None,
) -> tuple[Tensor, Tensor]:
    """Return *wav* with another F0, timing, envelope and level, as `render.render` does.

    All tensors lie on one device, which must know float64. What a clip becomes depends on its batch by rounding and by
    how much silence follows it when it is interpolated (about 80 dB below the clip); the same batch on the same device
    gives the same bytes.

    Args:
        wav: (B, T) float32 in [-1, 1]; what lies beyond *lengths* is ignored, as in all that follows.
        lengths: (B,) int64, samples of each clip, at least 1.
        sampling_rate: in Hz.
        f0_hz: (B, F) F0 of *wav* in Hz, NaN where unvoiced.
        n_frames: (B,) int64, frames of each row of *f0_hz*, at least 1.
        hop_s: distance of all frames, in seconds.
        target_f0_hz: (B, K) F0 asked for in Hz, NaN where unvoiced or of no interest; limited to three times and a
            third of the source's.
        time_map_s: (B, K) instant of the source heard in each target frame, in seconds, not descending.
        n_target_frames: (B,) int64, frames of each row of the targets, at least 1.
        envelope_difference_db: (B, K, M) gain by mel band in dB; none if ``None``.
        gain_limit_db: largest gain or loss by band, in dB.
        time_smoothing_s: standard deviation of the smoothing of gains along time, in seconds.
        band_smoothing: standard deviation of the smoothing of gains along bands, in bands.
        band_rate: sampling rate whose mel bands *envelope_difference_db* has, in Hz; *sampling_rate* if ``None``.

    Returns:
        (B, T') float32, zero beyond each clip's end, and (B,) int64 lengths.

    Raises:
        AudioError: shapes that do not fit, a time map that runs backwards, or samples that are not finite.
    """
    _check(wav, lengths, f0_hz, n_frames, target_f0_hz, time_map_s, n_target_frames, envelope_difference_db)
    wav = wav.float().masked_fill(~inside(lengths, wav.shape[1]), 0.0)
    f0_hz, target_f0_hz = f0_hz.double(), target_f0_hz.double()
    time_map_s = time_map_s.double().masked_fill(~inside(n_target_frames, time_map_s.shape[1]), 0.0)

    target, source = _time_axis(
        time_map_s, n_target_frames, hop_s, lengths.double() / sampling_rate
    )  # (B, K + 1) seconds
    end_s = target.gather(1, n_target_frames[:, None]).squeeze(1)
    n_samples = torch.round(end_s * sampling_rate).long().clamp(min=1)
    ratio = _f0_ratio(f0_hz, n_frames, target_f0_hz, time_map_s, n_target_frames, hop_s)  # (B, K)

    marks = pitch_marks(wav, lengths, sampling_rate, f0_hz=f0_hz, n_frames=n_frames, hop_s=hop_s)
    result = overlap_add(
        wav,
        sampling_rate,
        marks,
        target=target * sampling_rate,
        source=source * sampling_rate,
        ratio=ratio,
        n_target=n_target_frames,
        n_samples=n_samples,
    )  # (B, T')
    within = inside(n_samples, result.shape[1])
    if envelope_difference_db is not None:
        gain_db = smooth_gain(
            envelope_difference_db.float(),
            n_target_frames,
            time_deviation=time_smoothing_s / hop_s,
            band_deviation=band_smoothing,
            limit_db=gain_limit_db,
        )
        result = apply_gain(
            result * within,
            sampling_rate,
            gain_db=gain_db,
            n_frames=n_target_frames,
            hop_s=hop_s,
            band_rate=band_rate or sampling_rate,
        )
    result = result * within
    peak = result.abs().amax(dim=1, keepdim=True)
    allowed = wav.abs().amax(dim=1, keepdim=True).clamp(min=PEAK)
    return result * (allowed / peak.clamp(min=1e-12)).clamp(max=1.0), n_samples


def _time_axis(time_map_s: Tensor, n_target: Tensor, hop_s: float, duration_s: Tensor) -> tuple[Tensor, Tensor]:
    """Knots of the result and of the source, (B, K + 1) seconds; knot ``n_target`` ends both and is then repeated."""
    n_knots = time_map_s.shape[1] + 1
    last = (n_target - 1)[:, None]
    knot = torch.arange(n_knots, device=time_map_s.device, dtype=torch.float64)
    last_s = time_map_s.gather(1, last)
    rest_s = (duration_s[:, None] - last_s).clamp(min=1e-9)
    target = torch.where(knot <= last, knot * hop_s, last.double() * hop_s + rest_s)
    source = torch.where(knot <= last, functional.pad(time_map_s, (0, 1)), last_s + rest_s)
    # Overlap-add inverts the map, so a stretch that stands still is made to advance very slowly.
    rise = torch.maximum(source.diff(dim=1), SLOWEST * target.diff(dim=1))
    return target, source[:, :1] + functional.pad(rise.cumsum(dim=1), (1, 0))


def _f0_ratio(
    f0_hz: Tensor, n_frames: Tensor, target_f0_hz: Tensor, time_map_s: Tensor, n_target: Tensor, hop_s: float
) -> Tensor:
    """(B, K) F0 of target over source, bridged where either is unvoiced."""
    frame = time_map_s / hop_s
    source_f0 = at_frames(filled_log(f0_hz, n_frames, math.log(120.0)), frame, n_frames).exp()
    nearest = torch.minimum(frame.round().long().clamp(min=0), (n_frames - 1)[:, None])
    ratio = torch.where(f0_hz.gather(1, nearest).isfinite(), target_f0_hz / source_f0, torch.nan)
    return filled_log(ratio, n_target, 0.0).exp().clamp(1 / F0_RATIO_LIMIT, F0_RATIO_LIMIT)


def _check(
    wav: Tensor,
    lengths: Tensor,
    f0_hz: Tensor,
    n_frames: Tensor,
    target_f0_hz: Tensor,
    time_map_s: Tensor,
    n_target: Tensor,
    envelope_db: Tensor | None,
) -> None:
    batch = len(wav)
    if wav.ndim != 2:
        raise AudioError(f"wav: shape {tuple(wav.shape)}, but (B, T) is needed; pad clips of one channel to one tensor")
    rows = {
        "wav": (wav, lengths),
        "f0_hz": (f0_hz, n_frames),
        "target_f0_hz": (target_f0_hz, n_target),
        "time_map_s": (time_map_s, n_target),
    }
    if envelope_db is not None:
        rows["envelope_difference_db"] = (envelope_db, n_target)
    for name, (values, n_values) in rows.items():
        if len(values) != batch or n_values.shape != (batch,):
            raise AudioError(
                f"{name}: {len(values)} rows and {tuple(n_values.shape)} lengths for {batch} clips; align them"
            )
        if bool((n_values < 1).any()) or bool((n_values > values.shape[1]).any()):
            raise AudioError(
                f"{name}: {values.shape[1]} columns, but lengths from {int(n_values.min())} to {int(n_values.max())}; "
                "each must be 1 or more and fit"
            )
    if not bool(torch.isfinite(wav.masked_fill(~inside(lengths, wav.shape[1]), 0.0)).all()):
        raise AudioError("wav: holds samples that are not finite; clean it")
    within = inside(n_target, time_map_s.shape[1])
    falls = (time_map_s.diff(dim=1) < 0) & within[:, 1:]
    wrong = (~time_map_s.isfinite() | (time_map_s < 0)) & within
    if bool(falls.any()) or bool(wrong.any()):
        raise AudioError("time_map_s: must start at 0 or later and never descend; sort it")
