"""MELD: utterances of the television series Friends.

Layout: ``train_sent_emo.csv``, ``dev_sent_emo.csv``, ``test_sent_emo.csv`` and the clips in ``train_splits``,
``dev_splits_complete`` and ``output_repeated_splits_test`` (or ``train``, ``dev``, ``test``), named
``dia<dialogue>_utt<utterance>``. The publisher ships MP4 video, which libsndfile cannot read: extract the audio
beside it first, with ``ffmpeg -i dia0_utt0.mp4 -ac 1 -ar 16000 dia0_utt0.wav`` for every clip.

Rows without audio are left out (the publisher's own set misses two), and so are rows that several people speak at
once ("All", "Joey and Ross"). A speaker is a name of the series; only the six leads' genders are given. The tables
hold apostrophes as control characters, which are mended. The same words occur by chance only, so sentence is None.
"""

import re
from collections.abc import Mapping
from pathlib import Path

from emoforge.base.errors import CorpusError
from emoforge.corpora.files import decode, finish, index_audio, read_rows, wrong_root
from emoforge.corpora.recording import CorpusInfo, Recording

_EMOTIONS = {
    "neutral": "neutral",
    "joy": "happiness",
    "sadness": "sadness",
    "anger": "anger",
    "surprise": "surprise",
    "fear": "fear",
    "disgust": "disgust",
}
_GENDERS = {
    "Chandler": "male",
    "Joey": "male",
    "Monica": "female",
    "Phoebe": "female",
    "Rachel": "female",
    "Ross": "male",
}
_SPLITS = {
    "train": ("train_splits", "train"),
    "dev": ("dev_splits_complete", "dev_splits", "dev"),
    "test": ("output_repeated_splits_test", "test_splits", "test"),
}

INFO = CorpusInfo(
    name="meld",
    title="MELD, Multimodal EmotionLines Dataset",
    languages=("en",),
    n_speakers=304,
    n_clips=13_708,
    labels=_EMOTIONS,
    style="acted",
    licence="GPL-3.0-only for the annotations; the sound is the broadcaster's",
    derivatives=False,
    redistributable=False,
    non_commercial=True,
    url="https://affective-meld.github.io",
    citation="Poria et al., MELD: A Multimodal Multi-Party Dataset for Emotion Recognition in Conversations, ACL 2019",
    access="download MELD.Raw.tar.gz (10.9 GB of video) from https://huggingface.co/datasets/declare-lab/MELD, unpack "
    "it and the archives inside, and extract the audio with ffmpeg",
)

_CROWD = re.compile(
    r"\b(all|both|everyone|everybody|group|crowd|guys|girls|men|women|kids|others)\b|&|/|,|\band\b", re.I
)
# Windows-1252 punctuation that was read as Latin-1.
_MENDED = {code: bytes([code]).decode("cp1252", errors="ignore") for code in range(0x80, 0xA0)}
_EXPECTED = "train_sent_emo.csv (or dev, test) and folders like train_splits with audio like dia0_utt0.wav"


def read(root: Path) -> list[Recording]:
    """Return the recordings below *root*, sorted by stem (``train/dia0_utt0``).

    Raises:
        CorpusError: *root* does not look like the corpus, it holds video only, or a table has an unknown emotion.
    """
    tables = {split: _find_table(root, split) for split in _SPLITS}
    if not any(tables.values()):
        raise wrong_root(root, INFO, _EXPECTED)
    index = index_audio(root)
    recordings = []
    for split, table in tables.items():
        if table is None:
            continue
        clips = _find_clips(index, split)
        rows = read_rows(table, ("Utterance", "Speaker", "Emotion", "Dialogue_ID", "Utterance_ID"))
        for row in rows:
            name = f"dia{row['Dialogue_ID']}_utt{row['Utterance_ID']}"
            emotion = decode(_EMOTIONS, row["Emotion"], "emotion", f"{table}, {name}")
            speaker = row["Speaker"].translate(_MENDED)
            if name not in clips or not speaker or _CROWD.search(speaker):
                continue
            recordings.append(
                Recording(
                    path=clips[name],
                    corpus=INFO.name,
                    speaker=speaker,
                    emotion=emotion,
                    gender=_GENDERS.get(speaker, "unknown"),
                    language="en",
                    text=row["Utterance"].translate(_MENDED) or None,
                    sentence=None,
                    intensity=None,
                    stem=f"{split}/{name}",
                )
            )
    if not recordings and next(root.rglob("dia*_utt*.mp4"), None):
        raise CorpusError(
            f"{root} holds video only; extract the audio beside each clip first, for example "
            "`ffmpeg -i dia0_utt0.mp4 -ac 1 -ar 16000 dia0_utt0.wav`"
        )
    return finish(recordings, root, INFO, _EXPECTED)


def _find_table(root: Path, split: str) -> Path | None:
    """Return the table of *split* nearest to *root*, or None."""
    if not root.is_dir():
        return None
    tables = sorted(root.rglob(f"{split}_sent_emo.csv"), key=lambda path: (len(path.parts), path))
    return tables[0] if tables else None


def _find_clips(index: Mapping[str, Path], split: str) -> dict[str, Path]:
    """Return the clips of *split* by name: those below a folder with one of the split's names."""
    names = set(_SPLITS[split])
    return {path.stem: path for stem, path in index.items() if names.intersection(stem.split("/")[:-1])}
