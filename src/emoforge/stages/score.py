"""Stage score: every score of every converted clip. No threshold here.

Emotion confidence comes from a judge trained out-of-fold: a clip in the voice of one training speaker and the style of
another is judged by a model that learnt from neither, and no judge learns from a speaker of another split.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from emoforge.base.batch import chunked, map_chunks
from emoforge.base.outputs import built_aside, write_json
from emoforge.dataset import manifest
from emoforge.dataset.clips import open_clips
from emoforge.dataset.labels import NEUTRAL
from emoforge.evaluation.judge import out_of_fold_judge
from emoforge.project.examples import ExampleSource, emotions_of, enrolment_of, scored_clips
from emoforge.project.features import write_functionals
from emoforge.project.layout import Layout
from emoforge.project.params import Params, ProsodyParams
from emoforge.prosody.analysis import describe
from emoforge.prosody.functionals import FUNCTIONAL_NAMES
from emoforge.quality.naturalness import VARIANT
from emoforge.quality.scoring import COLUMNS, score_batch, shared_encoder

_CHUNK = 32
#: What quality.scoring measures and the manifest keeps.
_SCORES = tuple(name for name in COLUMNS if name in manifest.SCHEMA.names)


@dataclass(frozen=True, slots=True)
class _Recordings:
    """Recorded clips whose voices a worker measures."""

    store: Path
    clip_ids: Sequence[str]


@dataclass(frozen=True, slots=True)
class _Conversions:
    """Conversions that a worker scores.

    Attributes:
        converted: folder of their clips.
        recorded: folder of their sources' clips.
        pairs: clip_id and source_clip_id of each.
        references: (n_clips, 256) embedding of each speaker's neutral voice.
        options: of the prosody analysis.
    """

    converted: Path
    recorded: Path
    pairs: Sequence[tuple[str, str]]
    references: np.ndarray
    options: ProsodyParams


def run(params: Params, layout: Layout) -> dict:
    """Run the stage and return its metrics."""
    recorded = manifest.read(layout.manifest("ingest"))
    converted = manifest.read(layout.manifest("convert"))
    clip_ids = converted.column("clip_id").to_pylist()
    with built_aside(layout.stage("score")) as folder:
        scores, features = _score_all(recorded, converted, params, layout)
        write_functionals(folder / "functionals.parquet", clip_ids, features, FUNCTIONAL_NAMES)
        judged = _judge(recorded, converted, features, params, layout)
        labels, probabilities = judged.labels, judged.converted
        emotions = converted.column("emotion").to_pylist()
        target = [labels.index(emotion) for emotion in emotions]
        confidence = probabilities[np.arange(len(target)), target].astype(np.float32)
        columns: dict[str, Any] = {name: scores[name].astype(np.float32) for name in _SCORES} | {
            "emotion_confidence": confidence,
            "emotion_probabilities": [list(zip(labels, row, strict=True)) for row in probabilities.tolist()],
        }
        scored = manifest.set_columns(converted, columns)
        manifest.write(scored, folder / "manifest.parquet")
    recognised = probabilities.argmax(axis=1) == np.asarray(target)
    metrics = {
        "clips": len(clip_ids),
        "naturalness_variant": VARIANT,
        "mean": {name: round(float(np.nanmean(scores[name])), 4) for name in _SCORES},
        "emotion_confidence": round(float(confidence.mean()), 4),
        "recall": {
            emotion: round(float(recognised[np.asarray(emotions) == emotion].mean()), 4)
            for emotion in sorted(set(emotions))
        },
        "emotion_confidence_real": judged.real,
    }
    write_json(layout.metrics("score"), metrics)
    return metrics


def _score_all(
    recorded: pa.Table, converted: pa.Table, params: Params, layout: Layout
) -> tuple[dict[str, np.ndarray], np.ndarray]:
    stores = (layout.stage("convert") / "clips", layout.stage("ingest") / "clips")
    references = _speaker_references(recorded, params, stores[1])
    rows = converted.select(["clip_id", "source_clip_id", "speaker"]).to_pylist()
    chunks = []
    for chunk in chunked(rows, _CHUNK):
        pairs = [(row["clip_id"], row["source_clip_id"]) for row in chunk]
        own = np.stack([references[row["source_clip_id"]] for row in chunk])
        chunks.append(_Conversions(*stores, pairs, own, params.prosody))
    parts = list(
        map_chunks(
            _score_chunk,
            chunks,
            workers=params.workers,
            description="score",
            unit="clip",
            sizes=[len(chunk.pairs) for chunk in chunks],
        )
    )
    scores = {name: np.concatenate([part[name] for part, _ in parts]) for name in _SCORES}
    return scores, np.concatenate([features for _, features in parts])


def _speaker_references(recorded: pa.Table, params: Params, store: Path) -> dict[str, np.ndarray]:
    """Return for every neutral training clip the mean embedding of its speaker's other neutral clips."""
    neutral = recorded.filter(
        pc.and_(pc.equal(recorded.column("emotion"), NEUTRAL), pc.equal(recorded.column("split"), "train"))
    )
    clip_ids = neutral.column("clip_id").to_pylist()
    chunks = [_Recordings(store, chunk) for chunk in chunked(clip_ids, _CHUNK)]
    embeddings = np.concatenate(
        list(
            map_chunks(
                _embed_chunk,
                chunks,
                workers=params.workers,
                description="score: voices",
                unit="clip",
                sizes=[len(chunk.clip_ids) for chunk in chunks],
            )
        )
    )
    speakers = np.asarray(neutral.column("speaker").to_pylist())
    references = {}
    for index, clip_id in enumerate(clip_ids):
        others = speakers == speakers[index]
        others[index] = False
        others &= np.isfinite(embeddings).all(axis=1)
        # Without another neutral clip there is nothing to compare with, and the similarity is not a number.
        mean = embeddings[others].mean(axis=0) if others.any() else np.full(embeddings.shape[1], np.nan)
        references[clip_id] = mean / np.linalg.norm(mean)
    return references


def _embed_chunk(chunk: _Recordings) -> np.ndarray:
    """Return the embeddings (n_clips, 256) of the speaker encoder."""
    stored = open_clips(chunk.store)
    clips = [stored.read(clip_id) for clip_id in chunk.clip_ids]
    return shared_encoder().embed([signal for signal, _ in clips], clips[0][1])


def _score_chunk(chunk: _Conversions) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """Return the scores by name, each (n_clips,), and the functionals (n_clips, n_functionals)."""
    converted_store, source_store = open_clips(chunk.converted), open_clips(chunk.recorded)
    converted = [converted_store.read(clip_id) for clip_id, _ in chunk.pairs]
    sources = [source_store.read(source_id) for _, source_id in chunk.pairs]
    analysed = [describe(signal, sampling_rate, **chunk.options.model_dump()) for signal, sampling_rate in converted]
    scores = score_batch(
        [signal for signal, _ in converted],
        [signal for signal, _ in sources],
        chunk.references,
        converted[0][1],
        f0_hz=[f0_hz for f0_hz, _ in analysed],
    )
    return scores, np.stack([features for _, features in analysed])


@dataclass(frozen=True)
class _Judged:
    """What the judge answers.

    Attributes:
        labels: emotion names, in the order of the columns of probabilities.
        converted: (n_clips, n_classes) probabilities for every conversion.
        real: emotion → mean confidence in the real training clips of it, each judged without its speaker.
    """

    labels: list[str]
    converted: np.ndarray
    real: dict[str, float]


def _judge(recorded: pa.Table, converted: pa.Table, features: np.ndarray, params: Params, layout: Layout) -> _Judged:
    labels = emotions_of(recorded)
    train = scored_clips(recorded, "train")
    source = ExampleSource(layout, "svm", ["ingest"])
    examples = source.examples(train, labels)
    judge = out_of_fold_judge(
        examples,
        splits=np.asarray(train.column("split").to_pylist()),
        origins=np.asarray(train.column("origin").to_pylist()),
        labels=labels,
        enrolment=source.examples(enrolment_of(recorded, "train")),
        n_folds=params.score.judge_folds,
        seed=params.seed,
    )
    speaker_of = dict(zip(recorded.column("clip_id").to_pylist(), recorded.column("speaker").to_pylist(), strict=True))
    styles = [speaker_of.get(clip_id) for clip_id in converted.column("style_clip_id").to_pylist()]
    answers = judge.judge(features, np.asarray(converted.column("speaker").to_pylist()), styles)
    real = judge.judge(examples.inputs, examples.speakers, [None] * len(examples))
    confidence = real[np.arange(len(examples)), examples.labels]
    of_emotion = {label: confidence[examples.labels == index] for index, label in enumerate(labels)}
    return _Judged(labels, answers, {label: round(float(values.mean()), 4) for label, values in of_emotion.items()})
