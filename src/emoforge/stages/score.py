"""Stage score: every score of every converted clip. No threshold here.

Emotion confidence comes from a judge trained out-of-fold: a clip in the voice of one training speaker and the style of
another is judged by a model that learnt from neither, and no judge learns from a speaker of another split. The judge
reads what a pretrained encoder makes of a clip; a second one, of functionals, is asked beside it, and is the only one
where there is no encoder.
"""

from collections.abc import Mapping, Sequence
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
from emoforge.project.encoders.places import located
from emoforge.project.encoders.tables import write_embedded
from emoforge.project.examples import (
    FALLBACK,
    ExampleSource,
    emotions_of,
    enrolment_of,
    scored_clips,
)
from emoforge.project.features import Embeddings, encoder_of_run, write_functionals
from emoforge.project.layout import Layout
from emoforge.project.params import Params, ProsodyParams
from emoforge.prosody.analysis import describe
from emoforge.prosody.functionals import FUNCTIONAL_NAMES
from emoforge.quality.naturalness import VARIANT
from emoforge.quality.scoring import COLUMNS, score_batch, shared_encoder

_CHUNK = 32
_DIGITS = 4
#: Kind of the first judge, where there is an encoder.
_ENCODER_JUDGE = "encoder"
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
    encoder = encoder_of_run(params.encoder, layout)
    recorded = manifest.read(layout.manifest("ingest"))
    converted = manifest.read(layout.manifest("convert"))
    clip_ids = converted.column("clip_id").to_pylist()
    with built_aside(layout.stage("score")) as folder:
        scores, features = _score_all(recorded, converted, params, layout)
        write_functionals(folder / "functionals.parquet", clip_ids, features, FUNCTIONAL_NAMES)
        second = _judge(FALLBACK, recorded, converted, features, params, layout)
        judge = second
        if encoder is not None:
            path, clips = folder / layout.embeddings("score").name, layout.stage("convert") / "clips"
            source = located(params.encoder, layout.root)
            write_embedded(path, clips, clip_ids, source, like=encoder, workers=params.workers)
            judge = _judge(_ENCODER_JUDGE, recorded, converted, Embeddings(path)(clip_ids), params, layout)
        columns: dict[str, Any] = {name: scores[name].astype(np.float32) for name in _SCORES} | {
            "emotion_confidence": judge.confidence,
            "emotion_probabilities": [list(zip(judge.labels, row, strict=True)) for row in judge.converted.tolist()],
        }
        if judge is not second:
            columns["emotion_confidence_functionals"] = second.confidence
        manifest.write(manifest.set_columns(converted, columns), folder / "manifest.parquet")
    metrics = {
        "clips": len(clip_ids),
        "naturalness_variant": VARIANT,
        "mean": {name: round(float(np.nanmean(scores[name])), _DIGITS) for name in _SCORES},
        "judge": judge.kind,
        "encoder": encoder[0] if encoder else None,
        **judge.figures(),
    }
    if judge is not second:
        metrics["functionals"] = second.figures()
        metrics["judges_agree"] = round(float((judge.heard == second.heard).mean()), _DIGITS)
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
    """What one judge answers.

    Attributes:
        kind: of recogniser that it is.
        labels: emotion names, in the order of the columns of probabilities.
        converted: (n_clips, n_classes) probabilities for every conversion.
        target: (n_clips,) indices of the emotions that the conversions aim at.
        real: emotion → mean confidence in the real training clips of it, each judged without its speaker.
    """

    kind: str
    labels: Sequence[str]
    converted: np.ndarray
    target: np.ndarray
    real: Mapping[str, float]

    @property
    def confidence(self) -> np.ndarray:
        """(n_clips,) float32 probability of the target emotion."""
        return self.converted[np.arange(len(self.target)), self.target].astype(np.float32)

    @property
    def heard(self) -> np.ndarray:
        """(n_clips,) index of the most probable emotion."""
        return self.converted.argmax(axis=1)

    def figures(self) -> dict:
        """Return mean confidence, recall by emotion, and mean confidence in real clips."""
        recognised = self.heard == self.target
        recall = {
            self.labels[index]: round(float(recognised[self.target == index].mean()), _DIGITS)
            for index in np.unique(self.target)
        }
        return {
            "emotion_confidence": round(float(self.confidence.mean()), _DIGITS),
            "recall": recall,
            "emotion_confidence_real": dict(self.real),
        }


def _judge(
    kind: str, recorded: pa.Table, converted: pa.Table, inputs: np.ndarray, params: Params, layout: Layout
) -> _Judged:
    """Have conversions judged by out-of-fold recognisers of *kind*, which *inputs* (n_clips, ...) are for."""
    labels = emotions_of(recorded)
    train = scored_clips(recorded, "train")
    source = ExampleSource(layout, kind, ["ingest"])
    examples = source.examples(train, labels)
    judge = out_of_fold_judge(
        examples,
        splits=np.asarray(train.column("split").to_pylist()),
        origins=np.asarray(train.column("origin").to_pylist()),
        labels=labels,
        enrolment=source.examples(enrolment_of(recorded, "train")),
        n_folds=params.score.judge_folds,
        kind=kind,
        seed=params.seed,
    )
    speaker_of = dict(zip(recorded.column("clip_id").to_pylist(), recorded.column("speaker").to_pylist(), strict=True))
    styles = [speaker_of.get(clip_id) for clip_id in converted.column("style_clip_id").to_pylist()]
    answers = judge.judge(inputs, np.asarray(converted.column("speaker").to_pylist()), styles)
    real = judge.judge(examples.inputs, examples.speakers, [None] * len(examples))
    confidence = real[np.arange(len(examples)), examples.labels]
    of_emotion = {label: confidence[examples.labels == index] for index, label in enumerate(labels)}
    return _Judged(
        kind,
        labels,
        answers,
        np.array([labels.index(emotion) for emotion in converted.column("emotion").to_pylist()]),
        {label: round(float(values.mean()), _DIGITS) for label, values in of_emotion.items()},
    )
