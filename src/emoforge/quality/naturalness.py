"""Naturalness of a clip: predicted listeners' ratings, by DNSMOS P.835 and by Distill-MOS.

:class:`Dnsmos` is what the pipeline filters by; :class:`Distillmos`, a different network trained on other ratings, is
the second opinion in studies, so that no figure rests on the network that was used for filtering or tuning.

DNSMOS (Reddy, Gopal, Cutler, "DNSMOS P.835", ICASSP 2022) ships inside the ``speechmos`` wheel and is run here
directly, which gives a fixed cost per clip. The wheel's own wrapper doubles a short clip until it is long enough and
averages up to seven overlapping windows, each also sent through a second network (P.808) that nothing here needs.

Against that wrapper on 31 real clips of 1.7 to 4.2 s (12 RAVDESS, 11 nEMO, 8 URDU), differences of the overall
score: mean .000, standard deviation .035, largest .08 (signal .032 and .08, background .045 and .15);
correlation .997. One core: .28 s per clip.

It hears noise well (nEMO at 10 dB: −.5 to −1.1) and clipping badly (the top 10 % of samples clipped: −.01 to −.15),
which is why clipping has a check of its own in :mod:`emoforge.quality.signal`.

Batching gains nothing, for the network is bound by its convolutions: .28, .33 and .33 s per clip at batch sizes 1, 4
and 16. A window shorter than 9.01 s is cheaper in proportion, and the network ends in a maximum over time, so one
period of the repeated clip ought to do; but the maximum depends on how frames fall on the clip, and a repeated clip is
framed several ways. One period plus .32 s costs .11 s per clip and differs by −.10 on average, standard deviation .12;
5 s by −.04 and .07. That is more than the differences one filters by, so the whole window is scored.
"""

import contextlib
import importlib.util
import io
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from emoforge.base.batch import one_thread
from emoforge.base.errors import EmoforgeError, ModelError

#: What the figures are called wherever they are reported: other ways to fill the window give other figures.
VARIANT = "DNSMOS P.835 sig_bak_ovr, 9.01 s tiled"
SAMPLING_RATE = 16000
WINDOW_SAMPLES = 144160

# Highest power first; from the network's raw outputs to the scale of listeners' ratings.
_POLYNOMIALS = (
    (-0.08397278, 1.22083953, 0.0052439),
    (-0.13166888, 1.60915514, -0.39604546),
    (-0.06766283, 1.11546468, 0.04602535),
)


class Dnsmos:
    """Scores clips with DNSMOS P.835.

    Raises:
        ModelError: the ``speechmos`` wheel, which carries the network, is not installed or incomplete.
    """

    def __init__(self) -> None:
        import onnxruntime

        options = onnxruntime.SessionOptions()
        # One thread, so that no sum is split differently on a machine with more cores; workers are processes.
        options.intra_op_num_threads = 1
        options.inter_op_num_threads = 1
        self._session = onnxruntime.InferenceSession(_network_path(), options, providers=["CPUExecutionProvider"])
        self._input_name = self._session.get_inputs()[0].name

    def score(self, signals: Sequence[np.ndarray], sampling_rate: int) -> np.ndarray:
        """Return the predicted ratings of every clip.

        A clip shorter than 9.01 s is repeated to fill the window. A longer one is scored in windows of 9.01 s spread
        evenly from its first to its last sample, as many as cover it, and averaged.

        Args:
            signals: clips, each (n_samples,) in [-1, 1].
            sampling_rate: 16000 Hz, the only rate that the network knows.

        Returns:
            (n, 3) float32, ratings from about 1 (bad) to 5 (excellent): signal, background, overall. A clip that is
            empty or holds values that are not finite gets NaN. A clip's row does not depend on the other clips.

        Raises:
            EmoforgeError: another sampling rate.
        """
        if sampling_rate != SAMPLING_RATE:
            raise EmoforgeError(f"DNSMOS scores clips at {SAMPLING_RATE} Hz, not {sampling_rate}; resample them first")
        scores = np.full((len(signals), 3), np.nan, dtype=np.float32)
        for row, signal in enumerate(signals):
            if len(signal) and np.isfinite(signal).all():
                scores[row] = np.mean([self._score_window(window) for window in _windows(signal)], axis=0)
        return scores

    def _score_window(self, window: np.ndarray) -> np.ndarray:
        """(144160,) float32 -> (3,) float64."""
        raw = self._session.run(None, {self._input_name: window[np.newaxis]})[0][0].astype(np.float64)
        return np.array([np.polyval(c, value) for c, value in zip(_POLYNOMIALS, raw, strict=True)])


class Distillmos:
    """Scores clips with Distill-MOS (Stahl and Gamper, "Distillation and pruning for scalable self-supervised
    representation-based speech quality assessment", ICASSP 2025), on the CPU and one thread.

    Raises:
        ModelError: the ``distillmos`` wheel, which carries the network, is not installed.
    """

    def __init__(self) -> None:
        try:
            from distillmos import ConvTransformerSQAModel
        except ModuleNotFoundError:
            raise ModelError(
                "Distill-MOS needs the distillmos package, which carries its network; run: pip install distillmos"
            ) from None
        # It says on stdout where its weights lie, which is where commands print their results.
        with contextlib.redirect_stdout(io.StringIO()):
            self._network = ConvTransformerSQAModel().eval()

    def score(self, signals: Sequence[np.ndarray], sampling_rate: int) -> np.ndarray:
        """Return the predicted rating of every clip.

        The network reads 7.68 s: a shorter clip is followed by silence, a longer one is read in windows that start at
        most 1 s apart, and averaged. The level does not count, for every window is scaled to its own peak.

        Args:
            signals: clips, each (n_samples,) in [-1, 1].
            sampling_rate: 16000 Hz, the only rate that the network knows.

        Returns:
            (n,) float32, ratings from 1 (bad) to 5 (excellent). A clip that is empty or holds values that are not
            finite gets NaN. A clip's rating does not depend on the other clips.

        Raises:
            EmoforgeError: another sampling rate.
        """
        import torch

        if sampling_rate != SAMPLING_RATE:
            raise EmoforgeError(
                f"Distill-MOS scores clips at {SAMPLING_RATE} Hz, not {sampling_rate}; resample them first"
            )
        scores = np.full(len(signals), np.nan, dtype=np.float32)
        # One clip at a time: a batch is no faster on one thread, and its size could change the rounding.
        with torch.inference_mode(), one_thread():
            for row, signal in enumerate(signals):
                if len(signal) and np.isfinite(signal).all():
                    wav = torch.from_numpy(np.ascontiguousarray(signal, dtype=np.float32))
                    scores[row] = self._network(wav[None]).item()
        return scores


def _windows(signal: np.ndarray) -> list[np.ndarray]:
    """Windows of 9.01 s that cover the signal, each (144160,) float32."""
    signal = np.asarray(signal, dtype=np.float32)
    if len(signal) <= WINDOW_SAMPLES:
        return [np.resize(signal, WINDOW_SAMPLES)]
    n_windows = -(-len(signal) // WINDOW_SAMPLES)
    starts = np.linspace(0, len(signal) - WINDOW_SAMPLES, n_windows).astype(int)
    return [signal[start : start + WINDOW_SAMPLES] for start in starts]


def _network_path() -> str:
    # Importing speechmos.dnsmos would import librosa and requests; only the file beside it is wanted.
    spec = importlib.util.find_spec("speechmos")
    if spec is None or not spec.submodule_search_locations:
        raise ModelError("DNSMOS needs the speechmos package, which carries its network; run: pip install speechmos")
    path = Path(spec.submodule_search_locations[0], "dnsmos_models", "sig_bak_ovr.onnx")
    if not path.is_file():
        raise ModelError(f"{path} is missing; reinstall with: pip install --force-reinstall --no-deps speechmos")
    return str(path)
