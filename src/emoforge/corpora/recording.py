"""What an importer hands over: one :class:`Recording` per clip, and one :class:`CorpusInfo` per corpus."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from emoforge.base.errors import CorpusError, unknown_value
from emoforge.dataset.labels import EMOTIONS, GENDERS

STYLES = ("acted", "elicited", "spontaneous", "read", "synthetic")

#: What stands in place of a label for speech that is published without any.
UNLABELLED = "(no label)"


@dataclass(frozen=True, slots=True)
class Recording:
    """One labelled stretch of speech in a file.

    Attributes:
        path: the audio file.
        corpus: registered name of the corpus.
        speaker: unique within the corpus.
        emotion: one of :data:`emoforge.dataset.labels.EMOTIONS`.
        gender: one of :data:`emoforge.dataset.labels.GENDERS`.
        language: ISO 639-1 code.
        text: the words as written by the publisher, or None.
        sentence: equal when the same words are spoken by another speaker or in another emotion; None if unknown.
        intensity: strength of the acted emotion, 0 to 1, or None.
        stem: name inside the corpus, unique and without extension, with ``/`` between folders.
        start_s: where the stretch begins in the file, or None for its beginning.
        end_s: where it ends, or None for the file's end.

    Raises:
        CorpusError: a value is not of the vocabulary or out of range.
    """

    path: Path
    corpus: str
    speaker: str
    emotion: str
    gender: str
    language: str
    text: str | None
    sentence: str | None
    intensity: float | None
    stem: str
    start_s: float | None = None
    end_s: float | None = None

    def __post_init__(self) -> None:
        if self.emotion not in EMOTIONS:
            raise CorpusError(f"{self.path}: {unknown_value('emotion', self.emotion, EMOTIONS)}")
        if self.gender not in GENDERS:
            raise CorpusError(f"{self.path}: {unknown_value('gender', self.gender, GENDERS)}")
        if not self.speaker or not self.stem:
            raise CorpusError(f"{self.path}: speaker {self.speaker!r} and stem {self.stem!r} must not be empty")
        if self.intensity is not None and not 0 <= self.intensity <= 1:
            raise CorpusError(f"{self.path}: intensity {self.intensity} is out of range; allowed: 0 to 1")
        start_s, end_s = self.start_s or 0.0, self.end_s
        # Negated, so that NaN is refused too.
        if not start_s >= 0 or (end_s is not None and not end_s > start_s):
            raise CorpusError(f"{self.path}: stretch from {start_s} s to {end_s} s is empty or begins before the file")


@dataclass(frozen=True, slots=True)
class Download:
    """One file to fetch.

    Attributes:
        url: where it lies.
        filename: what to call it here; its ending says how to unpack it (.zip, .tar.gz, .tgz, .tar).
        size_bytes: its size where the publisher states one.
        checksum: ``"md5:<hex>"`` or ``"sha256:<hex>"`` where the publisher states one.
    """

    url: str
    filename: str
    size_bytes: int | None = None
    checksum: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing(Download):
    """A CSV table to fetch that names further files, which are then fetched one by one.

    Attributes:
        column: of the table, with a name in each row.
        addresses: where a file lies, with ``{name}`` in place of its name; a file that one address refuses is asked
            for at the next.
        folder: where the files go below the corpus's root.
        suffix: what a file's name here ends in.
    """

    column: str
    addresses: tuple[str, ...]
    folder: str
    suffix: str = ".wav"


@dataclass(frozen=True, slots=True)
class CorpusInfo:
    """What is known of a corpus before anybody has it.

    Attributes:
        name: registered name.
        title: full name.
        languages: ISO 639-1 codes.
        n_speakers: of the full release; None where it depends on the user's own files.
        n_clips: clips of the full release, unusable labels included; None as for ``n_speakers``.
        labels: emotion as published → one of :data:`emoforge.dataset.labels.EMOTIONS`, empty for clips that are left
            out; :data:`UNLABELLED` for speech without labels.
        style: one of :data:`STYLES`.
        licence: SPDX identifier where one exists, else short words.
        derivatives: whether anything made from the clips may be shared at all. False also where the licence is
            silent, since silence grants nothing.
        redistributable: whether the clips themselves may be passed on.
        non_commercial: whether the licence rules out commercial use.
        url: the publisher's page.
        citation: what to cite.
        downloads: open direct addresses of archives and listings; empty where there is none.
        access: how to get the corpus when there is no open address.
        folds: published speaker-disjoint folds, each a tuple of speakers; None where there are none.
        own: whether this is no published corpus but a layout of the user's own, who states licence, title and citation
            in the project's params.yaml.
    """

    name: str
    title: str
    languages: tuple[str, ...]
    n_speakers: int | None
    n_clips: int | None
    labels: Mapping[str, str] = field(hash=False)
    style: str
    licence: str
    derivatives: bool
    redistributable: bool
    non_commercial: bool
    url: str
    citation: str
    downloads: tuple[Download, ...] = ()
    access: str = ""
    folds: tuple[tuple[str, ...], ...] | None = None
    own: bool = False

    @property
    def emotions(self) -> tuple[str, ...]:
        """Emotions that the importer can return, each once, in the order of ``labels``."""
        return tuple(dict.fromkeys(emotion for emotion in self.labels.values() if emotion))

    @property
    def published_folds(self) -> tuple[tuple[str, ...], ...] | None:
        """``folds`` with speakers as a manifest names them."""
        return self.folds and tuple(tuple(f"{self.name}-{speaker}" for speaker in fold) for fold in self.folds)


def speaker_name(recording: Recording) -> str:
    """Return the name of the recording's speaker in a manifest: unique over all corpora."""
    return f"{recording.corpus}-{recording.speaker}"
