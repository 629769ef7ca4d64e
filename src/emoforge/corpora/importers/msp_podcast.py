"""MSP-Podcast: turns from podcasts, rated by the crowd.

Layout: ``Labels/labels_consensus.csv`` (``labels_concensus.csv`` in old releases), ``Audios/*.wav`` and, where
released, ``Transcripts/*.txt``. The consensus label is used; a turn without agreement (``X``) is left out, and so is
one of an unknown speaker, which no speaker-disjoint split could place. ``O`` becomes ``other``.
"""

from pathlib import Path

from emoforge.corpora.files import by_name, decode, finish, index_audio, locate, read_rows, wrong_root
from emoforge.corpora.recording import CorpusInfo, Recording

_EMOTIONS = {
    "N": "neutral",
    "H": "happiness",
    "S": "sadness",
    "A": "anger",
    "U": "surprise",
    "F": "fear",
    "D": "disgust",
    "C": "contempt",
    "O": "other",
    "X": "",
}
_GENDERS = {"female": "female", "male": "male", "unknown": "unknown", "": "unknown"}
_TABLES = ("labels_consensus.csv", "labels_concensus.csv")

INFO = CorpusInfo(
    name="msp-podcast",
    title="MSP-Podcast 2.0",
    languages=("en",),
    n_speakers=3641,
    n_clips=267_905,
    labels=_EMOTIONS,
    style="spontaneous",
    licence="academic licence, by agreement",
    derivatives=False,
    redistributable=False,
    non_commercial=True,
    url="https://ecs.utdallas.edu/research/researchlabs/msp-lab/MSP-Podcast.html",
    citation="Lotfian and Busso, Building Naturalistic Emotionally Balanced Speech Corpus by Retrieving Emotional "
    "Speech from Existing Podcast Recordings, IEEE Transactions on Affective Computing 10(4), 2019",
    access="ask for it at https://ecs.utdallas.edu/research/researchlabs/msp-lab/MSP-Podcast.html",
)

_EXPECTED = "Labels/labels_consensus.csv beside a folder Audios with clips like MSP-PODCAST_0001_0008.wav"


def read(root: Path) -> list[Recording]:
    """Return the recordings below *root*, sorted by stem; speakers are the release's ``SpkrID``.

    Raises:
        CorpusError: *root* does not look like the corpus, or the table holds an unknown code.
    """
    bases = locate(root, lambda folder: _find_table(folder) is not None)
    recordings = []
    for base, table in ((base, table) for base in bases if (table := _find_table(base))):
        clips = by_name(index_audio(base / "Audios"))
        for row in read_rows(table, ("FileName", "EmoClass", "SpkrID", "Gender")):
            stem = row["FileName"].rsplit(".", 1)[0]
            where = f"{table}, {row['FileName']}"
            emotion = decode(_EMOTIONS, row["EmoClass"], "label", where)
            gender = decode(_GENDERS, row["Gender"].lower(), "gender", where)
            if not emotion or stem not in clips or row["SpkrID"].lower() in {"", "unknown"}:
                continue
            words = base / "Transcripts" / f"{stem}.txt"
            recordings.append(
                Recording(
                    path=clips[stem],
                    corpus=INFO.name,
                    speaker=row["SpkrID"],
                    emotion=emotion,
                    gender=gender,
                    language="en",
                    text=(words.read_text(encoding="utf-8", errors="replace").strip() if words.is_file() else "")
                    or None,
                    sentence=None,
                    intensity=None,
                    stem=stem,
                )
            )
    if not bases:
        raise wrong_root(root, INFO, _EXPECTED)
    return finish(recordings, root, INFO, _EXPECTED)


def _find_table(folder: Path) -> Path | None:
    """Return the consensus labels of the release in *folder*, or None."""
    tables = (parent / name for parent in (folder / "Labels", folder) for name in _TABLES)
    return next((table for table in tables if table.is_file()), None)
