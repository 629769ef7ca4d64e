"""How much emotion does rendering itself cost? Real clips are analysed and resynthesised without conversion.

A judge (functionals of prosody, every speaker shifted to the mean of their own neutral clips, RBF SVM) is trained on
recordings of some speakers and hears other speakers through each way of rendering. Recall that it loses against the
recordings is lost by rendering alone, before any conversion. Run ``python bench/transparency.py``; it prints a table
and writes the entry ``transparency`` of ``bench/results.json``.
"""

import argparse
import os
import time
from collections.abc import Callable

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
import pyworld
from record import record
from sklearn.metrics import recall_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC
from speech import CORPORA

from emoforge.base.audio import decode
from emoforge.convert.alignment import speech_span
from emoforge.convert.rendering.render import render
from emoforge.corpora import registry
from emoforge.dataset.labels import NEUTRAL
from emoforge.prosody.analysis import analyse
from emoforge.prosody.energy import energy
from emoforge.prosody.functionals import functionals

#: corpus → speakers that the judge hears rendered; it learns from all others
TEST_SPEAKERS = {"ravdess": ("01", "11", "20", "21", "04", "10", "12", "14"), "nemo": ("EB0", "TP0")}

Rendering = Callable[[np.ndarray, int], np.ndarray]


def speech(signal: np.ndarray, sampling_rate: int) -> np.ndarray:
    """*signal* without its silent beginning and end, 0.1 s of each apart: half of RAVDESS is silence."""
    span = speech_span(energy(signal, sampling_rate))
    start, stop = (
        round((frame * 0.01 + margin_s) * sampling_rate) for frame, margin_s in ((span.start, -0.1), (span.stop, 0.1))
    )
    return signal[max(start, 0) : stop]


def recording(signal: np.ndarray, sampling_rate: int) -> np.ndarray:
    return signal


def ours(signal: np.ndarray, sampling_rate: int, shift_st: float = 0.0, stretch: float = 1.0) -> np.ndarray:
    """Our renderer, with F0 moved and time stretched if asked."""
    tracks = analyse(signal, sampling_rate)
    frame = np.arange(int((tracks.n_frames - 1) * stretch) + 1) / stretch
    return render(
        signal,
        sampling_rate,
        f0_hz=tracks.f0_hz,
        hop_s=tracks.hop_s,
        target_f0_hz=tracks.f0_hz[np.rint(frame).astype(int)] * 2 ** (shift_st / 12),
        time_map_s=frame * tracks.hop_s,
    )


def ours_there_and_back(signal: np.ndarray, sampling_rate: int) -> np.ndarray:
    """F0 raised by 4 semitones and time stretched by a fifth, then both undone: two full renderings."""
    return ours(ours(signal, sampling_rate, 4.0, 1.2), sampling_rate, -4.0, 1 / 1.2)


def praat(signal: np.ndarray, sampling_rate: int, shift_st: float = 0.0) -> np.ndarray:
    """Praat's overlap-add."""
    import parselmouth
    from parselmouth.praat import call

    sound = parselmouth.Sound(signal.astype(np.float64), sampling_rate)
    manipulation = call(sound, "To Manipulation", 0.01, 60, 600)
    tier = call(manipulation, "Extract pitch tier")
    call(tier, "Shift frequencies", sound.xmin, sound.xmax, shift_st, "semitones")
    call([manipulation, tier], "Replace pitch tier")
    return call(manipulation, "Get resynthesis (overlap-add)").values[0].astype(np.float32)


def world_full(signal: np.ndarray, sampling_rate: int) -> np.ndarray:
    """WORLD with Harvest, 5 ms, nothing coded."""
    signal = signal.astype(np.float64)
    f0, instants = pyworld.harvest(signal, sampling_rate, f0_floor=60.0, f0_ceil=600.0, frame_period=5.0)
    spectrum = pyworld.cheaptrick(signal, f0, instants, sampling_rate)
    aperiodicity = pyworld.d4c(signal, f0, instants, sampling_rate)
    return pyworld.synthesize(f0, spectrum, aperiodicity, sampling_rate, 5.0).astype(np.float32)


def world_coded(signal: np.ndarray, sampling_rate: int) -> np.ndarray:
    """WORLD with DIO, 10 ms, envelope and aperiodicity coded as learned converters code them."""
    signal = signal.astype(np.float64)
    f0, instants = pyworld.dio(signal, sampling_rate, f0_floor=60.0, f0_ceil=600.0, frame_period=10.0)
    f0 = pyworld.stonemask(signal, f0, instants, sampling_rate)
    spectrum = pyworld.cheaptrick(signal, f0, instants, sampling_rate)
    aperiodicity = pyworld.d4c(signal, f0, instants, sampling_rate)
    n_fft = 2 * (spectrum.shape[1] - 1)
    spectrum = pyworld.decode_spectral_envelope(
        pyworld.code_spectral_envelope(spectrum, sampling_rate, 40), sampling_rate, n_fft
    )
    aperiodicity = pyworld.decode_aperiodicity(
        pyworld.code_aperiodicity(aperiodicity, sampling_rate), sampling_rate, n_fft
    )
    return pyworld.synthesize(f0, spectrum, aperiodicity, sampling_rate, 10.0).astype(np.float32)


RENDERINGS: dict[str, Rendering] = {
    "recording": recording,
    "ours, identity": ours,
    "ours, F0 + 2 st": lambda signal, sampling_rate: ours(signal, sampling_rate, 2.0),
    "ours, + 4 st x 1.2 and back": ours_there_and_back,
    "Praat overlap-add, identity": praat,
    "Praat overlap-add, F0 + 2 st": lambda signal, sampling_rate: praat(signal, sampling_rate, 2.0),
    "WORLD, harvest 5 ms, full": world_full,
    "WORLD, dio 10 ms, coded": world_coded,
}


def measure(corpus: str, per_speaker: int, renderings: dict[str, Rendering]) -> dict[str, dict[str, float]]:
    """UAR and speed of each rendering on one corpus."""
    chosen, seen = [], {}
    # The same clips of every speaker in each run, spread evenly over the emotions.
    for item in sorted(registry.read(corpus, CORPORA / corpus), key=lambda item: item.stem):
        seen.setdefault((item.speaker, item.emotion), []).append(item)
    n_emotions = len({emotion for _, emotion in seen})
    for items in seen.values():
        n_taken = max(per_speaker // n_emotions, 2)
        chosen += items[:: max(len(items) // n_taken, 1)][:n_taken]
    clips = []
    for item in chosen:
        signal, sampling_rate = decode(item.path)
        clips.append((item, speech(signal, sampling_rate), sampling_rate))
    test = [clip for clip in clips if clip[0].speaker in TEST_SPEAKERS[corpus]]
    train = [clip for clip in clips if clip[0].speaker not in TEST_SPEAKERS[corpus]]
    if not test or not train:
        raise SystemExit(f"{corpus}: none of the speakers {TEST_SPEAKERS[corpus]} found; check {CORPORA}")

    recorded = {item.stem: functionals(signal, sampling_rate) for item, signal, sampling_rate in clips}
    reference = {}
    for speaker in {item.speaker for item, _, _ in clips}:
        neutral = [item.stem for item, _, _ in clips if item.speaker == speaker and item.emotion == NEUTRAL]
        reference[speaker] = np.mean([recorded[stem] for stem in neutral], axis=0)
    judge = make_pipeline(StandardScaler(), SVC(C=3.0, class_weight="balanced"))
    judge.fit(
        np.array([recorded[item.stem] - reference[item.speaker] for item, _, _ in train]),
        [item.emotion for item, _, _ in train],
    )

    emotions = [clip[0].emotion for clip in test]
    seconds_of_audio = sum(len(signal) / rate for _, signal, rate in test)
    results = {}
    for name, rendering in renderings.items():
        started = time.process_time()
        rendered = [rendering(signal, rate) for _, signal, rate in test]
        seconds = time.process_time() - started
        values = [
            recorded[item.stem] if result is signal else functionals(result, rate)
            for result, (item, signal, rate) in zip(rendered, test, strict=True)
        ]
        predicted = judge.predict(
            np.array([value - reference[item.speaker] for value, (item, _, _) in zip(values, test, strict=True)])
        )
        uar = recall_score(emotions, predicted, average="macro")
        # The speed of ours and of WORLD includes the analysis.
        results[name] = {"uar": uar, "x_realtime": None if rendering is recording else seconds_of_audio / seconds}
        print(f"{corpus:8} {name:30} UAR {uar:.3f}  {results[name]['x_realtime'] or 0:8.0f} x real time", flush=True)
    for row in results.values():
        row["ratio"] = row["uar"] / results["recording"]["uar"]
    return {"n_train": len(train), "n_test": len(test), "renderings": results}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--corpora", nargs="+", default=list(TEST_SPEAKERS), choices=TEST_SPEAKERS)
    parser.add_argument("--per-speaker", type=int, default=60, help="clips of each speaker, spread over the emotions")
    parser.add_argument("--renderings", nargs="+", default=list(RENDERINGS), choices=RENDERINGS)
    arguments = parser.parse_args()
    renderings = {name: RENDERINGS[name] for name in ("recording", *arguments.renderings)}
    corpora = {corpus: measure(corpus, arguments.per_speaker, renderings) for corpus in arguments.corpora}
    print(f"\n{'rendering':30}{'UAR / recording':>18}")
    ratio = {
        name: float(np.mean([corpora[corpus]["renderings"][name]["ratio"] for corpus in corpora]))
        for name in renderings
    }
    for name, value in ratio.items():
        print(f"{name:30}{value:18.3f}")
    peers = {name: value for name, value in ratio.items() if name != "recording" and not name.startswith("ours")}
    record(
        "transparency",
        ours=ratio["ours, identity"],
        peers=peers,
        ratio=ratio["ours, identity"] / ratio["WORLD, harvest 5 ms, full"],
        unit="UAR of a judge of recordings, over its UAR on the recordings",
        details=corpora,
    )


if __name__ == "__main__":
    main()
