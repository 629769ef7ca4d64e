"""Time-domain pitch-synchronous overlap-add: F0 and duration change, the waveform of every cycle stays.

Moulines and Charpentier, "Pitch-synchronous waveform processing techniques for text-to-speech synthesis using
diphones", Speech Communication 9 (1990).
"""

import numpy as np
import scipy.fft

from emoforge.convert.marks import GRID, Marks, on_grid

#: How far grains of stretched unvoiced sound are scattered, at most, so that no grain repeats at a fixed distance.
SCATTER_S = 0.0025
#: Two cycles of the source whose distances from an instant differ by less, in samples, are equally near.
NEARLY = 2 / GRID

#: Silence put around a signal before it is interpolated, in samples: the transform takes its end for its beginning.
PAD = 256
GOLDEN_RATIO = (np.sqrt(5.0) - 1.0) / 2.0


def overlap_add(
    signal: np.ndarray,
    sampling_rate: int,
    marks: Marks,
    *,
    target_s: np.ndarray,
    source_s: np.ndarray,
    f0_ratio: np.ndarray,
    n_samples: int,
) -> np.ndarray:
    """Return *signal* on a new time axis and with another F0.

    With the time axis of the source and a ratio of 1 every grain returns to where it came from, and the windows add
    up to one, so the result is the source.

    Args:
        signal: (n_source_samples,) float.
        sampling_rate: in Hz.
        marks: analysis marks of *signal*.
        target_s: (n_knots,) ascending instants of the result, in seconds, the first 0.
        source_s: (n_knots,) strictly ascending instants of *signal* heard at *target_s*, in seconds.
        f0_ratio: (n_knots,) F0 of the result over F0 of *signal* at *target_s*; read in voiced stretches only.
        n_samples: length of the result.

    Returns:
        (n_samples,) float64.
    """
    position, source, left, right = _place_grains(
        marks, target_s * sampling_rate, source_s * sampling_rate, f0_ratio, n_samples, sampling_rate
    )
    return _add_grains(signal, position, source, left, right, n_samples)


def _place_grains(
    marks: Marks, target: np.ndarray, source: np.ndarray, f0_ratio: np.ndarray, n_samples: int, sampling_rate: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Centre in the result, centre in the source and window half-widths of every grain, in samples."""
    # Marks are counted along the result: each interval of the source contributes its own rate of marks per sample,
    # times the F0 ratio where it is a cycle. Between the knots of this grid that rate is constant up to the slow
    # change of the ratio, so the count is exact, and a mark stands where it reaches a whole number.
    grid = np.unique(np.concatenate([target, np.interp(marks.position, source, target)]))
    grid = grid[(grid >= 0) & (grid <= n_samples)]
    grid = np.append(grid, max(grid[-1], n_samples) + 0.05 * sampling_rate)
    middle = (grid[1:] + grid[:-1]) / 2
    interval = np.searchsorted(marks.position, np.interp(middle, target, source), side="right") - 1
    interval = np.clip(interval, 0, len(marks.cycle) - 1)
    ratio = np.where(marks.cycle[interval], np.interp(middle, target, f0_ratio), 1.0)
    count = np.concatenate([[0.0], np.cumsum(ratio / np.diff(marks.position)[interval] * np.diff(grid))])
    position = np.interp(np.arange(int(count[-1] + 1e-6) + 1), count, grid)
    position = on_grid(position)
    position = position[np.append(True, np.diff(position) > 0)]

    at = np.interp(position, target, source)
    nearest = np.clip(np.searchsorted(marks.position, at), 1, len(marks.position) - 1)
    # Of two that are about equally near the earlier one is taken: an F0 ratio of 2 must not choose by rounding errors.
    nearest -= (at - marks.position[nearest - 1]) < (marks.position[nearest] - at) + NEARLY
    voiced = marks.voiced[nearest]
    rate = np.interp(position, target[:-1], np.diff(source) / np.diff(target))
    scatter = np.clip(4 * np.abs(rate - 1) - 0.2, 0, 1) * SCATTER_S * sampling_rate
    scatter *= 2 * (np.arange(len(position)) * GOLDEN_RATIO % 1.0) - 1
    centre = np.where(voiced, marks.position[nearest], on_grid(at + scatter))

    # A window reaches to the neighbouring mark of the result, but never past the neighbouring cycle of the source:
    # when F0 falls, the next pulse must not be heard as an echo.
    spacing = np.diff(position, prepend=-1.0, append=position[-1] + 1.0)
    source_spacing = np.where(marks.cycle, np.diff(marks.position), np.inf)
    source_left = np.append(np.inf, source_spacing)[nearest]
    source_right = np.append(source_spacing, np.inf)[nearest]
    left = np.minimum(spacing[:-1], np.where(voiced, source_left, np.inf))
    right = np.minimum(spacing[1:], np.where(voiced, source_right, np.inf))
    return position, centre, left, right


def _add_grains(
    signal: np.ndarray, position: np.ndarray, source: np.ndarray, left: np.ndarray, right: np.ndarray, n_samples: int
) -> np.ndarray:
    """Sum of the Hann-windowed grains; each is taken from a GRID times finer signal, so no shift is rounded."""
    pad = PAD
    n_padded = scipy.fft.next_fast_len(len(signal) + 2 * pad, real=True)
    spectrum = scipy.fft.rfft(np.pad(signal.astype(np.float32), pad) * np.float32(GRID), n_padded)
    if n_padded % 2 == 0:
        spectrum[-1] *= 0.5  # half the sampling rate is one bin of this transform, and two of the finer one
    fine = scipy.fft.irfft(spectrum, n_padded * GRID)

    # No window reaches past the neighbouring marks: a sample hears the grain before it and the grain after it.
    sample = np.arange(n_samples)
    before = np.searchsorted(position, sample, side="right") - 1
    shift = np.rint((source - position) * GRID).astype(int) + pad * GRID
    result = np.zeros(n_samples)
    for grain, half_width in ((before, right), (np.minimum(before + 1, len(position) - 1), left)):
        distance = np.minimum(np.abs(sample - position[grain]) / half_width[grain], 1.0)
        index = np.clip(sample * GRID + shift[grain], 0, len(fine) - 1)
        result += (0.5 + 0.5 * np.cos(np.pi * distance)) * fine[index]
    return result
