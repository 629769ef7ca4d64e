"""Time-domain pitch-synchronous overlap-add: F0 and duration change, the waveform of every cycle stays.

Moulines and Charpentier, "Pitch-synchronous waveform processing techniques for text-to-speech synthesis using
diphones", Speech Communication 9 (1990).
"""

from dataclasses import dataclass

import numpy as np
import scipy.fft

from emoforge.convert.rendering.marks import GRID, Marks, on_grid

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

    A window shorter than two cycles of the source does not average its harmonics out, and grains with a mean add up to
    a rumble below F0, as strong as a harmonic where F0 is raised by half an octave. So every grain is given the mean
    that its cycle has in a window of the source's own two cycles.

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
    grains, mark = _place_grains(
        marks, target_s * sampling_rate, source_s * sampling_rate, f0_ratio, n_samples, sampling_rate
    )
    return _add_grains(signal, marks, grains, mark, n_samples)


@dataclass(frozen=True)
class _Grains:
    """Where grains lie, in samples: centre in the result and in the source, half-widths of the window, (n,) each."""

    position: np.ndarray
    source: np.ndarray
    left: np.ndarray
    right: np.ndarray


def _place_grains(
    marks: Marks, target: np.ndarray, source: np.ndarray, f0_ratio: np.ndarray, n_samples: int, sampling_rate: int
) -> tuple[_Grains, np.ndarray]:
    """Every grain, and the mark of the cycle that it holds: -1 for a grain of unvoiced sound."""
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
    return _Grains(position, centre, left, right), np.where(voiced, nearest, -1)


def _add_grains(signal: np.ndarray, marks: Marks, grains: _Grains, mark: np.ndarray, n_samples: int) -> np.ndarray:
    """Sum of the Hann-windowed grains; each is taken from a GRID times finer signal, so no shift is rounded."""
    n_padded = scipy.fft.next_fast_len(len(signal) + 2 * PAD, real=True)
    spectrum = scipy.fft.rfft(np.pad(signal.astype(np.float32), PAD) * np.float32(GRID), n_padded)
    if n_padded % 2 == 0:
        spectrum[-1] *= 0.5  # half the sampling rate is one bin of this transform, and two of the finer one
    fine = scipy.fft.irfft(spectrum, n_padded * GRID)

    spacing = np.diff(marks.position, prepend=marks.position[0] - 1.0, append=marks.position[-1] + 1.0)
    cycles = _Grains(marks.position, marks.position, spacing[:-1], spacing[1:])
    own_mean = _means(_halves(fine, cycles, len(signal)), len(marks.position))
    halves = _halves(fine, grains, n_samples)
    excess = np.where(mark >= 0, _means(halves, len(mark)) - own_mean[mark], 0.0)
    return sum(weight * (values - excess[grain]) for grain, weight, values in halves)


def _halves(fine: np.ndarray, grains: _Grains, n_samples: int) -> list[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """The grain before and the grain after each sample, with its weight and its value there: (n_samples,) each.

    No window reaches past the neighbouring marks, so a sample hears these two.
    """
    sample = np.arange(n_samples)
    before = np.searchsorted(grains.position, sample, side="right") - 1
    after = np.minimum(before + 1, len(grains.position) - 1)
    shift = np.rint((grains.source - grains.position) * GRID).astype(int) + PAD * GRID
    halves = []
    for grain, half_width in ((before, grains.right), (after, grains.left)):
        distance = np.minimum(np.abs(sample - grains.position[grain]) / half_width[grain], 1.0)
        index = np.clip(sample * GRID + shift[grain], 0, len(fine) - 1)
        halves.append((grain, 0.5 + 0.5 * np.cos(np.pi * distance), fine[index]))
    return halves


def _means(halves: list[tuple[np.ndarray, np.ndarray, np.ndarray]], n_grains: int) -> np.ndarray:
    """(n_grains,) mean of each grain under its window."""
    total, mass = np.zeros(n_grains), np.zeros(n_grains)
    for grain, weight, values in halves:
        total += np.bincount(grain, weight * values, n_grains)
        mass += np.bincount(grain, weight, n_grains)
    return total / np.maximum(mass, 1e-9)
