"""VCTK: 110 speakers of English with many accents, reading newspapers: neutral speech.

Layout of version 0.92: ``wav48_silence_trimmed/p225/p225_001_mic1.flac`` and ``txt/p225/p225_001.txt``, with
``speaker-info.txt`` at the root. Both microphones hold the same utterance: the first is taken, the second where the
first is missing. Of ``p315`` no words are published, and of ``p280`` and ``p315`` no second microphone. The earlier
version 0.80 (``wav48/p225/p225_001.wav``) is read alike.

All speakers read the first 24 passages, but the numbers drift between speakers: sentences are recognised by their
words. There are no labels: all of it is taken as ``neutral``. Nothing can be learnt from this corpus alone: name it
in ``fit_converter.also`` of a project that holds emotional speech.
"""

import re
from pathlib import Path

from emoforge.corpora.files import finish, locate, match_name, named_clips, sentence_of
from emoforge.corpora.recording import UNLABELLED, CorpusInfo, Download, Recording

INFO = CorpusInfo(
    name="vctk",
    title="VCTK, English multi-speaker corpus for the voice cloning toolkit",
    languages=("en",),
    n_speakers=110,
    n_clips=44_455,
    labels={UNLABELLED: "neutral"},
    style="read",
    licence="CC-BY-4.0",
    derivatives=True,
    redistributable=True,
    non_commercial=False,
    url="https://doi.org/10.7488/ds/2645",
    citation="Yamagishi, Veaux and MacDonald, CSTR VCTK Corpus: English Multi-speaker Corpus for CSTR Voice Cloning "
    "Toolkit (version 0.92), University of Edinburgh, 2019, doi:10.7488/ds/2645",
    downloads=(
        Download(
            "https://datashare.ed.ac.uk/bitstream/handle/10283/3443/VCTK-Corpus-0.92.zip?sequence=2&isAllowed=y",
            "VCTK-Corpus-0.92.zip",
            11_747_302_977,
            "md5:8a6ba2946b36fcbef0212cad601f4bfa",
        ),
    ),
)

_NAME = re.compile(r"((?:p|s)\d+)_(\d{3})(?:_mic([12]))?")
_SPEAKER = re.compile(r"([ps]?)(\d+)\s+\S+\s+([FM])\b")
_GENDERS = {"F": "female", "M": "male"}
_EXPECTED = "folders wav48_silence_trimmed and txt with clips like p225/p225_001_mic1.flac"


def read(root: Path) -> list[Recording]:
    """Return the recordings below *root*, sorted by stem; speakers are ``p225`` and so on.

    Raises:
        CorpusError: *root* does not look like the corpus, or a file is not named the corpus's way.
    """
    clips: dict[tuple[str, str], Path] = {}
    for stem, path in sorted(named_clips(root, INFO, _NAME.fullmatch, _EXPECTED).items()):
        speaker, number, _ = match_name(_NAME, stem, path, INFO).groups()
        # In the order of names the first microphone comes first.
        clips.setdefault((speaker, number), path)
    bases = locate(root, lambda folder: (folder / "txt").is_dir() or (folder / "speaker-info.txt").is_file())
    genders = {speaker: gender for base in bases for speaker, gender in _read_genders(base / "speaker-info.txt")}
    recordings = []
    for (speaker, number), path in clips.items():
        text = _read_text(bases, speaker, number)
        recordings.append(
            Recording(
                path=path,
                corpus=INFO.name,
                speaker=speaker,
                emotion="neutral",
                gender=genders.get(speaker, "unknown"),
                language="en",
                text=text or None,
                sentence=sentence_of(text),
                intensity=None,
                stem=path.stem,
            )
        )
    return finish(recordings, root, INFO, _EXPECTED)


def _read_text(bases: list[Path], speaker: str, number: str) -> str:
    files = (base / "txt" / speaker / f"{speaker}_{number}.txt" for base in bases)
    words = next((file for file in files if file.is_file()), None)
    return words.read_text(encoding="utf-8", errors="replace").strip() if words else ""


def _read_genders(table: Path) -> list[tuple[str, str]]:
    """Return speakers and genders; the earlier version leaves the p before a speaker's number out."""
    if not table.is_file():
        return []
    matches = map(_SPEAKER.match, table.read_text(encoding="utf-8", errors="replace").splitlines())
    return [(f"{match[1] or 'p'}{match[2]}", _GENDERS[match[3]]) for match in matches if match]
