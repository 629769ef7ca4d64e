"""ESD: ten Mandarin and ten English speakers, 350 parallel sentences in five emotions.

Layout: a folder per speaker, ``0001`` to ``0010`` Mandarin and ``0011`` to ``0020`` English, with a folder per emotion
inside (flat, or with ``train``, ``evaluation`` and ``test`` below) and a transcript ``<speaker>.txt`` of tab-separated
name, words and emotion. Transcripts come in several encodings and with broken lines; the folder decides the emotion,
and a clip without a readable line has no text.
"""

import re
from pathlib import Path

from emoforge.corpora.files import by_name, decode, finish, index_audio, locate, match_name, subfolders
from emoforge.corpora.recording import CorpusInfo, Recording

_EMOTIONS = {
    "Neutral": "neutral",
    "Angry": "anger",
    "Happy": "happiness",
    "Sad": "sadness",
    "Surprise": "surprise",
}
_MALE = frozenset({"0004", "0005", "0006", "0008", "0010", "0011", "0012", "0013", "0014", "0020"})
_SENTENCES_AN_EMOTION = 350

INFO = CorpusInfo(
    name="esd",
    title="ESD, Emotional Speech Database",
    languages=("zh", "en"),
    n_speakers=20,
    n_clips=35_000,
    labels=_EMOTIONS,
    style="acted",
    licence="research use only",
    derivatives=False,
    redistributable=False,
    non_commercial=True,
    url="https://github.com/HLTSingapore/Emotional-Speech-Data",
    citation="Zhou et al., Seen and Unseen Emotional Style Transfer for Voice Conversion with a New Emotional Speech "
    "Dataset, ICASSP 2021",
    access="follow the download link on https://github.com/HLTSingapore/Emotional-Speech-Data",
)

_SPEAKER = re.compile(r"00(?:0[1-9]|1\d|20)")
_NAME = re.compile(r"(\d{4})_(\d{6})")
_LINE = re.compile(r"(\d{4}_\d{6})\s+(.+)")
_LABEL = re.compile(
    r"\s+(?:Neutral|Angry|Happy|Sad|Surprise|中立|快乐|伤心|生气|惊喜|惊讶|愤怒|悲伤)\s*$", re.IGNORECASE
)
_EXPECTED = (
    "folders 0001 to 0020, each with folders Angry, Happy, Neutral, Sad, Surprise and clips like 0011_000351.wav"
)


def read(root: Path) -> list[Recording]:
    """Return the recordings below *root*, sorted by stem; speakers are ``0001`` to ``0020``.

    Raises:
        CorpusError: *root* does not look like the corpus, or an emotion folder has an unknown name.
    """
    bases = locate(root, lambda folder: any(_SPEAKER.fullmatch(child.name) for child in subfolders(folder)))
    recordings = []
    for speaker_folder in (child for base in bases for child in subfolders(base)):
        speaker = speaker_folder.name
        if not _SPEAKER.fullmatch(speaker):
            continue
        language = "zh" if int(speaker) <= 10 else "en"
        texts = _read_transcript(speaker_folder / f"{speaker}.txt", "gb18030" if language == "zh" else "cp1252")
        for emotion_folder in subfolders(speaker_folder):
            clips = by_name(index_audio(emotion_folder))
            if not clips:
                continue
            emotion = decode(_EMOTIONS, emotion_folder.name, "emotion folder", emotion_folder)
            for stem, path in clips.items():
                number = int(match_name(_NAME, stem, path, INFO).group(2))
                # 1 to 350 are neutral, 351 to 700 angry and so on, the sentences in the same order each time.
                sentence = f"{language}-{(number - 1) % _SENTENCES_AN_EMOTION + 1:03d}"
                recordings.append(
                    Recording(
                        path=path,
                        corpus=INFO.name,
                        speaker=speaker,
                        emotion=emotion,
                        gender="male" if speaker in _MALE else "female",
                        language=language,
                        text=texts.get(stem),
                        sentence=sentence,
                        intensity=None,
                        stem=stem,
                    )
                )
    return finish(recordings, root, INFO, _EXPECTED)


def _read_transcript(path: Path, legacy_encoding: str) -> dict[str, str]:
    """Return the words by clip name; a speaker's file is UTF-16, UTF-8 or in the language's legacy encoding."""
    if not path.is_file():
        return {}
    lines = [line.strip() for line in _decode_text(path.read_bytes(), legacy_encoding).splitlines()]
    matches = [match for match in map(_LINE.fullmatch, lines) if match]
    return {match.group(1): _LABEL.sub("", match.group(2)).strip() for match in matches}


def _decode_text(data: bytes, legacy_encoding: str) -> str:
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        return data.decode("utf-16", errors="replace")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return data.decode(legacy_encoding, errors="replace")
