"""One tiny clip of every published corpus, where it lies in the publisher's layout."""

from pathlib import Path

import numpy as np
import soundfile

from emoforge import corpora

# Endings that soundfile does not know to write by themselves.
_WRITTEN_AS = {".opus": ("OGG", "OPUS"), ".oga": ("OGG", "VORBIS")}


def clip(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    form, subtype = _WRITTEN_AS.get(path.suffix, (None, None))
    soundfile.write(path, np.zeros(80), 8000, format=form, subtype=subtype)
    return path


def by_stem(name: str, root: Path) -> dict[str, corpora.Recording]:
    recordings = corpora.read(name, root)
    assert [recording.stem for recording in recordings] == sorted(recording.stem for recording in recordings)
    assert all(recording.corpus == name for recording in recordings)
    assert {recording.emotion for recording in recordings} <= set(corpora.info(name).emotions)
    return {recording.stem: recording for recording in recordings}


def emotions(name: str, root: Path) -> dict[str, str]:
    return {stem: recording.emotion for stem, recording in by_stem(name, root).items()}


# One clip a corpus, where it lies in the publisher's layout; other files that an importer needs come with it.
def one_ravdess(root, suffix=".wav"):
    return clip(root / "Actor_12" / f"03-01-06-02-01-02-12{suffix}")


def one_nemo(root, suffix=".wav"):
    root.mkdir(parents=True, exist_ok=True)
    (root / "data.tsv").write_text(
        "file_id\temotion\traw_text\tnormalized_text\tspeaker_id\tgender\tage\n"
        'WR0_surprised_64.wav\tsurprised\tUcho, "wykrywa" dźwięki.\tucho\t        WR0\tmale\t23\n',
        encoding="utf-8",
    )
    return clip(root / "samples" / f"WR0_surprised_64{suffix}")


def one_urdu(root, suffix=".wav"):
    return clip(root / "Angry" / f"SM1_F10_A010{suffix}")


def one_crema_d(root, suffix=".wav"):
    return clip(root / "AudioWAV" / f"1002_IEO_HAP_HI{suffix}")


def one_esd(root, suffix=".wav"):
    return clip(root / "0011" / "Angry" / "train" / f"0011_000352{suffix}")


def one_emodb(root, suffix=".wav"):
    return clip(root / "wav" / f"08a01Fb{suffix}")


def one_emov_db(root, suffix=".wav"):
    return clip(root / "jenie_Sleepy" / f"sleepiness_1-28_0003{suffix}")


def one_tess(root, suffix=".wav"):
    return clip(root / "OAF_Pleasant_surprise" / f"OAF_back_ps{suffix}")


def one_savee(root, suffix=".wav"):
    return clip(root / "AudioData" / "KL" / f"su07{suffix}")


def one_jl_corpus(root, suffix=".wav"):
    folder = root / "Raw JL corpus (unchecked and unannotated)" / "JL(wav+txt)"
    path = clip(folder / f"male2_apologetic_3b_1{suffix}")
    path.with_suffix(".txt").write_text("Carl leaps into a jeep.")
    return path


def one_meld(root, suffix=".wav"):
    root.mkdir(parents=True, exist_ok=True)
    (root / "dev_sent_emo.csv").write_text(
        "Sr No.,Utterance,Speaker,Emotion,Sentiment,Dialogue_ID,Utterance_ID,Season,Episode,StartTime,EndTime\n"
        '4,"You\x92re a genius, you!",Chandler,joy,positive,1,2,4,4,"00:12:32,334","00:12:33,960"\n',
        encoding="utf-8",
    )
    return clip(root / "dev_splits_complete" / f"dia1_utt2{suffix}")


def one_iemocap(root, suffix=".wav"):
    dialog = root / "Session1" / "dialog"
    (dialog / "EmoEvaluation").mkdir(parents=True, exist_ok=True)
    (dialog / "transcriptions").mkdir(exist_ok=True)
    (dialog / "EmoEvaluation" / "Ses01F_impro01.txt").write_text(
        "% [START_TIME - END_TIME] TURN_NAME EMOTION [V, A, D]\n\n"
        "[6.2901 - 8.2357]\tSes01F_impro01_M000\texc\t[2.5000, 2.5000, 2.5000]\n"
        "C-E2:\tNeutral;\t()\nA-E3:\tval 3; act 2; dom  2;\t()\n\n"
    )
    (dialog / "transcriptions" / "Ses01F_impro01.txt").write_text(
        "Ses01F_impro01_M000 [006.2901-008.2357]: Excuse me. [LAUGHTER]\n"
    )
    return clip(root / "Session1" / "sentences" / "wav" / "Ses01F_impro01" / f"Ses01F_impro01_M000{suffix}")


def one_msp_podcast(root, suffix=".wav"):
    for folder in ("Labels", "Transcripts"):
        (root / folder).mkdir(parents=True, exist_ok=True)
    (root / "Labels" / "labels_consensus.csv").write_text(
        "FileName,EmoClass,EmoAct,EmoVal,EmoDom,SpkrID,Gender,Split_Set\n"
        "MSP-PODCAST_0001_0008.wav,C,2.2,4.0,2.6,30,Female,Test1\n"
    )
    (root / "Transcripts" / "MSP-PODCAST_0001_0008.txt").write_text("so there you go\n")
    return clip(root / "Audios" / f"MSP-PODCAST_0001_0008{suffix}")


def one_emovo(root, suffix=".wav"):
    return clip(root / "m2" / f"gio-m2-d1{suffix}")


def one_aesdd(root, suffix=".wav"):
    return clip(root / "happiness" / f"h03 (4){suffix}")


def one_cafe(root, suffix=".wav"):
    return clip(root / "Joie" / "Fort" / f"08-J-2-3{suffix}")


def one_mesd(root, suffix=".wav"):
    return clip(root / "Mexican Emotional Speech Database (MESD)" / f"Fear_F_A_por_favor{suffix}")


def one_subesco(root, suffix=".wav"):
    return clip(root / f"F_01_OISHI_S_10_SURPRISE_5{suffix}")


def one_banglaser(root, suffix=".wav"):
    return clip(root / "Actor 08" / f"03-01-01-02-03-01-08{suffix}")


def one_ased(root, suffix=".wav"):
    return clip(root / "05Angry" / f"a5-02-01-02-38{suffix}")


def one_shemo(root, suffix=".wav"):
    return clip(root / "female" / f"F21W05{suffix}")


def one_emns(root, suffix=".opus"):
    root.mkdir(parents=True, exist_ok=True)
    (root / "metadata.csv").write_text(
        "id|utterance|description|emotion|date_created|status|gender|age|level|audio_recording|user_id\n"
        "685|Experimental burns, too.|With a {emotion} voice, {user_id} said {transcription}.|Excited|2022-07-27|"
        "Complete|Female|20s|7|wavs/recorded_audio_MRMlFrW.webm|3\n"
    )
    return clip(root / "cleaned_webm" / f"recorded_audio_MRMlFrW{suffix}")


def one_resd(root, suffix=".wav"):
    return clip(root / "train" / "happiness_enthusiasm_32" / f"32_happiness_enthusiasm_e_120{suffix}")


def one_librispeech(root, suffix=".flac"):
    chapter = root / "LibriSpeech" / "train-clean-100" / "19" / "198"
    chapter.mkdir(parents=True, exist_ok=True)
    (chapter / "19-198.trans.txt").write_text("19-198-0000 NORTHANGER ABBEY\n19-198-0001 THIS LITTLE WORK\n")
    (root / "LibriSpeech" / "SPEAKERS.TXT").write_text(
        "; Some pipes are in names\n;ID  |SEX| SUBSET           |MINUTES| NAME\n"
        "19   | F | train-clean-100  | 25.19 | Kara Shallenberg\n60   | M | train-clean-100  | 20.18 | | CBW | Simon\n"
    )
    return clip(chapter / f"19-198-0001{suffix}")


def one_vctk(root, suffix=".flac"):
    words = root / "txt" / "p226" / "p226_003.txt"
    words.parent.mkdir(parents=True, exist_ok=True)
    words.write_text("Six spoons of fresh snow peas.\n")
    (root / "speaker-info.txt").write_text(
        "ID  AGE  GENDER  ACCENTS  REGION COMMENTS \n"
        "p225  23  F    English    Southern  England\np226  22  M    English    Surrey\n"
    )
    return clip(root / "wav48_silence_trimmed" / "p226" / f"p226_003_mic1{suffix}")


# name: maker, then speaker, emotion, gender, language, text, sentence, intensity, stem
ONE = {
    "ravdess": (
        one_ravdess,
        ("12", "fear", "female", "en", "Kids are talking by the door", "01", 1.0, "Actor_12/03-01-06-02-01-02-12"),
    ),
    "nemo": (
        one_nemo,
        ("WR0", "surprise", "male", "pl", 'Ucho, "wykrywa" dźwięki.', "64", None, "WR0_surprised_64"),
    ),
    "urdu": (one_urdu, ("SM1", "anger", "male", "ur", None, None, None, "SM1_F10_A010")),
    "crema-d": (
        one_crema_d,
        ("1002", "happiness", "female", "en", "It's eleven o'clock.", "IEO", 0.8, "1002_IEO_HAP_HI"),
    ),
    "esd": (one_esd, ("0011", "anger", "male", "en", None, "en-002", None, "0011_000352")),
    "emodb": (
        one_emodb,
        ("08", "happiness", "female", "de", "Der Lappen liegt auf dem Eisschrank.", "a01", None, "08a01Fb"),
    ),
    "emov-db": (
        one_emov_db,
        ("jenie", "sleepiness", "female", "en", None, "0003", None, "jenie_Sleepy/sleepiness_1-28_0003"),
    ),
    "tess": (one_tess, ("OAF", "surprise", "female", "en", "Say the word back.", "back", None, "OAF_back_ps")),
    "savee": (one_savee, ("KL", "surprise", "male", "en", None, "su07", None, "KL_su07")),
    "jl-corpus": (
        one_jl_corpus,
        (
            "male2",
            "apology",
            "male",
            "en",
            "Carl leaps into a jeep.",
            "carl leaps into a jeep",
            None,
            "male2_apologetic_3b_1",
        ),
    ),
    "meld": (
        one_meld,
        ("Chandler", "happiness", "male", "en", "You\u2019re a genius, you!", None, None, "dev/dia1_utt2"),
    ),
    "iemocap": (
        one_iemocap,
        ("Ses01M", "excitement", "male", "en", "Excuse me. [LAUGHTER]", None, None, "Ses01F_impro01_M000"),
    ),
    "msp-podcast": (
        one_msp_podcast,
        ("30", "contempt", "female", "en", "so there you go", None, None, "MSP-PODCAST_0001_0008"),
    ),
    "emovo": (one_emovo, ("m2", "happiness", "male", "it", "Sabato sera cosa farà?", "d1", None, "gio-m2-d1")),
    "aesdd": (one_aesdd, ("4", "happiness", "unknown", "el", None, "03", None, "h03 (4)")),
    "cafe": (
        one_cafe,
        ("08", "happiness", "female", "fr", "Trois cygnes aveugles au bord du lac", "3", 1.0, "08-J-2-3"),
    ),
    "mesd": (one_mesd, ("F", "fear", "female", "es", "por favor", "por_favor", None, "Fear_F_A_por_favor")),
    "subesco": (one_subesco, ("F01", "surprise", "female", "bn", None, "10", None, "F_01_OISHI_S_10_SURPRISE_5")),
    "banglaser": (one_banglaser, ("08", "happiness", "female", "bn", None, "03", 1.0, "03-01-01-02-03-01-08")),
    "ased": (one_ased, ("38", "anger", "male", "am", None, "02", None, "a5-02-01-02-38")),
    "shemo": (one_shemo, ("F21", "surprise", "female", "fa", None, None, None, "F21W05")),
    "emns": (
        one_emns,
        (
            "3",
            "excitement",
            "female",
            "en",
            "Experimental burns, too.",
            "experimental burns too",
            0.7,
            "recorded_audio_MRMlFrW",
        ),
    ),
    "resd": (
        one_resd,
        ("32", "excitement", "unknown", "ru", None, None, None, "32_happiness_enthusiasm_e_120"),
    ),
    "librispeech": (
        one_librispeech,
        ("19", "neutral", "female", "en", "THIS LITTLE WORK", None, None, "19-198-0001"),
    ),
    "vctk": (
        one_vctk,
        (
            "p226",
            "neutral",
            "male",
            "en",
            "Six spoons of fresh snow peas.",
            "six spoons of fresh snow peas",
            None,
            "p226_003_mic1",
        ),
    ),
}
