"""Corpora as experiments need them: ingested and analysed, once for all that ask in the same way.

The one place outside the pipeline that runs its stages.
"""

import warnings
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Protocol as Interface

import pyarrow as pa
import pyarrow.compute as pc

from emoforge import corpora
from emoforge.base.errors import CorpusError, ManifestError
from emoforge.corpora.recording import Recording
from emoforge.dataset import manifest
from emoforge.experiments.cache import Cache, Entry
from emoforge.experiments.embeddings import embed_corpus
from emoforge.project.checksums import digest, file_sha256, folder_sha256
from emoforge.project.corpus_choice import SharingWarning
from emoforge.project.layout import Layout
from emoforge.project.params import CorpusParams, Params
from emoforge.stages import ingest, prosody

#: What experiments read of a manifest: a new licence or split changes no answer.
_COLUMNS = ("clip_id", "corpus", "speaker", "gender", "emotion", "sentence", "enrolment", "audio_sha256")


class Original(Interface):
    """A corpus as a protocol names it, by registry name and folder."""

    @property
    def name(self) -> str: ...

    @property
    def root(self) -> str: ...


@dataclass(frozen=True)
class Corpus:
    """An ingested and analysed corpus.

    Attributes:
        name: registry name.
        layout: where the outputs of ingest and prosody lie.
        key: checksum of the clips, tracks and functionals themselves, not of how they were made.
        speech_key: likewise, of clips and tracks alone: what converters see.
        table: manifest.
    """

    name: str
    layout: Layout
    key: str
    speech_key: str
    table: pa.Table

    def rows(self, speakers: Iterable[str]) -> list[dict]:
        """Return the manifest rows of *speakers*."""
        wanted = pc.is_in(self.table.column("speaker"), pa.array(list(speakers)))
        return self.table.filter(wanted).to_pylist()

    @property
    def audio(self) -> str:
        """Checksum of the audio of all clips."""
        return digest(self.table.select(["clip_id", "audio_sha256"]).to_pylist())


def prepare_corpus(original: Original, params: Params, *, root: Path, cache: Cache) -> Corpus:
    """Ingest and analyse a corpus, unless that was done.

    Args:
        original: the corpus.
        params: of the project: `seed`, `ingest` and `prosody`.
        root: project folder, which the corpus's folder is relative to.
        cache: where the outputs of the stages are kept.

    Raises:
        CorpusError: the corpus is not where the protocol says.
    """
    folder = (root / original.root).resolve()
    if not folder.exists():
        raise CorpusError(
            f"{original.root}: no such folder; fetch the corpus with `emoforge corpora fetch {original.name}` or give "
            "its folder as `root` in the protocol"
        )
    # Nobody trains or tests here by the splits that ingest makes: the protocol's folds or rotations decide.
    settings = params.ingest.model_copy(update={"fold": 0, "val_speakers": 1})
    own = params.model_copy(
        update={
            "corpus": CorpusParams(name=original.name, root=str(folder), licence=""),
            "ingest": settings,
            "workers": cache.workers,
        }
    )
    entry = cache.entry(
        "corpora",
        ingest.run,
        prosody.run,
        corpora.importer(original.name),
        name=original.name,
        key={
            "recordings": _recordings_sha256(corpora.read(original.name, folder)),
            "seed": params.seed,
            "ingest": settings.model_dump(),
            "prosody": params.prosody.model_dump(),
        },
    )
    layout = Layout(entry.folder)
    if not layout.manifest("ingest").is_file():
        with warnings.catch_warnings():
            # Nothing is published of a corpus that is only studied, so that its licence need not be stated.
            warnings.simplefilter("ignore", SharingWarning)
            ingest.run(own, layout)
    if not layout.functionals("prosody").is_file():
        prosody.run(own, layout)
    return open_corpus(original.name, layout)


def open_corpus(name: str, layout: Layout) -> Corpus:
    """Return the corpus whose stages ingest and prosody are done at *layout*.

    Raises:
        ManifestError: they are not.
    """
    table = manifest.read(layout.manifest("ingest"))
    functionals = layout.functionals("prosody")
    if not functionals.is_file():
        raise ManifestError(f"{functionals}: not there; run the stage that writes it (`dvc repro prosody`)")
    speech_key = digest([table.select(list(_COLUMNS)).to_pylist(), folder_sha256(layout.stage("prosody") / "tracks")])
    return Corpus(name, layout, digest([speech_key, file_sha256(functionals)]), speech_key, table)


def embed_prepared(corpus: Corpus, *, encoder: str, cache: Cache) -> Entry:
    """Return the entry with the embeddings of all clips of *corpus*, as :func:`embed_corpus` does.

    Raises:
        ModelError: the encoder is not there, or damaged.
    """
    return embed_corpus(
        corpus.name,
        corpus.layout.stage("ingest") / "clips",
        corpus.table.column("clip_id").to_pylist(),
        audio=corpus.audio,
        encoder=encoder,
        cache=cache,
    )


def _recordings_sha256(recordings: Iterable[Recording]) -> str:
    """Return the checksum of what ingest reads of a corpus: labels and sound, wherever it lies.

    The files are read whole: an edited recording often keeps its length.
    """
    sounds: dict[Path, str] = {}
    described = []
    for recording in recordings:
        if recording.path not in sounds:
            sounds[recording.path] = file_sha256(recording.path) if recording.path.is_file() else ""
        described.append({**asdict(recording), "path": sounds[recording.path]})
    return digest(described)
