"""IEMOCAP: ten actors in five dyadic sessions, scripted and improvised.

Layout: ``Session1`` to ``Session5``; labels in ``dialog/EmoEvaluation/*.txt``, words in
``dialog/transcriptions/*.txt``, clips in ``sentences/wav/<dialogue>/<turn>.wav``. A turn whose raters do not agree
(``xxx``) is left out; ``oth`` becomes ``other``. Excitement and frustration stay labels of their own: merge them
with happiness or drop them when selecting, as many papers do. The speaker is who speaks the turn (last letter of its
name), not who wears the markers (fourth letter of the dialogue's). Scripts recur between sessions without a common
numbering, so sentence is None.
"""

import re
from pathlib import Path

from emoforge.corpora.files import by_name, decode, finish, index_audio, locate, wrong_root
from emoforge.corpora.recording import CorpusInfo, Recording

_EMOTIONS = {
    "neu": "neutral",
    "hap": "happiness",
    "sad": "sadness",
    "ang": "anger",
    "sur": "surprise",
    "fea": "fear",
    "dis": "disgust",
    "fru": "frustration",
    "exc": "excitement",
    "oth": "other",
    "xxx": "",
}

INFO = CorpusInfo(
    name="iemocap",
    title="IEMOCAP, Interactive Emotional Dyadic Motion Capture",
    languages=("en",),
    n_speakers=10,
    n_clips=10_039,
    labels=_EMOTIONS,
    style="acted",
    licence="research use only, by agreement",
    derivatives=False,
    redistributable=False,
    non_commercial=True,
    url="https://sail.usc.edu/iemocap/",
    citation="Busso et al., IEMOCAP: Interactive Emotional Dyadic Motion Capture Database, Language Resources and "
    "Evaluation 42, 2008",
    access="ask for it with the form at https://sail.usc.edu/iemocap/iemocap_release.htm",
)

_LABEL = re.compile(r"\[\s*[\d.]+\s*-\s*[\d.]+\s*\]\s+(Ses0(\d)[MF]_\w+_([MF])\w+)\s+(\w+)\s+\[.*\]\s*")
_WORDS = re.compile(r"(Ses0\d[MF]_\w+)\s+\[[^\]]*\]:\s*(.*)")
_EXPECTED = "folders Session1 to Session5 with dialog/EmoEvaluation and sentences/wav"


def read(root: Path) -> list[Recording]:
    """Return the recordings below *root*, sorted by stem; speakers are ``Ses01F`` to ``Ses05M``.

    Raises:
        CorpusError: *root* does not look like the corpus, or an evaluation holds an unknown label.
    """
    bases = locate(root, lambda folder: any((folder / f"Session{n}").is_dir() for n in range(1, 6)))
    if not bases:
        raise wrong_root(root, INFO, _EXPECTED)
    recordings = []
    for session in sorted(path for base in bases for path in base.glob("Session[1-5]")):
        clips = by_name(index_audio(session / "sentences" / "wav"))
        texts: dict[str, str] = {}
        for transcript in sorted(session.glob("dialog/transcriptions/[!.]*.txt")):
            texts |= {match[1]: match[2] for match in map(_WORDS.fullmatch, _read_lines(transcript)) if match}
        for evaluation in sorted(session.glob("dialog/EmoEvaluation/[!.]*.txt")):
            for match in map(_LABEL.fullmatch, _read_lines(evaluation)):
                if match is None:
                    continue
                turn, number, gender, label = match.groups()
                emotion = decode(_EMOTIONS, label, "label", f"{evaluation}, {turn}")
                if not emotion or turn not in clips:
                    continue
                recordings.append(
                    Recording(
                        path=clips[turn],
                        corpus=INFO.name,
                        speaker=f"Ses0{number}{gender}",
                        emotion=emotion,
                        gender="female" if gender == "F" else "male",
                        language="en",
                        text=texts.get(turn) or None,
                        sentence=None,
                        intensity=None,
                        stem=turn,
                    )
                )
    return finish(recordings, root, INFO, _EXPECTED)


def _read_lines(path: Path) -> list[str]:
    return [line.strip() for line in path.read_text(encoding="utf-8", errors="replace").splitlines()]
