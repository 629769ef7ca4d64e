"""Stage fit_converter: the conversion model, from the recordings of training speakers only.

The training of a converter with networks that was killed goes on from its last validation point, as long as clips,
params and code are the same.
"""

import shutil
import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from emoforge.base.errors import EmoforgeWarning, ManifestError, ParamsError
from emoforge.base.outputs import built_aside, write_json
from emoforge.convert import registry
from emoforge.convert.base import Converter
from emoforge.convert.registry import EXTERNAL
from emoforge.convert.utterance import Utterance
from emoforge.dataset import manifest
from emoforge.dataset.licences import with_stated_licence
from emoforge.project.checksums import code_sha256, file_sha256
from emoforge.project.external import Command, ExternalConverter, introduce
from emoforge.project.fitting.bases import base_key, check_base, for_method, provenance_of_base, with_located_base
from emoforge.project.fitting.converters import fit_converter
from emoforge.project.layout import Layout
from emoforge.project.params import Params, load_params
from emoforge.project.utterances import UtteranceStore

_CHECKPOINT = "checkpoint.safetensors"


@dataclass(frozen=True)
class _Project:
    """A project to learn from: where it is, all of its ingested clips, and whether nobody is kept for testing."""

    layout: Layout
    table: pa.Table
    all_speakers: bool

    @property
    def train(self) -> pa.Table:
        return self.table if self.all_speakers else self.table.filter(pc.equal(self.table.column("split"), "train"))

    def withheld(self) -> set[str]:
        """Speakers who validate or test."""
        return set(self.table.column("speaker").to_pylist()) - set(self.train.column("speaker").to_pylist())

    def corpora(self) -> set[str]:
        return set(self.table.column("corpus").to_pylist())


def run(
    params: Params, layout: Layout, *, also: Sequence[Path] = (), all_speakers_to: Path | None = None
) -> dict[str, Any]:
    """Run the stage and return its metrics.

    Args:
        params: of the project.
        layout: of the project.
        also: folders of other projects, besides those that the params name, in which ingest and prosody are done:
            their training speakers are learnt from too.
        all_speakers_to: folder of a converter that learns from those who validate and test as well, for others to go on
            from or to be given away. The project's own converter and metrics stay as they are.

    Raises:
        EmoforgeError: another project is not ready, makes its tracks in another way, or holds a corpus twice; or an
            external converter cannot be used; or something else is where the converter of all speakers would go.
    """
    if (also or all_speakers_to) and params.fit_converter.method == EXTERNAL:
        named = "--also" if also else "--all-speakers-to"
        raise ParamsError(f"{named}: method 'external' learns from no project; leave it out")
    if all_speakers_to and all_speakers_to.exists() and not (all_speakers_to / "provenance.json").is_file():
        raise ParamsError(f"--all-speakers-to: {all_speakers_to} is there and no converter; name a new folder")
    params = with_located_base(params, layout.root)
    folders = [*(layout.root / folder for folder in params.fit_converter.also), *also]
    projects = _projects(params, layout, folders, all_speakers=all_speakers_to is not None)
    train = manifest.concatenate([project.train for project in projects])
    base = for_method(params.fit_converter.neural, params.fit_converter.method).base
    check_base(base, withheld={speaker for project in projects for speaker in project.withheld()})
    target = all_speakers_to or layout.stage("converter")
    with built_aside(target, key=_key(params, projects, base)) as folder:
        converter, figures = _fit(params, layout, projects, folder, samples=target.with_name(f"{target.name}_samples"))
        converter.save(folder)
        provenance = _provenance(converter, train, params, base)
        write_json(folder / "provenance.json", provenance)
        (folder / _CHECKPOINT).unlink(missing_ok=True)
    metrics = {
        "method": params.fit_converter.method,
        "clips": provenance["clips"],
        "speakers": len(provenance["speakers"]),
        "emotions": list(converter.emotions),
        **figures,
    }
    if all_speakers_to is None:
        _log_live(layout.root / "metrics" / "converter", converter, metrics, params)
        write_json(layout.metrics("fit_converter"), metrics)
    return metrics


def _projects(params: Params, layout: Layout, also: Sequence[Path], *, all_speakers: bool) -> list[_Project]:
    """Return the project and the others that are learnt from too; no corpus may be in two of them.

    A speaker who trains in one project may test in another that holds the same corpus, and a speaker of one table is
    not the speaker of that name in another: neither can happen where every corpus comes from one project.
    """
    projects = [_Project(layout, manifest.read(layout.manifest("ingest")), all_speakers)]
    for folder in also:
        table = manifest.read(Layout(folder).manifest("ingest"))
        theirs = load_params(folder / "params.yaml")
        # That project may have moved when the clips are published, so its licence is recorded now.
        other = _Project(Layout(folder), with_stated_licence(table, theirs.corpus.licence), all_speakers)
        if theirs.prosody != params.prosody:
            raise ParamsError(f"{folder / 'params.yaml'}: section `prosody` differs; make it that of {layout.root}")
        for project in projects:
            for corpus in sorted(project.corpora() & other.corpora()):
                raise ManifestError(
                    f"{folder}: corpus {corpus!r} is also that of {project.layout.root}; take every corpus from one "
                    "project, and name the corpora of tables by a column `corpus`"
                )
        projects.append(other)
    return projects


def _provenance(converter: Converter | ExternalConverter, train: pa.Table, params: Params, base: str) -> dict[str, Any]:
    """Return what the conversions are made from, besides their sources."""
    more: dict[str, Any] = {}
    licences = set(_distinct(train, "licence"))
    if isinstance(converter, ExternalConverter):
        # Its program has learnt elsewhere; of these clips it uses those whose style it copies, if it does.
        train = train if converter.copies_style else train.slice(0, 0)
        licences = {converter.hello.licences.outputs, *_distinct(train, "licence")}
        more = {"program": converter.provenance()}
    corpora, speakers = set(_distinct(train, "corpus")), set(_distinct(train, "speaker"))
    if base:
        theirs = provenance_of_base(base)
        corpora, speakers = corpora.union(theirs["corpora"]), speakers.union(theirs["speakers"])
        licences |= set(theirs["licences"])
        more |= base_key(base)
    return {
        "corpora": sorted(corpora),
        "speakers": sorted(speakers),
        "licences": sorted(licences),
        "clips": len(train),
        "prosody": params.prosody.model_dump(),
        **more,
    }


def _fit(
    params: Params, layout: Layout, projects: Sequence[_Project], folder: Path, *, samples: Path
) -> tuple[Converter | ExternalConverter, dict[str, Any]]:
    method = params.fit_converter.method
    if method == EXTERNAL:
        return _introduce(params, layout, projects[0].train)
    utterances = [utterance for project in projects for utterance in _utterances(project)]
    if method not in registry.TRAINED:
        return fit_converter(method, utterances, seed=params.seed, neural=params.fit_converter.neural), {}
    # torch is loaded for these methods only.
    from emoforge.stages import neural_training

    checkpoint = folder / _CHECKPOINT
    if not checkpoint.exists():
        shutil.rmtree(samples, ignore_errors=True)
    conversions = neural_training.Samples(projects[0].table, layout, params, folder=samples)
    converter = neural_training.fit(utterances, params, checkpoint=checkpoint, samples=conversions)
    return converter, neural_training.figures(converter)


def _introduce(params: Params, layout: Layout, train: pa.Table) -> tuple[ExternalConverter, dict[str, Any]]:
    converter = introduce(Command.of(params.fit_converter.external, layout.root), train)
    hello = converter.hello
    if not hello.deterministic:
        warnings.warn(
            f"external converter {hello.name}: says that it is not deterministic; another run gives other clips",
            EmoforgeWarning,
            stacklevel=2,
        )
    return converter, {"program": hello.name, "version": hello.version, "licence": hello.licences.outputs}


def _utterances(project: _Project) -> Iterator[Utterance]:
    train = project.train
    return UtteranceStore(project.layout, train).stream(train.column("clip_id").to_pylist())


def _key(params: Params, projects: Sequence[_Project], base: str) -> dict:
    """Return what a training depends on: one that depends on anything else starts from the beginning."""
    return {
        # The rest of `neural` says how a trained network is used.
        "fit_converter": params.fit_converter.model_dump(
            exclude={"neural": {"base", "guidance", "temperature", "samples"}}
        ),
        **base_key(base),
        "prosody": params.prosody.model_dump(),
        "seed": params.seed,
        "all_speakers": projects[0].all_speakers,
        "clips": [file_sha256(project.layout.manifest("ingest")) for project in projects],
        "code": code_sha256(run, *_kinds(params.fit_converter.method)),
    }


def _kinds(method: str) -> list[type[Converter]]:
    return [] if method == EXTERNAL else [registry.kind_of(method)]


def _distinct(table: pa.Table, column: str) -> list[str]:
    return sorted(set(table.column(column).to_pylist()))


def _log_live(
    folder: Path, converter: Converter | ExternalConverter, metrics: Mapping[str, object], params: Params
) -> None:
    """Log the course of the training, where there is one, and its summary, where `dvc plots` finds them."""
    from dvclive import Live

    # A fit without a training leaves no curve of an earlier one.
    shutil.rmtree(folder, ignore_errors=True)
    with Live(str(folder), dvcyaml=False, save_dvc_exp=False) as live:
        live.log_params({"method": params.fit_converter.method, "seed": params.seed})
        for point in getattr(converter, "points", ()):
            live.step = point.step
            live.log_metric("loss", point.loss)
            if point.validation_loss == point.validation_loss:
                live.log_metric("validation_loss", point.validation_loss)
            live.make_summary()
        live.summary |= metrics
