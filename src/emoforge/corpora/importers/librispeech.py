"""LibriSpeech: English audiobooks, taken as neutral speech of very many voices.

Layout: ``<subset>/<speaker>/<chapter>/<speaker>-<chapter>-<utterance>.flac`` with the words of a chapter in
``<speaker>-<chapter>.trans.txt`` beside, in capitals and without punctuation, and ``SPEAKERS.TXT`` above the subsets; a
folder of clips alone is accepted too. Without ``SPEAKERS.TXT`` nobody's gender is known, without a chapter's words its
clips have no text. No sentence is read by two speakers on purpose, so sentence is None.

There are no labels. Readers do act now and then, but ``neutral`` is what nearly all of it is. Nothing can be
learnt from this corpus alone: name it in ``fit_converter.also`` of a project that holds emotional speech.
"""

import re
from collections.abc import Iterable
from pathlib import Path

from emoforge.corpora.files import finish, match_name, named_clips
from emoforge.corpora.recording import UNLABELLED, CorpusInfo, Download, Recording

INFO = CorpusInfo(
    name="librispeech",
    title="LibriSpeech, read English",
    languages=("en",),
    n_speakers=2484,
    n_clips=292_367,
    labels={UNLABELLED: "neutral"},
    style="read",
    licence="CC-BY-4.0",
    derivatives=True,
    redistributable=True,
    non_commercial=False,
    url="https://www.openslr.org/12",
    citation="Panayotov et al., LibriSpeech: an ASR corpus based on public domain audio books, ICASSP 2015",
    # 251 of the speakers; the other subsets lie beside this one and are read alike.
    downloads=(
        Download(
            "https://www.openslr.org/resources/12/train-clean-100.tar.gz",
            "train-clean-100.tar.gz",
            6_387_309_499,
            "md5:2a93770f6d5c6c964bc36631d331a522",
        ),
    ),
)

_NAME = re.compile(r"(\d+)-(\d+)-(\d{4})")
_GENDER = re.compile(r"(\d+)\s*\|\s*([FM])\s*\|")
_GENDERS = {"F": "female", "M": "male"}
_EXPECTED = "folders like train-clean-100/19/198 with clips like 19-198-0000.flac"


def read(root: Path) -> list[Recording]:
    """Return the recordings below *root*, sorted by stem; speakers are the numbers of the readers.

    Raises:
        CorpusError: *root* does not look like the corpus, or a file is not named the corpus's way.
    """
    clips = named_clips(root, INFO, _NAME.fullmatch, _EXPECTED)
    texts = _read_texts({path.parent for path in clips.values()})
    genders = _read_genders(root)
    recordings = []
    for stem, path in clips.items():
        speaker = match_name(_NAME, stem, path, INFO).group(1)
        recordings.append(
            Recording(
                path=path,
                corpus=INFO.name,
                speaker=speaker,
                emotion="neutral",
                gender=genders.get(speaker, "unknown"),
                language="en",
                text=texts.get(stem),
                sentence=None,
                intensity=None,
                stem=stem,
            )
        )
    return finish(recordings, root, INFO, _EXPECTED)


def _read_texts(folders: Iterable[Path]) -> dict[str, str]:
    """Return the words of the clips in *folders* by clip name."""
    lines = (
        line.partition(" ")
        for folder in folders
        for transcript in sorted(folder.glob("[!.]*.trans.txt"))
        for line in transcript.read_text(encoding="utf-8", errors="replace").splitlines()
    )
    return {name: words.strip() for name, _, words in lines if words.strip()}


def _read_genders(root: Path) -> dict[str, str]:
    """Return the gender of each reader, from the table nearest to *root*: in it, just below it or above it."""
    tables = [*root.glob("SPEAKERS.[Tt][Xx][Tt]"), *root.glob("*/SPEAKERS.[Tt][Xx][Tt]")]
    tables += root.resolve().parent.glob("SPEAKERS.[Tt][Xx][Tt]")
    if not tables:
        return {}
    # Names of readers may hold the character that separates the columns, so only the first columns are read.
    matches = map(_GENDER.match, tables[0].read_text(encoding="utf-8", errors="replace").splitlines())
    return {match[1]: _GENDERS[match[2]] for match in matches if match}
