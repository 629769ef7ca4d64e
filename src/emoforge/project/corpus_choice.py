"""The project's choice of corpus, and what its owner states about it: licence, name, title, citation."""

import os
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa

from emoforge import corpora
from emoforge.base.errors import CorpusError, EmoforgeError, EmoforgeWarning
from emoforge.corpora.measuring import Limits
from emoforge.corpora.summary import CorpusSummary, summarise
from emoforge.dataset.labels import NEUTRAL
from emoforge.dataset.licences import not_stated, spelt, terms_of, with_stated_licence
from emoforge.project.params import CorpusParams, IngestParams, edited, load_params
from emoforge.project.typed_yaml import checked

#: A corpus of more clips is not listened to when it is imported: ingest does it anyway, and finds the same.
MOST_LISTENED_CLIPS = 2000


class SharingWarning(EmoforgeWarning):
    """What is made from the corpus can't be published as things are; it concerns only those who want to."""


@dataclass(frozen=True)
class ImportedCorpus:
    """A corpus that has become the project's.

    Attributes:
        corpus: section `corpus` of params.yaml as it now is.
        summary: what the corpus holds.
        obstacle: why what is made from it could not be published; empty where it can.
    """

    corpus: CorpusParams
    summary: CorpusSummary
    obstacle: str


def import_corpus(
    name: str,
    root: Path,
    project: Path,
    *,
    licence: str | None = None,
    public_name: str | None = None,
    title: str | None = None,
    citation: str | None = None,
) -> ImportedCorpus:
    """Check the corpus below *root*, write it into the project's params.yaml and return what it holds.

    What the owner stated earlier is kept when the same corpus is imported again, and cleared for another corpus.

    Args:
        name: registry name.
        root: folder of its download, or the table.
        project: folder that holds params.yaml.
        licence: SPDX identifier, or the words of other terms.
        public_name: what the published set calls a corpus of the user's own.
        title: of a corpus of the user's own, for the card.
        citation: of a corpus of the user's own, for the card.

    Raises:
        EmoforgeError: no such corpus, it is not there, the project has no params.yaml, or a registered corpus was to
            get another name, title or citation.
    """
    known, root = corpora.info(name), root.expanduser()
    stated = {"licence": licence and spelt(licence), "public_name": public_name, "title": title, "citation": citation}
    given = {key: value for key, value in stated.items() if value is not None}
    if not known.own and given.keys() - {"licence"}:
        own = ", ".join(each for each in corpora.names() if corpora.info(each).own)
        raise CorpusError(f"{known.name} has a name, title and citation; they are stated for a corpus read by {own}")
    params = load_params(project / "params.yaml")
    recordings = corpora.read(name, root)
    written = {"name": known.name, "root": _below(root, project)}
    same = params.corpus.name == known.name and _resolved(project, params.corpus.root) == root.resolve()
    # What was stated for another corpus isn't this one's.
    values = params.corpus.model_dump(include=set(stated)) if same else dict.fromkeys(stated, "")
    corpus = checked(written | values | given, CorpusParams, name="section `corpus`", example="state it")
    summary = summarise(
        recordings,
        missing=corpora.missing(name, root),
        limits=limits_of(params.ingest) if len(recordings) <= MOST_LISTENED_CLIPS else None,
        workers=params.workers,
    )
    with edited(project / "params.yaml") as section:
        # An empty value is what a missing key means: a file without these keys stays as it is.
        changed = {key: value for key, value in corpus.model_dump().items() if value or key in section["corpus"]}
        section["corpus"] |= changed
    return ImportedCorpus(corpus, summary, sharing_obstacle(corpus))


def limits_of(options: IngestParams) -> Limits:
    """Return how ingest takes recordings in."""
    return Limits(options.sampling_rate, options.trim_db, options.min_duration_s, options.max_duration_s)


def sharing_obstacle(corpus: CorpusParams) -> str:
    """Return why what is made from the project's corpus could not be published; empty where nothing is in the way."""
    known = corpora.info(corpus.name)
    if not known.own and not known.derivatives:
        return f"`publish` will refuse: {known.name} ({known.licence}) does not allow sharing what is made from it"
    if not corpus.licence:
        return f"`publish` will refuse: {_licence_missing(corpus)}" if known.own else ""
    try:
        terms = terms_of(corpus.licence, corpus=called(corpus))
    except EmoforgeError as error:
        return f"`publish` will refuse: corpus.licence: {error}"
    return "" if terms.derivatives else f"`publish` will refuse: corpus.licence {corpus.licence} allows no derivatives"


def learning_obstacle(emotions: Collection[str]) -> str:
    """Return why nothing can be learnt from recordings of *emotions* alone; empty where something can."""
    if len(set(emotions)) > 1:
        return ""
    line = f"every recording is {next(iter(emotions))}: neither a converter nor a recogniser can learn from these alone"
    if set(emotions) == {NEUTRAL}:
        line += "; name this project in `fit_converter.also` of one that holds emotional speech too"
    return line


def require_licence(corpus: CorpusParams) -> None:
    """Refuse to share what was made from a corpus of the user's own before its licence is stated.

    Raises:
        EmoforgeError: `corpus.licence` is empty; the line says how to state it.
    """
    if corpora.info(corpus.name).own and not corpus.licence:
        raise EmoforgeError(f"{_licence_missing(corpus)}, then `dvc repro publish`: only publish runs again")


def _licence_missing(corpus: CorpusParams) -> str:
    return (
        f"the licence of corpus {called(corpus)!r} is not stated; set `corpus.licence` in params.yaml, or run "
        f"`emoforge corpora import {corpus.name} {corpus.root} --licence SPDX` (such as CC-BY-4.0)"
    )


def called(corpus: CorpusParams) -> str:
    """Return what a published set calls the project's corpus."""
    return corpus.public_name or corpus.name


def recorded_licence(corpus: str, registered: str) -> str:
    """Return what the manifest says of the licence of a recording, whatever `corpus.licence` says.

    Args:
        corpus: of the recording.
        registered: registry name of what read it.
    """
    known = corpora.info(registered)
    return not_stated(corpus) if known.own else known.licence


def with_stated_provenance(provenance: Mapping[str, Any], licence: str, own: set[str]) -> dict:
    """Return the *provenance* of a converter with the *licence* that the owner of the corpora *own* states."""
    if not licence or not own & set(provenance["corpora"]):
        return dict(provenance)
    unknown = {not_stated(corpus) for corpus in own}
    return dict(provenance) | {"licences": sorted({licence, *provenance["licences"]} - unknown)}


def published_as(
    clips: pa.Table, provenance: Mapping[str, Any], corpus: CorpusParams
) -> tuple[pa.Table, dict[str, Any]]:
    """Return clips and their converter's provenance as a published set has them: under the stated licence and name.

    Args:
        clips: all clips of the project, a manifest.
        provenance: of the converter: ``corpora`` and ``licences`` (lists).
        corpus: section `corpus` of params.yaml.
    """
    own = set(clips.column("corpus").to_pylist())
    clips = with_stated_licence(clips, corpus.licence)
    provenance = with_stated_provenance(provenance, corpus.licence, own)
    if corpus.public_name:
        index = clips.schema.get_field_index("corpus")
        names = [_renamed(name, corpus) for name in clips.column(index).to_pylist()]
        clips = clips.set_column(index, clips.schema.field(index), pa.array(names, pa.string()))
        provenance["corpora"] = sorted(_renamed(name, corpus) for name in provenance["corpora"])
    return clips, provenance


def stated_words(corpus: CorpusParams) -> dict[str, dict[str, str]]:
    """Return corpus → ``title`` and ``citation`` of a corpus of the user's own, as far as they are stated."""
    words = {key: value for key in ("title", "citation") if (value := getattr(corpus, key))}
    return {called(corpus): words} if words else {}


def _renamed(name: str, corpus: CorpusParams) -> str:
    return corpus.public_name if name == corpus.name else name


def _below(root: Path, project: Path) -> str:
    """Return *root* as a stage that runs in *project* finds it."""
    return str(root) if root.is_absolute() else os.path.relpath(root, project)


def _resolved(project: Path, root: str) -> Path:
    return (project / Path(root).expanduser()).resolve()
