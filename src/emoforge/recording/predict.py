"""What the command line hears in single recordings, and the project's choice of corpus."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from emoforge.base.audio import decode, resample
from emoforge.base.errors import AudioError, EmoforgeError, ModelError
from emoforge.dataset.levels import active_level_db, level_gain, trim_silence
from emoforge.project.layout import Layout
from emoforge.project.params import Params, load_params
from emoforge.prosody.analysis import describe


def predict_files(
    recordings: Sequence[Path], *, model: Path | None = None, enrolment: Sequence[Path] = (), root: Path = Path()
) -> list[str]:
    """Return a line a recording: the emotions a recogniser hears, most probable first.

    Args:
        recordings: of one speaker.
        model: folder of a functionals recogniser; the project's synthetic arm when omitted.
        enrolment: neutral recordings of the same speaker.
        root: the project.

    Raises:
        EmoforgeError: a recording cannot be read, or there is no such recogniser.
    """
    from emoforge.ser.recogniser import Examples
    from emoforge.ser.registry import load_recogniser
    from emoforge.ser.svm import SvmRecogniser

    recogniser = load_recogniser(model or Layout(root).models / "synthetic")
    if not isinstance(recogniser, SvmRecogniser):
        raise ModelError("predict takes recognisers of functionals (train.model: svm)")
    options = _params(root)
    signals = [trim_silence(*_read(path)) for path in [*enrolment, *recordings]]
    levels = [active_level_db(signal, 16000) for signal in signals]
    gain = level_gain(levels[: len(enrolment)] or levels, peak=max(float(np.abs(signal).max()) for signal in signals))
    levelled = [(signal * gain).astype(np.float32) for signal in signals]
    features = np.stack([describe(signal, 16000, **options.prosody.model_dump())[1] for signal in levelled])
    speakers = np.full(len(signals), "speaker")
    n = len(enrolment)
    probabilities = recogniser.predict_proba(Examples(features[n:], speakers[n:]), Examples(features[:n], speakers[:n]))
    lines = []
    for path, row in zip(recordings, probabilities, strict=True):
        ranked = sorted(zip(row, recogniser.labels, strict=True), reverse=True)
        lines.append(f"{path}: " + ", ".join(f"{label} {probability:.2f}" for probability, label in ranked))
    return lines


def _read(path: Path) -> tuple[np.ndarray, int]:
    try:
        signal, sampling_rate = decode(path)
    except AudioError as error:
        raise EmoforgeError(f"{path}: {error}") from error
    return resample(signal, sampling_rate, 16000), 16000


def _params(root: Path) -> Params:
    return load_params(root / "params.yaml")
