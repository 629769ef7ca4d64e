"""nEMO: acted Polish, 90 sentences that every speaker says in every emotion.

Layout: ``data.tsv`` beside ``samples/``. The table names ``.wav`` files whatever lies on the disk and pads
``speaker_id`` with blanks. Rows whose audio is absent are left out.
"""

from pathlib import Path

from emoforge.corpora.files import by_name, decode, finish, index_audio, locate, read_rows, wrong_root
from emoforge.corpora.recording import CorpusInfo, Download, Recording

_EMOTIONS = {
    "neutral": "neutral",
    "anger": "anger",
    "happiness": "happiness",
    "sadness": "sadness",
    "fear": "fear",
    "surprised": "surprise",
}
_GENDERS = {"female": "female", "male": "male"}
# The commit that added the table and all samples, so that the same address always gives the same files.
_COMMIT = "06f1f83dde8f1a780443a57d53b2af3971af34ab"

INFO = CorpusInfo(
    name="nemo",
    title="nEMO, emotional speech in Polish",
    languages=("pl",),
    n_speakers=9,
    n_clips=4481,
    labels=_EMOTIONS,
    style="acted",
    licence="CC-BY-NC-SA-4.0",
    derivatives=True,
    redistributable=True,
    non_commercial=True,
    url="https://github.com/amu-cai/nEMO",
    citation="Christop, nEMO: Dataset of Emotional Speech in Polish, LREC-COLING 2024, arXiv:2404.06292",
    downloads=(Download(f"https://github.com/amu-cai/nEMO/archive/{_COMMIT}.zip", "nEMO.zip"),),
)

_EXPECTED = "data.tsv beside a folder samples with clips like WR0_surprised_64.wav"


def read(root: Path) -> list[Recording]:
    """Return the recordings below *root*, sorted by stem; speakers are ``EB0``, ``IC0`` and so on.

    Raises:
        CorpusError: *root* does not look like the corpus, or the table holds an unknown code.
    """
    bases = locate(root, lambda folder: (folder / "data.tsv").is_file())
    if not bases:
        raise wrong_root(root, INFO, _EXPECTED)
    recordings = []
    for base in bases:
        table = base / "data.tsv"
        clips = by_name(index_audio(base))
        for row in read_rows(table, ("file_id", "emotion", "raw_text", "speaker_id", "gender"), delimiter="\t"):
            stem = row["file_id"].rsplit(".", 1)[0]
            emotion = decode(_EMOTIONS, row["emotion"], "emotion", f"{table}, {row['file_id']}")
            gender = decode(_GENDERS, row["gender"], "gender", f"{table}, {row['file_id']}")
            if stem not in clips:
                continue
            recordings.append(
                Recording(
                    path=clips[stem],
                    corpus=INFO.name,
                    speaker=row["speaker_id"],
                    emotion=emotion,
                    gender=gender,
                    language="pl",
                    text=row["raw_text"] or None,
                    # The last part of the name numbers the sentence, alike for all speakers and emotions.
                    sentence=stem.rsplit("_", 1)[-1],
                    intensity=None,
                    stem=stem,
                )
            )
    return finish(recordings, root, INFO, _EXPECTED)
