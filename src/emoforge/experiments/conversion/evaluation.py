"""`emoforge evaluate-conversion`: every converter on the same clips, judged by those who learnt from nobody involved.

See studies/conversion.yaml for the protocol and :mod:`emoforge.experiments.work` for what is kept between runs.
"""

import shlex
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from emoforge.base.audio import write_blocks
from emoforge.base.batch import one_thread
from emoforge.base.errors import EmoforgeError, unknown_value
from emoforge.base.outputs import write_json, written_aside
from emoforge.convert import registry
from emoforge.dataset import manifest
from emoforge.dataset.clips import ClipStore
from emoforge.dataset.labels import NEUTRAL
from emoforge.experiments.conversion.clips import choose_real, choose_sources, convert_all, fit_converters, plan
from emoforge.experiments.conversion.figures import Judged, Rotation, gain_figures, mean_figures, recall_figures
from emoforge.experiments.conversion.judges import ask_judges, train_judges
from emoforge.experiments.conversion.measures import measure_converted, measure_recorded
from emoforge.experiments.conversion.page import page
from emoforge.experiments.conversion.protocol import EvaluatedCorpus, Protocol, System, load_protocol, rotations
from emoforge.experiments.conversion.references import References
from emoforge.experiments.work import Cell, Corpus, prepare_corpus, read_rows
from emoforge.project.params import Params, load_params
from emoforge.project.utterances import UtteranceStore
from emoforge.project.versions import commit_of

BASELINE = "transplant"
_NOT_MEASURED = "not measured"


def run(
    path: Path,
    *,
    root: Path = Path(),
    systems: Sequence[str] = (),
    corpora: Sequence[str] = (),
    chosen_rotations: Sequence[int] = (),
    output: Path | None = None,
    samples: tuple[int, Path] | None = None,
) -> str:
    """Evaluate conversion by the protocol at *path* and return a closing line.

    A part of the protocol is written to *output* only; the whole goes to ``studies/<name of the protocol>`` where no
    *output* is given.

    Args:
        path: of the protocol, from the project folder.
        root: project folder, which holds params.yaml.
        systems: of the protocol; all where empty.
        corpora: of the protocol; all where empty.
        chosen_rotations: numbers of rotations; all where empty.
        output: folder of results.json and README.md.
        samples: how many conversions of each corpus to write as WAV, and to which folder.

    Raises:
        EmoforgeError: the protocol or the choice of a part is wrong, or a corpus is not there.
    """
    started = time.monotonic()
    path = root / path
    protocol = load_protocol(path)
    params = load_params(root / "params.yaml")
    all_systems = protocol.all_systems()
    chosen_systems = [all_systems[name] for name in _chosen("system", systems, list(all_systems))]
    chosen_corpora = _chosen("corpus", corpora, [corpus.name for corpus in protocol.corpora])
    for system in chosen_systems:
        if system.kind not in registry.names():
            raise EmoforgeError(f"{path}: {unknown_value('converter', system.kind, registry.names())}")
    folder = root / protocol.work
    needed = {
        name
        for corpus in protocol.corpora
        if corpus.name in chosen_corpora
        for name in (corpus.name, *corpus.trained_on)
    }
    prepared = {
        corpus.name: prepare_corpus(corpus, params, protocol, root=root, work=folder)
        for corpus in protocol.corpora
        if corpus.name in needed
    }
    all_roles = {
        corpus.name: _rotations(corpus, prepared[corpus.name], seed=protocol.seed)
        for corpus in protocol.corpora
        if corpus.name in chosen_corpora
    }
    roles = {name: _wanted(name, of_corpus, chosen_rotations) for name, of_corpus in all_roles.items()}
    with one_thread():
        evaluation = _Evaluation(protocol, params, folder, prepared, roles, chosen_systems)
        if samples is not None:
            evaluation.write_samples(*samples)
        rows, speed = evaluation.rows(), evaluation.speed()
    results = {
        "protocol": protocol.model_dump(),
        "rows": rows,
        "speed": speed,
        "command": shlex.join(["emoforge", *sys.argv[1:]]),
        "commit": commit_of(root),
    }
    whole = (
        len(chosen_systems) == len(all_systems) and len(chosen_corpora) == len(protocol.corpora) and roles == all_roles
    )
    if output is None and whole:
        output = root / "studies" / path.stem
    seconds = f"({time.monotonic() - started:.0f} s)"
    if output is None:
        for line in page(results).splitlines():
            print(line)
        return f"evaluate-conversion: a part of the protocol, which is written with --output FOLDER only {seconds}"
    write_json(output / "results.json", results)
    with written_aside(output / "README.md") as aside:
        aside.write_text(page(results), "utf-8")
    return f"evaluate-conversion: {len(rows)} rows in {output / 'results.json'} {seconds}"


def _chosen(kind: str, names: Sequence[str], allowed: Sequence[str]) -> tuple[str, ...]:
    for name in names:
        if name not in allowed:
            raise EmoforgeError(f"{unknown_value(kind, name, allowed)}; the protocol has no other")
    return tuple(name for name in allowed if not names or name in names)


def _rotations(corpus: EvaluatedCorpus, prepared: Corpus, *, seed: int) -> dict[int, Rotation]:
    speakers = prepared.table.column("speaker").to_pylist()
    genders = dict(zip(speakers, prepared.table.column("gender").to_pylist(), strict=True))
    return rotations(corpus, genders, speakers, seed=seed)


def _wanted(name: str, roles: Mapping[int, Rotation], numbers: Sequence[int]) -> dict[int, Rotation]:
    # A number that only the larger of two corpora has is no mistake.
    chosen = {number: role for number, role in roles.items() if not numbers or number in numbers}
    if not chosen:
        raise EmoforgeError(f"{name} has no rotation {numbers[0]}; allowed: {', '.join(map(str, roles))}")
    return chosen


class _Evaluation:
    """Everything between the corpora and the figures, done when made; figures are asked for afterwards."""

    def __init__(
        self,
        protocol: Protocol,
        params: Params,
        folder: Path,
        corpora: Mapping[str, Corpus],
        roles: Mapping[str, Mapping[int, Rotation]],
        systems: Sequence[System],
    ) -> None:
        self._protocol, self._params, self._folder = protocol, params, folder
        self._corpora, self._roles = corpora, roles
        self._systems = {system.name: system for system in systems}
        self._settings = {corpus.name: corpus for corpus in protocol.corpora}
        self._sources = {
            (name, number): choose_sources(
                corpora[name].rows(role.sources), n_clips=self._settings[name].sources, seed=protocol.seed
            )
            for name, of_corpus in roles.items()
            for number, role in of_corpus.items()
        }
        self._cells = [
            Cell(system, name, trained_on, number)
            for name in roles
            for trained_on in self._settings[name].trained_on
            for number in roles[name]
            for system in self._systems_of(name, trained_on)
        ]
        self._models = self._fitted()
        self._clips = self._converted()
        cells = [(cell, corpora[cell.corpus], self._clips[cell]) for cell in self._cells]
        self._measured = measure_converted(cells, params.prosody, protocol, folder)
        self._recorded = self._measured_recordings()
        self._judges = train_judges(
            [
                (kind, corpora[name], number, role)
                for name in roles
                for number, role in roles[name].items()
                for kind in protocol.judges
            ],
            protocol,
            folder,
        )
        self._heard = ask_judges(
            [
                (
                    cell,
                    kind,
                    corpora[cell.corpus],
                    roles[cell.corpus][cell.rotation],
                    self._judges[kind, cell.corpus, cell.rotation],
                    self._clips[cell],
                    self._measured[cell],
                )
                for cell in self._cells
                for kind in protocol.judges
            ],
            protocol,
            folder,
        )

    def _systems_of(self, name: str, trained_on: str) -> list[str]:
        # What a part is worth is asked once, where the whole is at its best.
        return [system.name for system in self._systems.values() if not system.part or trained_on == name]

    def _fitted(self) -> dict[Cell, Path]:
        wanted, names = {}, {}
        for cell in self._cells:
            corpus = self._corpora[cell.trained_on]
            if cell.trained_on == cell.corpus:
                speakers, part = self._roles[cell.corpus][cell.rotation].converter, str(cell.rotation)
            else:
                speakers, part = tuple(sorted(set(corpus.table.column("speaker").to_pylist()))), "all"
            kind = self._systems[cell.system].kind
            names[cell] = f"{kind}-{cell.trained_on}-{part}"
            wanted[names[cell]] = (kind, corpus, speakers, names[cell])
        folders = fit_converters(list(wanted.values()), self._params, self._protocol, self._folder)
        by_name = dict(zip(wanted, folders, strict=True))
        return {cell: by_name[name] for cell, name in names.items()}

    def _converted(self) -> dict[Cell, Path]:
        emotions_of = {folder: registry.load(folder).emotions for folder in set(self._models.values())}
        planned = []
        for cell in self._cells:
            corpus = self._corpora[cell.corpus]
            judged = set(corpus.table.column("emotion").to_pylist())
            emotions = [name for name in emotions_of[self._models[cell]] if name != NEUTRAL and name in judged]
            sources = self._sources[cell.corpus, cell.rotation]
            rows = plan(sources, emotions, variants=self._protocol.variants, seed=self._protocol.seed)
            if not rows:
                raise EmoforgeError(
                    f"{cell.corpus}, rotation {cell.rotation}: nothing to convert; its speakers need neutral clips "
                    f"beside those that enrol, and {cell.trained_on} an emotion that {cell.corpus} has too"
                )
            planned.append((cell, corpus, self._models[cell], self._systems[cell.system].part, rows))
        return convert_all(planned, self._protocol, self._folder)

    def _measured_recordings(self) -> dict[tuple[str, int], list[dict]]:
        wanted = []
        for (name, number), sources in self._sources.items():
            role = self._roles[name][number]
            rows = self._corpora[name].rows(role.sources)
            real = choose_real(rows, sources, n_clips=self._protocol.real_clips, seed=self._protocol.seed)
            wanted.append((self._corpora[name], number, role, sources, real))
        return measure_recorded(wanted, self._params.prosody, self._protocol, self._folder)

    def rows(self) -> list[dict]:
        """Return the rows of results.json."""
        rows = []
        for name in self._roles:
            recorded = [row for number in self._roles[name] for row in self._recorded[name, number]]
            references = References(recorded)
            for trained_on in self._settings[name].trained_on:
                for system in self._systems_of(name, trained_on):
                    rows += self._system_rows(system, name, trained_on, references)
        return rows

    def _system_rows(self, system: str, name: str, trained_on: str, references: "References") -> list[dict]:
        cells = [Cell(system, name, trained_on, number) for number in self._roles[name]]
        clips = [row for cell in cells for row in self._measured[cell]]
        made = [row for row in clips if not row["reason"]]
        speakers = np.array([row["speaker"] for row in made])
        figures = mean_figures(references.columns(made), speakers) | references.diversity(made)
        rows = []
        options = {"n_draws": self._protocol.draws, "seed": self._protocol.seed}
        for kind in self._protocol.judges:
            labels = sorted(set(self._corpora[name].table.column("emotion").to_pylist()))
            judged = self._judged(cells, kind, labels)
            whole = self._systems[system].kind
            beside = {"gain_over_transplant": None if system == BASELINE else BASELINE}
            if system != whole:
                beside["gain_over_whole"] = whole
            heard = [row for cell in cells for row in read_rows(self._judges[kind, name, cell.rotation])]
            rows.append(
                {
                    "system": system,
                    "corpus": name,
                    "trained_on": trained_on,
                    "judge": kind,
                    "n_clips": len(clips),
                    "n_failed": len(clips) - len(made),
                    "n_speakers": len(set(speakers.tolist())),
                }
                | recall_figures(
                    judged,
                    _judged_rows(heard, labels),
                    labels,
                    **options,
                )
                | figures
            )
            for figure, other in beside.items():
                baseline = None
                if other in self._systems:
                    others = [Cell(other, name, trained_on, cell.rotation) for cell in cells]
                    baseline = self._judged(others, kind, labels)
                rows[-1] |= gain_figures(figure, judged, baseline, **options)
        return rows

    def _judged(self, cells: Sequence[Cell], kind: str, labels: Sequence[str]) -> Judged:
        rows = [
            {
                "speaker": row["speaker"],
                "emotion": row["emotion"],
                "heard": self._heard[cell, kind].get(row["clip_id"], ""),
            }
            for cell in cells
            for row in self._measured[cell]
        ]
        return _judged_rows(rows, labels)

    def speed(self) -> dict:
        """Time the conversions of some sources of the first corpus, a system at a time, on one thread."""
        by_system = {}
        for kind in dict.fromkeys(system.kind for system in self._systems.values()):
            cell = next(cell for cell in self._cells if self._systems[cell.system].kind == kind)
            corpus = self._corpora[cell.corpus]
            converter = registry.load(self._models[cell])
            utterances = UtteranceStore(corpus.layout, corpus.table)
            sources = self._sources[cell.corpus, cell.rotation][: self._protocol.speed_clips]
            planned = plan(
                sources,
                [name for name in converter.emotions if name != NEUTRAL],
                variants=1,
                seed=self._protocol.seed,
            )
            jobs = [(utterances[row["source_clip_id"]], row["emotion"], 1.0, row["seed"]) for row in planned]
            # What is loaded or compiled at the first use is no part of the speed.
            converter.convert_batch(jobs[:1])
            started = time.perf_counter()
            conversions = converter.convert_batch(jobs)
            wall_s = time.perf_counter() - started
            audio_s = sum(
                len(conversion.signal) / source.sampling_rate
                for conversion, (source, *_) in zip(conversions, jobs, strict=True)
            )
            by_system[kind] = round(audio_s / wall_s, 1)
        last = list(by_system)[-1]
        return {
            "cpu_x_realtime": by_system[last],
            "gpu_x_realtime": _NOT_MEASURED,
            "system": last,
            "cpu_x_realtime_by_system": by_system,
        }

    def write_samples(self, n_clips: int, folder: Path) -> None:
        """Write conversions of *n_clips* drawn jobs a corpus, by every system, beside their sources."""
        for name in self._roles:
            cells = [cell for cell in self._cells if cell.corpus == name and cell.trained_on == self._first(name)]
            jobs = [row for cell in cells if cell.system == cells[0].system for row in self._measured[cell]]
            jobs.sort(key=lambda row: manifest.seed_from(self._protocol.seed, "sample", row["clip_id"]))
            recorded = ClipStore(self._corpora[name].layout.stage("ingest") / "clips")
            stores = {cell: ClipStore(self._clips[cell]) for cell in cells}
            (folder / name).mkdir(parents=True, exist_ok=True)
            for number, row in enumerate(jobs[:n_clips]):
                stem = f"{number:03d}-{row['speaker']}-{row['emotion']}"
                _write_wav(folder / name / f"{stem}-source.wav", *recorded.read(row["source_clip_id"]))
                for cell, store in stores.items():
                    if row["clip_id"] in store:
                        _write_wav(folder / name / f"{stem}-{cell.system}.wav", *store.read(row["clip_id"]))

    def _first(self, name: str) -> str:
        return self._settings[name].trained_on[0]


def _judged_rows(rows: Sequence[dict], labels: Sequence[str]) -> Judged:
    index = {label: number for number, label in enumerate(labels)}
    return Judged(
        np.array([index[row["emotion"]] for row in rows]),
        np.array([index.get(row["heard"], -1) for row in rows]),
        np.array([row["speaker"] for row in rows]),
    )


def _write_wav(path: Path, signal: np.ndarray, sampling_rate: int) -> None:
    write_blocks(path, [signal[:, None]], sampling_rate, n_channels=1, extension=".wav", encoding="PCM_16")
