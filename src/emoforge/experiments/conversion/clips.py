"""The clips of an evaluation of conversion: which are converted, by converters fitted to whom, and the conversions."""

from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

from emoforge.base.batch import chunked
from emoforge.base.outputs import built_aside
from emoforge.convert import registry
from emoforge.convert.ablation import without
from emoforge.convert.base import Converter, Performer
from emoforge.convert.utterance import Utterance
from emoforge.dataset import manifest
from emoforge.dataset.clips import shard_path, write_shard
from emoforge.dataset.labels import NEUTRAL
from emoforge.experiments.conversion.protocol import Protocol
from emoforge.experiments.work import (
    CHUNK,
    Cell,
    Corpus,
    drain,
    keyed_folder,
    open_utterances,
    part_path,
    write_rows,
)
from emoforge.project.checksums import code_sha256, digest, folder_sha256
from emoforge.project.conversions import ConversionJob, convert_jobs
from emoforge.project.layout import Layout
from emoforge.project.params import NeuralParams, Params
from emoforge.project.utterances import UtteranceStore


def choose_sources(rows: Sequence[dict], *, n_clips: int, seed: int) -> list[dict]:
    """Return at most *n_clips* neutral clips of every speaker, other sentences before another take of one.

    Clips that enrol a speaker are left out. The draw depends on *seed* and the clips' ids only.
    """
    neutral = [row for row in rows if row["emotion"] == NEUTRAL and not row["enrolment"]]
    neutral.sort(key=lambda row: manifest.seed_from(seed, "source", row["clip_id"]))
    takes: dict[tuple, int] = {}
    ranked: dict[str, list[tuple[int, int]]] = {}
    for index, row in enumerate(neutral):
        sentence = (row["speaker"], row["sentence"] or row["clip_id"])
        takes[sentence] = takes.get(sentence, -1) + 1
        ranked.setdefault(row["speaker"], []).append((takes[sentence], index))
    return [neutral[index] for speaker in sorted(ranked) for _, index in sorted(ranked[speaker])[:n_clips]]


def choose_real(rows: Sequence[dict], sources: Sequence[dict], *, n_clips: int, seed: int) -> list[dict]:
    """Return at most *n_clips* emotional clips of every speaker and emotion, those of the sources' words first."""
    said = {(source["speaker"], source["sentence"]) for source in sources}
    speakers = {source["speaker"] for source in sources}
    emotional = [row for row in rows if row["emotion"] != NEUTRAL and row["speaker"] in speakers]
    emotional.sort(
        key=lambda row: (
            (row["speaker"], row["sentence"]) not in said,
            manifest.seed_from(seed, "real", row["clip_id"]),
        )
    )
    chosen: dict[tuple[str, str], list[dict]] = {}
    for row in emotional:
        of_kind = chosen.setdefault((row["speaker"], row["emotion"]), [])
        if len(of_kind) < n_clips:
            of_kind.append(row)
    return [row for key in sorted(chosen) for row in chosen[key]]


def fit_converters(
    wanted: Sequence[tuple[str, Corpus, Sequence[str], str]], params: Params, protocol: Protocol, work: Path
) -> list[Path]:
    """Fit converters that are not there yet and return the folder of each.

    Args:
        wanted: (system, corpus, its speakers, name of the folder).
        params: what conversion is fitted with.
        protocol: of the evaluation.
        work: the work folder.
    """
    folders, todo = [], []
    for system, corpus, speakers, name in wanted:
        key = {
            "system": system,
            "corpus": corpus.key,
            "speakers": list(speakers),
            "seed": protocol.seed,
            "fit_converter": {**params.fit_converter.model_dump(), "method": system},
            "code": code_sha256(_fit_converter, registry.kind_of(system)),
        }
        folder = keyed_folder(work / "converters" / name, key)
        folders.append(folder / "model")
        if not folders[-1].is_dir():
            neural = params.fit_converter.neural
            todo.append((system, corpus.layout, corpus.rows(speakers), folders[-1], protocol.seed, neural))
    drain(_fit_converter, todo, protocol, "fit converters", "converter")
    return folders


def _fit_converter(job: tuple[str, Layout, list[dict], Path, int, NeuralParams]) -> None:
    system, layout, rows, folder, seed, neural = job
    table = manifest.from_rows(rows)
    utterances = UtteranceStore(layout, table)
    learnt_from = list(utterances.stream(table.column("clip_id").to_pylist()))
    converter = fit_converter(system, learnt_from, seed=seed, params=neural)
    with built_aside(folder) as aside:
        converter.save(aside)


def fit_converter(system: str, utterances: Sequence[Utterance], *, seed: int, params: NeuralParams) -> Converter:
    """Return a converter of kind *system*; a neural one is fitted on the CPU whatever *params* say, several at once."""
    if system != "neural":
        return registry.fit(system, utterances, seed=seed)
    from emoforge.convert.neural.converter import Neural
    from emoforge.convert.neural.training import preset

    return Neural.fit(
        utterances,
        seed=seed,
        options=preset(params.size, steps=params.steps),
        guidance=params.guidance,
        temperature=params.temperature,
    )


@lru_cache(maxsize=2)
def _open_converter(folder: Path, checksum: str, part: str) -> Performer:
    converter = registry.load(folder)
    return without(converter, part) if part else converter


def plan(sources: Sequence[dict], emotions: Sequence[str], *, variants: int, seed: int) -> list[dict]:
    """Return a row a conversion, in an order that keeps those of one source together."""
    rows = []
    for source in sources:
        for emotion in emotions:
            for variant in range(variants):
                draw = manifest.seed_from(seed, source["clip_id"], emotion, variant)
                rows.append(
                    {
                        "clip_id": manifest.make_clip_id("evaluated", source["clip_id"], emotion, draw),
                        "source_clip_id": source["clip_id"],
                        "speaker": source["speaker"],
                        "sentence": source["sentence"],
                        "emotion": emotion,
                        "variant": variant,
                        "intensity": 1.0,
                        "seed": draw,
                    }
                )
    return rows


def convert_all(
    cells: Sequence[tuple[Cell, Corpus, Path, str, list[dict]]], protocol: Protocol, work: Path
) -> dict[Cell, Path]:
    """Convert what is not converted yet; return the folder of each cell's clips.

    Args:
        cells: (cell, corpus of the sources, folder of the converter, what it goes without, planned rows).
        protocol: of the evaluation.
        work: the work folder.
    """
    folders, todo = {}, []
    for cell, corpus, model, part, rows in cells:
        checksum = folder_sha256(model)
        key = {
            "corpus": corpus.key,
            "converter": checksum,
            "without": part,
            "rows": digest(rows),
            "chunk": CHUNK,
            "code": code_sha256(_convert_chunk),
        }
        folders[cell] = folder = keyed_folder(work / "converted" / cell.name, key)
        for number, chunk in enumerate(chunked(rows, CHUNK)):
            if not part_path(folder, number).is_file():
                todo.append((corpus.layout, corpus.key, model, checksum, part, folder, number, chunk))
    drain(_convert_chunk, todo, protocol, "convert", "clip", sizes=[len(job[-1]) for job in todo])
    return folders


def _convert_chunk(job: tuple[Layout, str, Path, str, str, Path, int, list[dict]]) -> None:
    layout, corpus_key, model, checksum, part, folder, number, rows = job
    utterances = open_utterances(layout, corpus_key)
    results = convert_jobs(_open_converter(model, checksum, part), utterances, [ConversionJob.of(row) for row in rows])
    clips, made = [], []
    for row, result in zip(rows, results, strict=True):
        made.append(
            row | {"reason": result.reason, "audio_sha256": result.audio_sha256, "duration_s": result.duration_s}
        )
        if not result.reason:
            clips.append((row["clip_id"], result.signal))
    write_shard(shard_path(folder, number), clips, sampling_rate=results[0].sampling_rate)
    # The rows come last: where they are, the chunk is whole.
    write_rows(part_path(folder, number), made)
