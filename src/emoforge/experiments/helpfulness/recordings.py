"""The recorded clips of a study: its corpora in one table, and the situations that its scenario makes of them."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from sklearn.model_selection import StratifiedKFold

from emoforge import corpora
from emoforge.base.errors import EmoforgeError
from emoforge.dataset.labels import NEUTRAL
from emoforge.dataset.splits import speaker_folds
from emoforge.experiments.cache import Cache
from emoforge.experiments.corpora import Corpus, prepare_corpus
from emoforge.experiments.helpfulness.protocol import StudiedCorpus, Study
from emoforge.experiments.helpfulness.situations import (
    Recorded,
    Situation,
    full_situations,
    scarce_situations,
    zero_situations,
)
from emoforge.project.params import Params


@dataclass(frozen=True)
class Table:
    """The recorded clips of the classes that are studied, the target corpus first.

    Attributes:
        corpora: by name.
        rows: one manifest row per clip.
        labels: emotion names.
    """

    corpora: dict[str, Corpus]
    rows: tuple[dict, ...]
    labels: tuple[str, ...]

    @cached_property
    def clip_ids(self) -> np.ndarray:
        return self.column("clip_id")

    @cached_property
    def row_of(self) -> dict[str, int]:
        return {str(clip_id): row for row, clip_id in enumerate(self.clip_ids)}

    def column(self, name: str) -> np.ndarray:
        return np.array([row[name] for row in self.rows])

    def by_corpus(self, rows: Iterable[int]) -> list[tuple[Corpus, tuple[str, ...]]]:
        """Return every corpus among *rows* with the clip ids of its rows, in their order."""
        groups: dict[str, list[str]] = {}
        for row in rows:
            groups.setdefault(self.rows[row]["corpus"], []).append(str(self.clip_ids[row]))
        return [(self.corpora[name], tuple(clip_ids)) for name, clip_ids in groups.items()]


def read_table(study: Study, params: Params, *, root: Path, cache: Cache) -> Table:
    """Ingest and analyse the corpora of *study*, unless that was done, and return their clips.

    Raises:
        CorpusError: a corpus is not where the study says.
        EmoforgeError: fewer than two emotions are common to all corpora, or one that is asked for is missing.
    """
    wanted: list[StudiedCorpus] = [study.corpus, *study.foreign]
    prepared = {corpus.name: prepare_corpus(corpus, params, root=root, cache=cache) for corpus in wanted}
    return table_of(prepared, study.classes)


def table_of(prepared: dict[str, Corpus], classes: Sequence[str]) -> Table:
    """Return the clips of *classes*, or of all emotions that every one of the corpora has."""
    # Rows of a table or of folders may name another corpus than the one that was asked for.
    by_corpus = {
        name: [row | {"corpus": name} for row in corpus.table.to_pylist()] for name, corpus in prepared.items()
    }
    common = set.intersection(*({row["emotion"] for row in rows} for rows in by_corpus.values()))
    labels = sorted(classes or common)
    missing = sorted(set(labels) - common)
    if missing:
        raise EmoforgeError(f"classes: not every corpus has {missing[0]}; common to all: {', '.join(sorted(common))}")
    if len(labels) < 2 or NEUTRAL not in labels:
        raise EmoforgeError(
            f"the corpora have only {', '.join(labels) or 'nothing'} in common; neutral and an emotion are needed"
        )
    rows = [row for of_corpus in by_corpus.values() for row in of_corpus if row["emotion"] in labels]
    return Table(prepared, tuple(rows), tuple(labels))


def situations(study: Study, table: Table) -> list[Situation]:
    """Return the situations of the scenario, the folds of the target corpus in order, draws within.

    Raises:
        EmoforgeError: the corpus has too few speakers, or a fold is asked for that is not there.
    """
    speakers, corpus = table.column("speaker"), table.column("corpus")
    target = str(table.rows[0]["corpus"])
    genders = {row["speaker"]: row["gender"] for row in table.rows}
    own = corpus == target
    enrolment = table.column("enrolment")
    folds = np.full(len(table.rows), -1)
    if study.split_by == "clip":
        # Sorted by clip_id, as the manifest is: the draw depends on nothing else.
        stratified = StratifiedKFold(study.n_folds, shuffle=True, random_state=study.seed)
        rows = np.flatnonzero(own & ~enrolment)
        for fold, (_, tested) in enumerate(stratified.split(rows, table.column("emotion")[rows])):
            folds[rows[tested]] = fold
    else:
        published = None if study.n_folds else corpora.info(study.corpus.name).published_folds
        n_folds = len(published) if published else study.n_folds or len(np.unique(speakers[own]))
        fold_of = speaker_folds(speakers[own], n_folds=n_folds, published=published, genders=genders, seed=study.seed)
        folds[own] = [fold_of[name] for name in speakers[own]]
    recorded = Recorded(speakers, corpus, table.column("emotion") == NEUTRAL, enrolment, folds, genders)
    wanted = {
        "folds": study.folds or sorted(set(folds[folds >= 0].tolist())),
        "seeds": range(study.seed, study.seed + study.seeds),
    }
    if study.scenario == "scarce":
        return scarce_situations(recorded, **wanted, n_labelled=study.labelled)
    if study.scenario == "zero":
        return zero_situations(recorded, **wanted, target=target, draw=study.seed)
    return full_situations(recorded, **wanted)
