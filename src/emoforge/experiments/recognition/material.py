"""The corpora of a study of recognition: ingested, analysed and embedded, and how their speakers fall into folds."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from emoforge import corpora
from emoforge.dataset.splits import speaker_folds
from emoforge.experiments.cache import Cache
from emoforge.experiments.corpora import Corpus, embed_prepared, prepare_corpus
from emoforge.experiments.recognition.inputs import Material
from emoforge.experiments.recognition.protocol import RecognitionStudy, StudiedCorpus
from emoforge.experiments.recognition.tasks import Recorded
from emoforge.project.checksums import file_sha256
from emoforge.project.params import Params
from emoforge.ser.registry import EMBEDDING, KINDS


def prepare(study: RecognitionStudy, params: Params, *, root: Path, cache: Cache) -> dict[str, Corpus]:
    """Ingest and analyse the corpora of *study*, unless that was done; return them by name.

    Raises:
        CorpusError: a corpus is not where the study says.
    """
    return {item.name: prepare_corpus(item, params, root=root, cache=cache) for item in study.corpora}


def record(prepared: Mapping[str, Corpus]) -> Recorded:
    """Return the clips of all corpora, in the order of the corpora, then of clip ids."""

    def column(name: str) -> np.ndarray:
        return np.array([value for corpus in prepared.values() for value in corpus.table.column(name).to_pylist()])

    # Rows of folders or of a table may name another corpus than the one that was asked for.
    names = [name for name, corpus in prepared.items() for _ in range(corpus.table.num_rows)]
    return Recorded(
        clip_ids=column("clip_id"),
        corpora=np.array(names),
        speakers=column("speaker"),
        genders=column("gender"),
        emotions=column("emotion"),
        enrolment=column("enrolment").astype(bool),
    )


def materials(prepared: Mapping[str, Corpus], study: RecognitionStudy, cache: Cache) -> dict[str, Material]:
    """Return what recognisers read of every corpus, by name.

    Embeddings are made where a recogniser of *study* reads them, unless that was done.

    Raises:
        ModelError: the encoder is not there, or damaged.
    """
    embedded = any(EMBEDDING in KINDS[item.kind].reads for item in study.recognisers)
    found = {}
    for name, corpus in prepared.items():
        embeddings = embed_prepared(corpus, encoder=study.encoder, cache=cache) if embedded else None
        functionals = file_sha256(corpus.layout.functionals("prosody"))
        found[name] = Material(name, corpus.layout, corpus.audio, functionals, embeddings)
    return found


def folds_of(asked: StudiedCorpus, corpus: Corpus, *, seed: int) -> dict[str, int]:
    """Return speaker → fold: the published folds, or folds balanced by gender, or one speaker per fold.

    Speakers who share recordings fall into one fold, as ingest keeps them in one split.

    Raises:
        EmoforgeError: the corpus has fewer speakers than folds, or not those of the published folds.
    """
    speakers = corpus.table.column("speaker").to_pylist()
    genders = dict(zip(speakers, corpus.table.column("gender").to_pylist(), strict=True))
    together = _kept_together(corpus)
    published = None if asked.folds else corpora.info(asked.name).published_folds
    n_groups = len(set(speakers)) - sum(len(group) - 1 for group in together)
    return speaker_folds(
        speakers,
        n_folds=len(published) if published else asked.folds or n_groups,
        published=published,
        genders=genders,
        together=together,
        seed=seed,
    )


def _kept_together(corpus: Corpus) -> Sequence[Sequence[str]]:
    return json.loads(corpus.layout.metrics("ingest").read_text("utf-8")).get("kept_together", [])
