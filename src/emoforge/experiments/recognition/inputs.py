"""What recognisers read of the clips of a study, as the processes that train them open it."""

from collections import ChainMap
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from emoforge.dataset.clips import ClipStore
from emoforge.experiments.cache import Entry
from emoforge.experiments.embeddings import read_embeddings, stacked
from emoforge.project.examples import clip_inputs
from emoforge.project.features import Functionals
from emoforge.project.layout import Layout


@dataclass(frozen=True)
class Material:
    """One corpus, ingested and analysed.

    Attributes:
        name: of the corpus.
        layout: where the outputs of ingest and prosody lie.
        audio: checksum of its clips.
        functionals: checksum of their functionals.
        embeddings: entry with what the encoder makes of them; None where no recogniser asks for it.
    """

    name: str
    layout: Layout
    audio: str
    functionals: str
    embeddings: Entry | None


@dataclass(frozen=True)
class Inputs:
    """What a recogniser of *kind* reads of clips, see :func:`emoforge.project.examples.clip_inputs`.

    Attributes:
        kind: of the recogniser.
        materials: the corpora that the clips are of.
        encoder: source of the pretrained encoder.
    """

    kind: str
    materials: tuple[Material, ...]
    encoder: str

    def __call__(self, clip_ids: Sequence[str]) -> np.ndarray | list:
        return clip_inputs(
            self.kind,
            clip_ids,
            functionals=lambda asked: _functionals(self.materials)(asked),
            embeddings=lambda asked: stacked(ChainMap(*map(_embeddings, self.materials)), asked),
            read=lambda clip_id: _store(self.materials).read(clip_id),
            encoder=self.encoder,
        )


# The checksums in a material keep a process from reading an earlier state of the same folder.
@lru_cache(maxsize=4)
def _functionals(materials: tuple[Material, ...]) -> Functionals:
    return Functionals(*(material.layout.functionals("prosody") for material in materials))


# By corpus, since training runs that follow each other read other sets of corpora.
@lru_cache(maxsize=16)
def _embeddings(material: Material) -> dict[str, np.ndarray]:
    return read_embeddings([material.embeddings] if material.embeddings is not None else [])


@lru_cache(maxsize=4)
def _store(materials: tuple[Material, ...]) -> ClipStore:
    return ClipStore(*(material.layout.stage("ingest") / "clips" for material in materials))
