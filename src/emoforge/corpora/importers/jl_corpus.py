"""JL-Corpus: four speakers of New Zealand English, five primary and five secondary emotions.

Layout: clips like ``female1_angry_10a_1.wav`` with their words in a text file of the same name beside
(``Raw JL corpus (unchecked and unannotated)/JL(wav+txt)``). Sentences are recognised by their words: the numbers mean
different sentences for the primary and the secondary emotions. Without its text a clip has no sentence.
"""

import re
from pathlib import Path

from emoforge.corpora.files import decode, finish, match_name, named_clips, sentence_of
from emoforge.corpora.recording import CorpusInfo, Recording

_EMOTIONS = {
    "neutral": "neutral",
    "happy": "happiness",
    "sad": "sadness",
    "angry": "anger",
    "excited": "excitement",
    "anxious": "anxiety",
    "apologetic": "apology",
    "assertive": "assertiveness",
    "concerned": "concern",
    "encouraging": "encouragement",
}

INFO = CorpusInfo(
    name="jl-corpus",
    title="JL-Corpus, emotional speech in New Zealand English",
    languages=("en",),
    n_speakers=4,
    n_clips=2400,
    labels=_EMOTIONS,
    style="acted",
    licence="CC0-1.0",
    derivatives=True,
    redistributable=True,
    non_commercial=False,
    url="https://github.com/tli725/JL-Corpus",
    citation="James, Tian and Watson, An Open Source Emotional Speech Corpus for Human Robot Interaction Applications, "
    "Interspeech 2018",
    access="download it with a Kaggle account from https://www.kaggle.com/tli725/jl-corpus",
)

_NAME = re.compile(r"((fe)?male\d)_([a-z]+)_\d+[ab]_\d+")
_EXPECTED = "clips like female1_angry_10a_1.wav"


def read(root: Path) -> list[Recording]:
    """Return the recordings below *root*, sorted by stem; speakers are ``female1``, ``male1`` and so on.

    Raises:
        CorpusError: *root* does not look like the corpus, or a file name holds an unknown code.
    """
    recordings = []
    for stem, path in named_clips(root, INFO, _NAME.fullmatch, _EXPECTED).items():
        speaker, female, emotion = match_name(_NAME, stem, path, INFO).groups()
        words = path.with_suffix(".txt")
        text = words.read_text(encoding="utf-8-sig", errors="replace").strip() if words.is_file() else ""
        recordings.append(
            Recording(
                path=path,
                corpus=INFO.name,
                speaker=speaker,
                emotion=decode(_EMOTIONS, emotion, "emotion", path),
                gender="female" if female else "male",
                language="en",
                text=text or None,
                sentence=sentence_of(text),
                intensity=None,
                stem=stem,
            )
        )
    return finish(recordings, root, INFO, _EXPECTED)
