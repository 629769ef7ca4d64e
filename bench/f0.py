"""Which F0 estimator is right, and at what speed? Measured on voices whose F0 is known exactly.

Run ``python bench/f0.py``; it prints a table and writes the entry ``f0`` of ``bench/results.json``. Every method is
timed on the same signals in the same process, on one thread. No real speech is involved: on real speech the true F0 is
unknown.
"""

import argparse
import os
import time

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
import scipy.signal
from record import record

from emoforge.prosody.f0 import METHODS, f0
from emoforge.prosody.synthetic import VOWELS, smooth_contour, voice

SAMPLING_RATE = 16000
HOP_S = 0.01
DURATION_S = 2.0
EDGE_S = 0.05
RANGES_HZ = ((80.0, 160.0), (110.0, 240.0), (160.0, 320.0), (220.0, 450.0))
#: name → (signal-to-noise ratio in dB or None, noise, jitter, shimmer)
CONDITIONS = {
    "clean": (None, "white", 0.0, 0.0),
    "jitter": (None, "white", 0.02, 0.1),
    "white 20 dB": (20.0, "white", 0.005, 0.03),
    "white 10 dB": (10.0, "white", 0.005, 0.03),
    "white 5 dB": (5.0, "white", 0.005, 0.03),
    "babble 15 dB": (15.0, "babble", 0.005, 0.03),
    "babble 10 dB": (10.0, "babble", 0.005, 0.03),
    "octave trap": (30.0, "white", 0.005, 0.03),
}


def gapped(contour: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """Set stretches of *contour* to NaN: 0.15 to 0.5 s voiced, 0.05 to 0.25 s unvoiced, in turn."""
    contour = contour.copy()
    at = int(random.uniform(0.05, 0.2) * SAMPLING_RATE)
    contour[:at] = np.nan
    while at < len(contour):
        at += int(random.uniform(0.15, 0.5) * SAMPLING_RATE)
        gap = int(random.uniform(0.05, 0.25) * SAMPLING_RATE)
        contour[at : at + gap] = np.nan
        at += gap
    return contour


def fricatives(f0_hz: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """Hiss above 3 kHz in every other gap of *f0_hz*; the remaining gaps are silent."""
    gaps = np.isnan(f0_hz)
    number = np.cumsum(np.diff(gaps.astype(int), prepend=0) == 1)
    high_pass = scipy.signal.butter(4, 3000.0, "highpass", fs=SAMPLING_RATE, output="sos")
    hiss = scipy.signal.sosfilt(high_pass, random.standard_normal(len(f0_hz)))
    return np.where(gaps & (number % 2 == 1), 0.02 * hiss, 0.0)


def babble(n_samples: int, seed: int) -> np.ndarray:
    """Six voices that talk at once, each with gaps of its own."""
    random = np.random.default_rng(seed)
    total = np.zeros(n_samples)
    for talker in range(6):
        low, high = RANGES_HZ[talker % len(RANGES_HZ)]
        contour = smooth_contour(n_samples, SAMPLING_RATE, low_hz=low, high_hz=high, seed=seed + talker)
        vowel = sorted(VOWELS)[talker % len(VOWELS)]
        total += voice(gapped(contour, random), SAMPLING_RATE, vowel=vowel, seed=seed + talker)
    return total


def known_voice(condition: str, range_hz: tuple[float, float], vowel: str, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Return (signal, F0 by sample), the latter NaN where nothing is voiced."""
    snr_db, noise, jitter, shimmer = CONDITIONS[condition]
    random = np.random.default_rng(seed)
    n_samples = int(DURATION_S * SAMPLING_RATE)
    contour = smooth_contour(n_samples, SAMPLING_RATE, low_hz=range_hz[0], high_hz=range_hz[1], seed=seed)
    contour = gapped(contour, random)
    signal = voice(contour, SAMPLING_RATE, vowel=vowel, jitter=jitter, shimmer=shimmer, seed=seed).astype(np.float64)
    if condition == "octave trap":
        # A telephone band takes the first harmonic away, and a room resonance at 1.5 times the mean adds a wrong one.
        band = scipy.signal.butter(4, 300.0, "highpass", fs=SAMPLING_RATE, output="sos")
        signal = scipy.signal.sosfilt(band, signal)
        signal *= 0.05 / np.sqrt(np.mean(signal**2))
    signal += fricatives(contour, random)
    if snr_db is not None:
        disturbance = random.standard_normal(n_samples) if noise == "white" else babble(n_samples, seed + 1000)
        power = np.mean(signal[~np.isnan(contour)] ** 2) / np.mean(disturbance**2)
        signal += disturbance * np.sqrt(power * 10.0 ** (-snr_db / 10.0))
    return signal.astype(np.float32), contour


def errors(estimate: np.ndarray, contour: np.ndarray) -> dict[str, np.ndarray]:
    """Frame by frame: what is true, what was found, and which frames lie within EDGE_S after an onset of voicing."""
    at = np.minimum(np.rint(np.arange(len(estimate)) * HOP_S * SAMPLING_RATE).astype(int), len(contour) - 1)
    truth = contour[at]
    voiced, found = ~np.isnan(truth), ~np.isnan(estimate)
    both = voiced & found
    cents = np.full(len(truth), np.nan)
    cents[both] = 1200.0 * np.log2(estimate[both] / truth[both])
    onsets = np.flatnonzero(np.diff((~np.isnan(contour)).astype(int)) == 1) / SAMPLING_RATE
    times = np.arange(len(truth)) * HOP_S
    onset = ((times[:, None] >= onsets) & (times[:, None] < onsets + EDGE_S)).any(axis=1)
    return {"voiced": voiced, "found": found, "cents": cents, "onset": onset}


def summary(parts: list[dict[str, np.ndarray]]) -> dict[str, float]:
    """Pool the frames of many signals into the figures of the table."""
    pooled = {key: np.concatenate([part[key] for part in parts]) for key in parts[0]}
    both = pooled["voiced"] & pooled["found"]
    off = np.abs(pooled["cents"])
    gross = both & (np.abs(2.0 ** (pooled["cents"] / 1200.0) - 1.0) > 0.2)
    fine = both & ~gross
    onset = pooled["onset"] & pooled["voiced"]
    return {
        "gross_error": gross.sum() / max(both.sum(), 1),
        "fine_error_cents": float(np.mean(off[fine])),
        "voicing_error": float(np.mean(pooled["voiced"] != pooled["found"])),
        "missed": float(np.mean(~pooled["found"][pooled["voiced"]])),
        "false_alarm": float(np.mean(pooled["found"][~pooled["voiced"]])),
        "onset_missed": float(np.mean(~pooled["found"][onset])),
        "onset_fine_error_cents": float(np.mean(off[onset & fine])),
        # Frames that a user would have to mend: voiced ones that are missed or grossly wrong, and false alarms.
        "frame_error": float(np.mean((pooled["voiced"] != pooled["found"]) | gross)),
    }


def signals(per_condition: int) -> dict[str, list[tuple[np.ndarray, np.ndarray]]]:
    made = {}
    for condition in CONDITIONS:
        made[condition] = [
            known_voice(condition, RANGES_HZ[k % 4], sorted(VOWELS)[k % 5], seed=1 + k) for k in range(per_condition)
        ]
    return made


def measure(method: str, made: dict[str, list[tuple[np.ndarray, np.ndarray]]]) -> dict[str, object]:
    """Run one method over all signals; speed is the best of two passes over everything."""
    seconds, tracks = [], {}
    for _ in range(2):
        started = time.perf_counter()
        tracks = {
            name: [f0(signal, SAMPLING_RATE, hop_s=HOP_S, method=method) for signal, _ in cases]
            for name, cases in made.items()
        }
        seconds.append(time.perf_counter() - started)
    parts = {
        name: [errors(track, contour) for track, (_, contour) in zip(tracks[name], cases, strict=True)]
        for name, cases in made.items()
    }
    total_s = sum(len(cases) for cases in made.values()) * DURATION_S
    everything = [part for name in parts for part in parts[name]]
    return {
        **summary(everything),
        "x_realtime": total_s / min(seconds),
        "conditions": {name: summary(part) for name, part in parts.items()},
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--signals", type=int, default=12, help="signals for each condition")
    parser.add_argument("--methods", nargs="+", default=list(METHODS), choices=METHODS)
    arguments = parser.parse_args()
    made = signals(arguments.signals)
    results = {method: measure(method, made) for method in arguments.methods}
    columns = [key for key in next(iter(results.values())) if key != "conditions"]
    print(f"{'method':10}" + "".join(f"{column:>24}" for column in columns))
    for method, row in results.items():
        print(f"{method:10}" + "".join(f"{row[column]:24.4g}" for column in columns))
    print("\nframe_error by condition")
    for name in CONDITIONS:
        row = "  ".join(f"{method} {results[method]['conditions'][name]['frame_error']:.3f}" for method in results)
        print(f"{name:14}  {row}")
    record(
        "f0",
        ours=results["praat"]["gross_error"],
        peers={method: row["gross_error"] for method, row in results.items() if method != "praat"},
        ratio=results["praat"]["gross_error"] / results["dio"]["gross_error"],
        unit="share of voiced frames off by more than 20 %",
        details=results,
    )


if __name__ == "__main__":
    main()
