"""EmoDB: the Berlin database of emotional speech, ten speakers, ten sentences.

Layout: a folder ``wav`` (other folders hold labels, not audio). File name: speaker (two digits), sentence (``a01`` to
``b10``), emotion letter (German), version letter.
"""

import re
from pathlib import Path

from emoforge.corpora.files import decode, finish, match_name, named_clips
from emoforge.corpora.recording import CorpusInfo, Download, Recording

_EMOTIONS = {
    "W": "anger",
    "L": "boredom",
    "E": "disgust",
    "A": "fear",
    "F": "happiness",
    "T": "sadness",
    "N": "neutral",
}
_SENTENCES = {
    "a01": "Der Lappen liegt auf dem Eisschrank.",
    "a02": "Das will sie am Mittwoch abgeben.",
    "a04": "Heute abend könnte ich es ihm sagen.",
    "a05": "Das schwarze Stück Papier befindet sich da oben neben dem Holzstück.",
    "a07": "In sieben Stunden wird es soweit sein.",
    "b01": "Was sind denn das für Tüten, die da unter dem Tisch stehen?",
    "b02": "Sie haben es gerade hochgetragen und jetzt gehen sie wieder runter.",
    "b03": "An den Wochenenden bin ich jetzt immer nach Hause gefahren und habe Agnes besucht.",
    "b09": "Ich will das eben wegbringen und dann mit Karl was trinken gehen.",
    "b10": "Die wird auf dem Platz sein, wo wir sie immer hinlegen.",
}
_GENDERS = {
    "03": "male",
    "08": "female",
    "09": "female",
    "10": "male",
    "11": "male",
    "12": "male",
    "13": "female",
    "14": "female",
    "15": "male",
    "16": "female",
}

INFO = CorpusInfo(
    name="emodb",
    title="EmoDB, Berlin database of emotional speech",
    languages=("de",),
    n_speakers=10,
    n_clips=535,
    labels=_EMOTIONS,
    style="acted",
    # What the record on Zenodo states; the tables inside the archive say CC0-1.0, which asks for less.
    licence="CC-BY-4.0",
    derivatives=True,
    redistributable=True,
    non_commercial=False,
    url="http://emodb.bilderbar.info",
    citation="Burkhardt et al., A Database of German Emotional Speech, Interspeech 2005",
    downloads=(
        Download(
            "https://zenodo.org/records/7447302/files/emodb.zip?download=1",
            "emodb.zip",
            39_981_818,
            "md5:9d21362dbc5676ef3ab4745d83ced0db",
        ),
    ),
)

_NAME = re.compile(r"(\d\d)([a-z]\d\d)([A-Z])[a-z]")
_EXPECTED = "a folder wav with clips like 03a01Fa.wav"


def read(root: Path) -> list[Recording]:
    """Return the recordings below *root*, sorted by stem; speakers are ``03`` to ``16``.

    Raises:
        CorpusError: *root* does not look like the corpus, or a file name holds an unknown code.
    """
    recordings = []
    for stem, path in named_clips(root, INFO, _NAME.fullmatch, _EXPECTED).items():
        speaker, sentence, emotion = match_name(_NAME, stem, path, INFO).groups()
        recordings.append(
            Recording(
                path=path,
                corpus=INFO.name,
                speaker=speaker,
                emotion=decode(_EMOTIONS, emotion, "emotion letter", path),
                gender=decode(_GENDERS, speaker, "speaker", path),
                language="de",
                text=decode(_SENTENCES, sentence, "sentence code", path),
                sentence=sentence,
                intensity=None,
                stem=stem,
            )
        )
    return finish(recordings, root, INFO, _EXPECTED)
