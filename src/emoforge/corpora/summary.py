"""What a corpus holds and what is odd about it, said before anything is made of it."""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from emoforge.corpora.measuring import Limits, equal_audio, measure_all, same_recordings
from emoforge.corpora.recording import Recording
from emoforge.dataset.duplicates import connected
from emoforge.dataset.labels import NEUTRAL


@dataclass(frozen=True)
class Duplicates:
    """Clips that hold the same sound, each group by the clips' stems.

    Attributes:
        equal: groups of equal samples; the first of a group is used.
        contradicting: groups of equal samples that name different speakers or emotions; none of them is used.
        near: groups of one recording at another level, cut or encoded differently; all of them are used.
        speakers: groups of speakers who share such a recording, and so are put into one split.
    """

    equal: tuple[tuple[str, ...], ...]
    contradicting: tuple[tuple[str, ...], ...]
    near: tuple[tuple[str, ...], ...]
    speakers: tuple[tuple[str, ...], ...]


@dataclass(frozen=True)
class CorpusSummary:
    """What a corpus holds.

    Attributes:
        clips: how many recordings.
        speakers: speaker → clips.
        emotions: emotion → clips.
        languages: ISO 639-1 code → clips.
        without_neutral: speakers without a neutral clip, who can be neither calibrated nor converted.
        missing: audio files that the corpus names and that are not there.
        unusable: why clips cannot be used → their stems; None where nobody listened.
        duplicates: None where nobody listened.
    """

    clips: int
    speakers: Mapping[str, int]
    emotions: Mapping[str, int]
    languages: Mapping[str, int]
    without_neutral: tuple[str, ...]
    missing: tuple[Path, ...]
    unusable: Mapping[str, tuple[str, ...]] | None
    duplicates: Duplicates | None


def summarise(
    recordings: Sequence[Recording],
    *,
    missing: Sequence[Path] = (),
    limits: Limits | None = None,
    workers: int | None = None,
) -> CorpusSummary:
    """Return a summary of *recordings*.

    Args:
        recordings: of one corpus.
        missing: audio files that it names and that are not there.
        limits: how ingest takes recordings in, to listen to all of them, which takes about 10 ms per clip on one core;
            None for not listening.
        workers: number of processes; 0 or None means one for every core.
    """
    speakers = Counter(recording.speaker for recording in recordings)
    calibrated = {recording.speaker for recording in recordings if recording.emotion == NEUTRAL}
    unusable, duplicates = (None, None) if limits is None else _listen(recordings, limits, workers)
    return CorpusSummary(
        clips=len(recordings),
        speakers=dict(sorted(speakers.items())),
        emotions=dict(Counter(recording.emotion for recording in recordings).most_common()),
        languages=dict(Counter(recording.language for recording in recordings).most_common()),
        without_neutral=tuple(sorted(speakers.keys() - calibrated)),
        missing=tuple(missing),
        unusable=unusable,
        duplicates=duplicates,
    )


def _listen(
    recordings: Sequence[Recording], limits: Limits, workers: int | None
) -> tuple[dict[str, tuple[str, ...]], Duplicates]:
    measured = measure_all(recordings, limits, workers=workers, description="listen")
    unusable: dict[str, list[str]] = defaultdict(list)
    for item in measured:
        if item.found.reason:
            unusable[item.found.reason].append(item.recording.stem)
    groups = equal_audio(measured)
    first = [group[0] for group in groups]
    near = same_recordings(first, limits, workers=workers, description="compare")
    agreeing: list[tuple[str, ...]] = []
    contradicting: list[tuple[str, ...]] = []
    for group in groups:
        stems = tuple(item.recording.stem for item in group)
        labels = {(item.recording.speaker, item.recording.emotion) for item in group}
        if len(group) > 1:
            (agreeing if len(labels) == 1 else contradicting).append(stems)
    across = [pair for pair in near if pair.first.speaker != pair.second.speaker]
    return {reason: tuple(stems) for reason, stems in unusable.items()}, Duplicates(
        equal=tuple(agreeing),
        contradicting=tuple(contradicting),
        near=tuple(connected((pair.first.stem, pair.second.stem) for pair in near)),
        speakers=tuple(connected((pair.first.speaker, pair.second.speaker) for pair in across)),
    )
