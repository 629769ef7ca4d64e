"""One recogniser and many recordings: files, or clips of a manifest whose speakers are enrolled by their own clips."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from emoforge.base.audio import resample
from emoforge.base.batch import one_thread
from emoforge.base.errors import AudioError, ManifestError
from emoforge.dataset import manifest
from emoforge.dataset.clips import ClipStore
from emoforge.recording.files import recordings
from emoforge.recording.predict import Clip, EmotionRecogniser, Enrolment
from emoforge.recording.signals import open_file, opened

#: Stages of a project that keep clips.
_CLIPS_OF = ("ingest", "convert", "augment")


@dataclass(frozen=True)
class Asked:
    """A recording whose emotion is asked for.

    Attributes:
        name: path of the file, or clip_id.
        read: returns it; AudioError where it cannot be used.
        enrolment: of its speaker.
        fields: what else its row holds.
    """

    name: str
    read: Callable[[], Clip]
    enrolment: Enrolment
    fields: Mapping[str, object] = field(default_factory=dict)


def asked_of_files(recogniser: EmotionRecogniser, paths: Sequence[Path], *, enrol: Sequence[Path] = ()) -> list[Asked]:
    """Return the recordings that *paths*, files and folders, hold, all of the speaker whom *enrol* enrols.

    Raises:
        AudioError: a path is missing, or a recording of *enrol* cannot be used.
    """
    found = recordings(paths)
    clips = []
    for path in enrol:
        with opened(path) as file:
            clips.append(recogniser.clip(file))
    with one_thread():
        enrolment = recogniser.enrolled(clips)

    def reader(path: Path) -> Callable[[], Clip]:
        return lambda: recogniser.clip(open_file(path))

    return [Asked(str(recording.path), reader(recording.path), enrolment) for recording in found]


def asked_of_clips(
    recogniser: EmotionRecogniser, table: pa.Table, read: Callable[[str], tuple[np.ndarray, int]]
) -> list[Asked]:
    """Return the clips of a manifest but for those that enrol their speakers.

    Clips are heard as they are stored: they were brought to their level when they were taken in.

    Args:
        recogniser: who is asked.
        table: the manifest.
        read: clip_id → (n_samples,) float32 and its sampling rate.
    """

    def clip(clip_id: str) -> Clip:
        signal, sampling_rate = read(clip_id)
        return Clip(resample(signal, sampling_rate, recogniser.sampling_rate), None)

    enrols = pc.and_(table.column("enrolment"), pc.equal(table.column("origin"), "recorded"))
    neutral: dict[str, list[str]] = {}
    for row in table.filter(enrols).select(["clip_id", "speaker"]).to_pylist():
        neutral.setdefault(row["speaker"], []).append(row["clip_id"])
    rows = table.filter(pc.invert(enrols)).select(["clip_id", "speaker", "emotion"]).to_pylist()
    with one_thread():
        enrolments = {
            speaker: recogniser.enrolled([clip(clip_id) for clip_id in neutral.get(speaker, [])])
            for speaker in sorted({row["speaker"] for row in rows})
        }

    def reader(clip_id: str) -> Callable[[], Clip]:
        return lambda: clip(clip_id)

    return [
        Asked(
            row["clip_id"],
            reader(row["clip_id"]),
            enrolments[row["speaker"]],
            {"speaker": row["speaker"], "labelled": row["emotion"]},
        )
        for row in rows
    ]


def asked_of_manifest(recogniser: EmotionRecogniser, path: Path) -> list[Asked]:
    """Return the clips of a project's manifest, ``<project>/data/<stage>/manifest.parquet``.

    Raises:
        ManifestError: it is no manifest, or the project's clips are not beside it.
    """
    table = manifest.read(path)
    folders = [path.absolute().parents[1] / stage / "clips" for stage in _CLIPS_OF]
    present = [folder for folder in folders if folder.is_dir()]
    if not present:
        raise ManifestError(f"{path}: no clips beside it ({folders[0]}); run `dvc pull`, or name recordings")
    return asked_of_clips(recogniser, table, ClipStore(*present).read)


def predictions(recogniser: EmotionRecogniser, asked: Iterable[Asked]) -> Iterator[dict]:
    """Yield a row for each recording: its name, the most probable emotion, its probability, and those of all emotions.

    What cannot be heard is a row whose probabilities are None and whose ``reason`` says why.
    """
    for item in asked:
        row = {"recording": item.name, **item.fields, "emotion": None, "probability": None}
        row |= dict.fromkeys(recogniser.emotions) | {"reason": ""}
        try:
            with one_thread():
                answer = recogniser.answer(item.read(), item.enrolment)
        except AudioError as error:
            yield row | {"reason": str(error)}
            continue
        best = max(answer, key=answer.__getitem__)
        yield row | {"emotion": best, "probability": answer[best]} | answer
