"""EMOVO: six Italian actors, 14 sentences in every emotion.

Layout: folders ``f1``, ``f2``, ``f3`` (women), ``m1``, ``m2``, ``m3`` (men) with clips like ``dis-f1-b1.wav``: emotion,
speaker, sentence. Sentences are short (``b``), long (``l``), questions (``d``) or nonsense (``n``). The published clips
are stereo at 48 kHz. ``tri-f3-n1`` and ``tri-f3-n2`` hold one recording, so that one of them is not what its name says.
"""

import re
from pathlib import Path

from emoforge.corpora.files import decode, finish, match_name, named_clips
from emoforge.corpora.recording import CorpusInfo, Recording

_EMOTIONS = {
    "dis": "disgust",
    "gio": "happiness",
    "pau": "fear",
    "rab": "anger",
    "sor": "surprise",
    "tri": "sadness",
    "neu": "neutral",
}
_SENTENCES = {
    "b1": "Gli operai si alzano presto.",
    "b2": "I vigili sono muniti di pistola.",
    "b3": "La cascata fa molto rumore.",
    "l1": "L'autunno prossimo Tony partirà per la Spagna: nella prima metà di ottobre.",
    "l2": "Ora prendo la felpa di là ed esco per fare una passeggiata.",
    "l3": "Un attimo dopo s'è incamminato... ed è inciampato.",
    "l4": "Vorrei il numero telefonico del Signor Piatti.",
    "n1": "La casa forte vuole col pane.",
    "n2": "La forza trova il passo e l'aglio rosso.",
    "n3": "Il gatto sta scorrendo nella pera.",
    "n4": "Insalata pastasciutta coscia d'agnello limoncello.",
    "n5": "Uno quarantatré dieci mille cinquantasette venti.",
    "d1": "Sabato sera cosa farà?",
    "d2": "Porti con te quella cosa?",
}

INFO = CorpusInfo(
    name="emovo",
    title="EMOVO, Italian emotional speech",
    languages=("it",),
    n_speakers=6,
    n_clips=588,
    labels=_EMOTIONS,
    style="acted",
    licence="research use only",
    derivatives=False,
    redistributable=False,
    non_commercial=True,
    url="http://voice.fub.it/activities/corpora/emovo/index.html",
    citation="Costantini et al., EMOVO Corpus: an Italian Emotional Speech Database, LREC 2014",
    access="download it from http://voice.fub.it/activities/corpora/emovo/index.html",
)

_NAME = re.compile(r"([a-z]{3})-([fm]\d)-([a-z]\d)", re.IGNORECASE)
_EXPECTED = "folders f1 to m3 with clips like dis-f1-b1.wav"


def read(root: Path) -> list[Recording]:
    """Return the recordings below *root*, sorted by stem; speakers are ``f1`` to ``f3`` and ``m1`` to ``m3``.

    Raises:
        CorpusError: *root* does not look like the corpus, or a file name holds an unknown code.
    """
    recordings = []
    for stem, path in named_clips(root, INFO, _NAME.fullmatch, _EXPECTED).items():
        emotion, speaker, sentence = match_name(_NAME, stem.lower(), path, INFO).groups()
        recordings.append(
            Recording(
                path=path,
                corpus=INFO.name,
                speaker=speaker,
                emotion=decode(_EMOTIONS, emotion, "emotion code", path),
                gender="female" if speaker.startswith("f") else "male",
                language="it",
                text=decode(_SENTENCES, sentence, "sentence code", path),
                sentence=sentence,
                intensity=None,
                stem=stem,
            )
        )
    return finish(recordings, root, INFO, _EXPECTED)
