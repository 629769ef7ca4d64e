"""EMNS: one Englishwoman telling stories in eight emotions.

Layout: ``metadata.csv`` (separated by ``|``) and the clips of ``cleaned_webm`` or ``raw_webm``. The publisher ships
WebM, which libsndfile cannot read. The sound in it is Opus: copy it, unchanged, into an Opus file beside it first, with
``ffmpeg -i clip.webm -c:a copy clip.opus`` for every clip.

Rows without audio are left out. Sarcasm has no name in emoforge's vocabulary and becomes ``other``. The level of
expressiveness (1 to 10) becomes the intensity, level 0 stands for none. A single speaker cannot be split into train,
val and test: gather the clips with those of other corpora in one table.
"""

from pathlib import Path

from emoforge.base.errors import CorpusError
from emoforge.corpora.files import (
    by_name,
    decode,
    finish,
    index_audio,
    locate,
    read_rows,
    sentence_of,
    wrong_root,
)
from emoforge.corpora.recording import CorpusInfo, Recording

_EMOTIONS = {
    "Angry": "anger",
    "Disgust": "disgust",
    "Excited": "excitement",
    "Happy": "happiness",
    "Neutral": "neutral",
    "Sad": "sadness",
    "Sarcastic": "other",
    "Surprised": "surprise",
}
_GENDERS = {"female": "female", "male": "male", "": "unknown"}
_LEVELS = {str(level): level / 10 for level in range(1, 11)}

INFO = CorpusInfo(
    name="emns",
    title="EMNS, Emotive Narrative Storytelling",
    languages=("en",),
    n_speakers=1,
    n_clips=1181,
    labels=_EMOTIONS,
    style="acted",
    licence="Apache-2.0",
    derivatives=True,
    redistributable=True,
    non_commercial=False,
    url="https://www.openslr.org/136",
    citation="Noriy, Yang and Zhang, EMNS /Imz/ Corpus: An emotive single-speaker dataset for narrative storytelling "
    "in games, television and graphic novels, 2023, arXiv:2305.13137",
    access="download metadata.csv and cleaned_webm.tar.xz from https://www.openslr.org/136, unpack it and turn every "
    "WebM file into an Opus file with ffmpeg",
)

_TABLE = "metadata.csv"
_EXPECTED = "metadata.csv beside a folder cleaned_webm with clips like recorded_audio_3aCYrjz.opus"


def read(root: Path) -> list[Recording]:
    """Return the recordings below *root*, sorted by stem; the only speaker is ``3``.

    Raises:
        CorpusError: *root* does not look like the corpus, it holds WebM only, or the table has an unknown emotion.
    """
    bases = locate(root, lambda folder: (folder / _TABLE).is_file())
    if not bases:
        raise wrong_root(root, INFO, _EXPECTED)
    recordings = []
    for base in bases:
        table = base / _TABLE
        clips = by_name(index_audio(base))
        columns = ("audio_recording", "utterance", "emotion", "gender", "level", "user_id")
        for row in read_rows(table, columns, delimiter="|"):
            stem = Path(row["audio_recording"]).stem
            where = f"{table}, {row['audio_recording']}"
            emotion = decode(_EMOTIONS, row["emotion"].capitalize(), "emotion", where)
            gender = decode(_GENDERS, row["gender"].lower(), "gender", where)
            if stem not in clips:
                continue
            recordings.append(
                Recording(
                    path=clips[stem],
                    corpus=INFO.name,
                    speaker=row["user_id"],
                    emotion=emotion,
                    gender=gender,
                    language="en",
                    text=row["utterance"] or None,
                    sentence=sentence_of(row["utterance"]),
                    intensity=_LEVELS.get(row["level"]),
                    stem=stem,
                )
            )
    if not recordings and next(root.rglob("*.webm"), None):
        raise CorpusError(
            f"{root} holds WebM only; copy the sound of each clip into an Opus file beside it first, for example "
            "`ffmpeg -i recorded_audio_3aCYrjz.webm -c:a copy recorded_audio_3aCYrjz.opus`"
        )
    return finish(recordings, root, INFO, _EXPECTED)
