"""Every published corpus's importer, on small trees in the publisher's layout with real (tiny) audio files."""

from pathlib import Path

import numpy as np
import pytest
import soundfile

from emoforge import corpora
from emoforge.base.errors import CorpusError
from emoforge.dataset.labels import EMOTIONS


def clip(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, np.zeros(80), 8000)
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
}


@pytest.mark.parametrize("name", ONE)
def test_official_layout_gives_every_field(name, tmp_path):
    make, (speaker, emotion, gender, language, text, sentence, intensity, stem) = ONE[name]
    path = make(tmp_path / "root")
    assert corpora.read(name, tmp_path / "root") == [
        corpora.Recording(path, name, speaker, emotion, gender, language, text, sentence, intensity, stem)
    ]


@pytest.mark.parametrize("suffix", [".flac", ".FLAC", ".ogg", ".mp3"])
@pytest.mark.parametrize("name", ONE)
def test_audio_is_found_by_stem_whatever_its_extension(name, suffix, tmp_path):
    path = ONE[name][0](tmp_path, suffix)
    (path.parent / f"._{path.name}").write_bytes(b"\0\5\26\7")  # what macOS leaves beside files
    assert [recording.path for recording in corpora.read(name, tmp_path)] == [path]


@pytest.mark.parametrize("name", ONE)
def test_a_folder_around_the_layout_does_no_harm(name, tmp_path):
    ONE[name][0](tmp_path / "unpacked")
    (tmp_path / "notes").mkdir()
    expected = ONE[name][1][-1]
    stems = [recording.stem for recording in corpora.read(name, tmp_path)]
    assert stems == [f"unpacked/{expected}" if name == "emov-db" else expected]


@pytest.mark.parametrize("name", ONE)
def test_two_encodings_of_one_clip_are_refused(name, tmp_path):
    path = ONE[name][0](tmp_path)
    clip(path.with_suffix(".flac"))
    with pytest.raises(CorpusError, match=r"holds both .*\.flac and .*\.wav; keep one"):
        corpora.read(name, tmp_path)


@pytest.mark.parametrize("name", [*ONE, "folders", "table", "audformat-db"])
def test_wrong_roots_say_what_was_expected_and_found(name, tmp_path):
    with pytest.raises(CorpusError, match=r"nowhere does not exist; .* needs "):
        corpora.read(name, tmp_path / "nowhere")
    with pytest.raises(CorpusError, match="expected .*, found nothing"):
        corpora.read(name, tmp_path)
    clip(tmp_path / "holiday" / "beach.wav")
    (tmp_path / "notes.md").touch()
    with pytest.raises(CorpusError, match=r"expected .*, found holiday/, notes\.md"):
        corpora.read(name, tmp_path)


@pytest.mark.parametrize("name", ["nemo", "meld", "iemocap", "msp-podcast"])
def test_a_table_without_any_of_its_audio_is_refused(name, tmp_path):
    ONE[name][0](tmp_path).unlink()
    with pytest.raises(CorpusError, match="does not look like"):
        corpora.read(name, tmp_path)


def test_git_lfs_pointers_are_not_audio(tmp_path):
    one_crema_d(tmp_path).write_text("version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n")
    with pytest.raises(CorpusError, match="git lfs pull"):
        corpora.read("crema-d", tmp_path)


# RAVDESS


def test_ravdess_labels_genders_sentences_intensities(tmp_path):
    for emotion in range(1, 9):
        for actor in (1, 2):
            clip(tmp_path / f"Actor_0{actor}" / f"03-01-0{emotion}-01-0{actor}-01-0{actor}.wav")
    found = by_stem("ravdess", tmp_path)
    labels = ("neutral", "calm", "happiness", "sadness", "anger", "fear", "disgust", "surprise")
    for code, label in enumerate(labels, start=1):
        assert found[f"Actor_01/03-01-0{code}-01-01-01-01"].emotion == label
    assert {r.speaker: (r.gender, r.sentence, r.intensity) for r in found.values()} == {
        "01": ("male", "01", 0.5),
        "02": ("female", "02", 0.5),
    }


def test_ravdess_leaves_out_songs_beside_the_speech(tmp_path):
    clip(tmp_path / "Audio_Song_Actors_01-24" / "Actor_01" / "03-02-03-01-01-01-01.wav")
    clip(tmp_path / "Audio_Speech_Actors_01-24" / "Actor_01" / "03-01-03-01-01-01-01.wav")
    assert list(by_stem("ravdess", tmp_path)) == ["Actor_01/03-01-03-01-01-01-01"]


@pytest.mark.parametrize(
    ("name", "complaint"),
    [
        ("03-01-09-01-01-01-01", r"03-01-09-.*unknown emotion code '09'.*allowed: 01, 02"),
        ("03-01-01-03-01-01-01", "unknown intensity code '03'"),
        ("03-01-01-01-03-01-01", "unknown statement code '03'"),
        ("take one", "not named the way"),
    ],
)
def test_ravdess_names_the_file_and_the_unknown_code(name, complaint, tmp_path):
    clip(tmp_path / "Actor_01" / f"{name}.wav")
    with pytest.raises(CorpusError, match=complaint):
        corpora.read("ravdess", tmp_path)


def test_ravdess_folds_are_disjoint_and_complete():
    speakers = [speaker for fold in corpora.info("ravdess").folds for speaker in fold]
    assert sorted(speakers) == [f"{actor:02d}" for actor in range(1, 25)]


# nEMO


def test_nemo_labels_and_missing_audio(tmp_path):
    labels = {
        "neutral": "neutral",
        "anger": "anger",
        "happiness": "happiness",
        "sadness": "sadness",
        "fear": "fear",
        "surprised": "surprise",
    }
    rows = [f"EB0_{code}_{number}.wav\t{code}\tTak.\ttak\t   EB0\tfemale\t27" for code in labels for number in (1, 2)]
    (tmp_path / "data.tsv").write_text(
        "file_id\temotion\traw_text\tnormalized_text\tspeaker_id\tgender\tage\n" + "\n".join(rows)
    )
    for code in labels:
        clip(tmp_path / "samples" / f"EB0_{code}_1.wav")
    assert emotions("nemo", tmp_path) == {f"EB0_{code}_1": label for code, label in labels.items()}
    assert {r.sentence for r in corpora.read("nemo", tmp_path)} == {"1"}


def test_nemo_refuses_unknown_labels_and_missing_columns(tmp_path):
    one_nemo(tmp_path)
    table = tmp_path / "data.tsv"
    table.write_text(table.read_text().replace("\tsurprised\t", "\tboredom\t"))
    with pytest.raises(CorpusError, match=r"data\.tsv, WR0_surprised_64\.wav: unknown emotion 'boredom'"):
        corpora.read("nemo", tmp_path)
    table.write_text(table.read_text().replace("speaker_id", "who"))
    with pytest.raises(CorpusError, match=r"data\.tsv has no column speaker_id; it has file_id"):
        corpora.read("nemo", tmp_path)


# URDU


def test_urdu_flat_and_with_speaker_folders(tmp_path):
    clip(tmp_path / "Angry" / "SM1" / "SM1_F1_A01.wav")
    clip(tmp_path / "Happy" / "SF2_F1_H01.wav")
    clip(tmp_path / "Neutral" / "SM1_F1_N01.wav")
    clip(tmp_path / "Sad" / "SM1_F1_S01.wav")
    found = by_stem("urdu", tmp_path)
    assert [found[stem].emotion for stem in ("SM1_F1_A01", "SF2_F1_H01", "SM1_F1_N01", "SM1_F1_S01")] == [
        "anger",
        "happiness",
        "neutral",
        "sadness",
    ]
    assert (found["SF2_F1_H01"].speaker, found["SF2_F1_H01"].gender) == ("SF2", "female")


@pytest.mark.parametrize("code", ["X01", "D02"])
def test_urdu_refuses_unknown_letters(code, tmp_path):
    clip(tmp_path / "Sad" / f"SM1_F1_{code}.wav")
    with pytest.raises(CorpusError, match=f"SM1_F1_{code}.*unknown emotion letter"):
        corpora.read("urdu", tmp_path)


# CREMA-D


def test_crema_d_labels_levels_and_genders(tmp_path):
    codes = {
        "ANG": "anger",
        "DIS": "disgust",
        "FEA": "fear",
        "HAP": "happiness",
        "NEU": "neutral",
        "SAD": "sadness",
    }
    for code in codes:
        clip(tmp_path / "AudioWAV" / f"1001_DFA_{code}_XX.wav")
    for level in ("LO", "MD"):
        clip(tmp_path / "AudioWAV" / f"1091_IEO_SAD_{level}.wav")
    clip(tmp_path / "AudioWAV" / "1040_ITH_SAD_X.wav")
    clip(tmp_path / "AudioMP3" / "1001_DFA_ANG_XX.mp3")
    found = by_stem("crema-d", tmp_path)
    assert {stem: found[stem].emotion for stem in found if "_XX" in stem} == {
        f"1001_DFA_{code}_XX": label for code, label in codes.items()
    }
    assert found["1001_DFA_ANG_XX"].path.suffix == ".wav"
    assert (found["1001_DFA_ANG_XX"].gender, found["1091_IEO_SAD_LO"].gender) == ("male", "female")
    assert [found[f"1091_IEO_SAD_{level}"].intensity for level in ("LO", "MD")] == [0.2, 0.5]
    assert (found["1040_ITH_SAD_X"].intensity, found["1040_ITH_SAD_X"].emotion) == (None, "sadness")


def test_crema_d_has_43_women_among_91_actors(tmp_path):
    for actor in range(1001, 1092):
        (tmp_path / f"{actor}_DFA_NEU_XX.wav").touch()
    genders = [recording.gender for recording in corpora.read("crema-d", tmp_path)]
    assert (genders.count("female"), genders.count("male")) == (43, 48)


def test_crema_d_all_sentences_have_words(tmp_path):
    sentences = ["IEO", "TIE", "IOM", "IWW", "TAI", "MTI", "IWL", "ITH", "DFA", "ITS", "TSI", "WSI"]
    for sentence in sentences:
        clip(tmp_path / "AudioWAV" / f"1001_{sentence}_NEU_XX.wav")
    texts = {recording.sentence: recording.text for recording in corpora.read("crema-d", tmp_path)}
    assert set(texts) == set(sentences)
    assert len(set(texts.values())) == 12


# ESD


def test_esd_languages_transcripts_and_parallel_sentences(tmp_path):
    base = tmp_path / "Emotion Speech Dataset"
    starts = {"Neutral": 0, "Angry": 350, "Happy": 700, "Sad": 1050, "Surprise": 1400}
    for speaker in ("0001", "0011"):
        for folder, start in starts.items():
            for number in (1, 350):
                clip(base / speaker / folder / f"{speaker}_{start + number:06d}.wav")
    (base / "0001" / "0001.txt").write_bytes("0001_000001\t打远一看它们的确很是美丽\t中立\r\n".encode("gb18030"))
    (base / "0011" / "0011.txt").write_bytes(
        "0011_000001\tThe nine the eggs, I keep.\tNeutral\n\nbroken line\n0011_000351\tThe nine.  Angry\n".encode(
            "utf-16"
        )
    )
    clip(base / "0016" / "Sad" / "0016_001051.wav")
    (base / "0016" / "0016.txt").write_bytes("0016_001051\tI can\u2019t.\tSad".encode("cp1252"))
    found = by_stem("esd", tmp_path)
    assert found["0016_001051"].text == "I can\u2019t."
    labels = dict(zip(starts, ("neutral", "anger", "happiness", "sadness", "surprise"), strict=True))
    for speaker, language in (("0001", "zh"), ("0011", "en")):
        for folder, start in starts.items():
            first, last = (found[f"{speaker}_{start + number:06d}"] for number in (1, 350))
            assert first.emotion == labels[folder]
            assert (first.sentence, last.sentence) == (f"{language}-001", f"{language}-350")
    assert found["0001_000001"].text == "打远一看它们的确很是美丽"
    assert found["0011_000001"].text == "The nine the eggs, I keep."
    assert found["0011_000351"].text == "The nine."
    assert found["0011_000701"].text is None
    assert (found["0001_000001"].gender, found["0011_000001"].gender) == ("female", "male")


def test_esd_genders(tmp_path):
    for number in range(1, 21):
        clip(tmp_path / f"{number:04d}" / "Sad" / f"{number:04d}_001051.wav")
    men = [int(recording.speaker) for recording in corpora.read("esd", tmp_path) if recording.gender == "male"]
    assert men == [4, 5, 6, 8, 10, 11, 12, 13, 14, 20]


def test_esd_refuses_unknown_emotion_folders(tmp_path):
    clip(tmp_path / "0011" / "Bored" / "0011_000001.wav")
    with pytest.raises(CorpusError, match="unknown emotion folder 'Bored'"):
        corpora.read("esd", tmp_path)


# EmoDB, EmoV-DB, TESS, SAVEE, JL-Corpus


def test_emodb_labels_and_speakers(tmp_path):
    letters = dict(
        zip("WLEAFTN", ["anger", "boredom", "disgust", "fear", "happiness", "sadness", "neutral"], strict=True)
    )
    for letter in letters:
        clip(tmp_path / "wav" / f"03b10{letter}a.wav")
    assert emotions("emodb", tmp_path) == {f"03b10{letter}a": label for letter, label in letters.items()}
    for speaker in ("08", "09", "10", "11", "12", "13", "14", "15", "16"):
        clip(tmp_path / "wav" / f"{speaker}a02Nb.wav")
    women = {recording.speaker for recording in corpora.read("emodb", tmp_path) if recording.gender == "female"}
    assert women == {"08", "09", "13", "14", "16"}


@pytest.mark.parametrize(
    ("stem", "complaint"), [("03a01Xa", "emotion letter 'X'"), ("03c01Na", "sentence"), ("04a01Na", "speaker '04'")]
)
def test_emodb_refuses_unknown_codes(stem, complaint, tmp_path):
    clip(tmp_path / "wav" / f"{stem}.wav")
    with pytest.raises(CorpusError, match=complaint):
        corpora.read("emodb", tmp_path)


def test_emov_db_styles_spellings_and_words(tmp_path):
    files = {
        "bea_Amused/amused_1-15_0001": "amusement",
        "bea_Angry/anger_1-28_0001": "anger",
        "sam/Disgusted/disgust_1-28_0001": "disgust",
        "josh_Neutral/neutral_1-28_0002": "neutral",
        "sam_Sleepy/sleepiness_1-28_0593": "sleepiness",
    }
    for stem in files:
        clip(tmp_path / f"{stem}.wav")
    (tmp_path / "cmuarctic.data").write_text(
        '( arctic_a0001 "Author of the danger trail, Philip Steels, etc." )\n( arctic_b0002 "Not this." )\n'
    )
    assert emotions("emov-db", tmp_path) == files
    found = by_stem("emov-db", tmp_path)
    same = {stem for stem in found if found[stem].sentence == "0001"}
    assert len(same) == 3
    assert {found[stem].text for stem in same} == {"Author of the danger trail, Philip Steels, etc."}
    assert found["josh_Neutral/neutral_1-28_0002"].text is None
    assert {r.speaker: r.gender for r in found.values()} == {"bea": "female", "sam": "male", "josh": "male"}
    clip(tmp_path / "bea_Bored" / "bored_1-2_0001.wav")
    with pytest.raises(CorpusError, match="unknown style folder 'bored'"):
        corpora.read("emov-db", tmp_path)


def test_emov_db_has_an_archive_for_every_published_speaker_and_style():
    assert len(corpora.info("emov-db").downloads) == 18


def test_tess_labels_and_quirks(tmp_path):
    codes = {
        "angry": "anger",
        "disgust": "disgust",
        "fear": "fear",
        "happy": "happiness",
        "neutral": "neutral",
        "ps": "surprise",
        "sad": "sadness",
    }
    data = tmp_path / "TESS Toronto emotional speech set data"
    for code in codes:
        clip(data / f"YAF_{code}" / f"YAF_back_{code}.wav")
        clip(data / data.name / f"YAF_{code}" / f"YAF_back_{code}.wav")  # the copy inside itself
    clip(data / "OAF_neutral" / "OA_bite_neutral.wav")
    found = by_stem("tess", tmp_path)
    assert {stem: r.emotion for stem, r in found.items() if r.speaker == "YAF"} == {
        f"YAF_back_{code}": label for code, label in codes.items()
    }
    assert data.name not in str(found["YAF_back_sad"].path.relative_to(data))
    assert (found["OA_bite_neutral"].speaker, found["OA_bite_neutral"].sentence) == ("OAF", "bite")
    clip(data / "OAF_calm" / "OAF_back_calm.wav")
    with pytest.raises(CorpusError, match="OAF_back_calm.*unknown emotion 'calm'"):
        corpora.read("tess", tmp_path)


def test_savee_both_layouts_and_labels(tmp_path):
    codes = dict(zip(("a", "d", "f", "h", "n", "sa", "su"), corpora.info("savee").emotions, strict=True))
    assert list(codes.values()) == ["anger", "disgust", "fear", "happiness", "neutral", "sadness", "surprise"]
    for code in codes:
        clip(tmp_path / "folders" / "AudioData" / "DC" / f"{code}01.wav")
        clip(tmp_path / "flat" / f"DC_{code}01.wav")
    assert emotions("savee", tmp_path / "folders") == {f"DC_{code}01": label for code, label in codes.items()}
    assert emotions("savee", tmp_path / "flat") == emotions("savee", tmp_path / "folders")
    with pytest.raises(CorpusError, match="are both clip DC_a01 of savee"):
        corpora.read("savee", tmp_path)
    clip(tmp_path / "flat" / "DC_x01.wav")
    with pytest.raises(CorpusError, match="unknown emotion code 'x'"):
        corpora.read("savee", tmp_path / "flat")


def test_jl_corpus_labels_and_sentences_by_words(tmp_path):
    codes = {
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
    for code in codes:
        clip(tmp_path / f"female1_{code}_1a_1.wav")
    (tmp_path / "female1_happy_1a_1.txt").write_text("Tom beats that farmer\n")
    (tmp_path / "female1_sad_1a_1.txt").write_text("\ufeffTom beats that farmer.", encoding="utf-8")
    found = by_stem("jl-corpus", tmp_path)
    assert {stem: r.emotion for stem, r in found.items()} == {f"female1_{c}_1a_1": label for c, label in codes.items()}
    assert found["female1_happy_1a_1"].sentence == found["female1_sad_1a_1"].sentence == "tom beats that farmer"
    assert found["female1_neutral_1a_1"].sentence is None
    assert found["female1_neutral_1a_1"].gender == "female"


# MELD, IEMOCAP, MSP-Podcast


def test_meld_splits_crowds_and_labels(tmp_path):
    header = "Sr No.,Utterance,Speaker,Emotion,Sentiment,Dialogue_ID,Utterance_ID,Season,Episode,StartTime,EndTime\n"
    labels = {
        "neutral": "neutral",
        "joy": "happiness",
        "sadness": "sadness",
        "anger": "anger",
        "surprise": "surprise",
        "fear": "fear",
        "disgust": "disgust",
    }
    rows = [f"{n},Hey.,Rachel,{code},x,0,{n},1,1,0,1\n" for n, code in enumerate(labels)]
    rows += [f"9,Hey!,{who},joy,x,1,{n},1,1,0,1\n" for n, who in enumerate(("All", "Joey and Ross", "Mrs. Green"))]
    rows += ["9,Gone.,Ross,joy,x,2,0,1,1,0,1\n"]
    (tmp_path / "train_sent_emo.csv").write_text(header + "".join(rows))
    (tmp_path / "test_sent_emo.csv").write_text(header + "0,Hey.,Joey,joy,x,0,0,1,1,0,1\n")
    for n in range(len(labels)):
        clip(tmp_path / "train_splits" / f"dia0_utt{n}.wav")
    for n in range(3):
        clip(tmp_path / "train_splits" / f"dia1_utt{n}.wav")
    clip(tmp_path / "output_repeated_splits_test" / "dia0_utt0.wav")
    found = by_stem("meld", tmp_path)
    for n, label in enumerate(labels.values()):
        assert found[f"train/dia0_utt{n}"].emotion == label
    assert [stem for stem in found if "dia0" not in stem] == ["train/dia1_utt2"]
    assert (found["train/dia1_utt2"].speaker, found["train/dia1_utt2"].gender) == ("Mrs. Green", "unknown")
    assert found["test/dia0_utt0"].speaker == "Joey"
    assert "output_repeated_splits_test" in found["test/dia0_utt0"].path.parts


def test_meld_video_alone_says_how_to_get_the_sound(tmp_path):
    one_meld(tmp_path).rename(tmp_path / "dev_splits_complete" / "dia1_utt2.mp4")
    with pytest.raises(CorpusError, match="video only; .*ffmpeg"):
        corpora.read("meld", tmp_path)


def test_meld_refuses_unknown_emotions(tmp_path):
    one_meld(tmp_path)
    table = tmp_path / "dev_sent_emo.csv"
    table.write_text(table.read_text(encoding="utf-8").replace(",joy,", ",glee,"), encoding="utf-8")
    with pytest.raises(CorpusError, match=r"dev_sent_emo\.csv, dia1_utt2: unknown emotion 'glee'"):
        corpora.read("meld", tmp_path)


def iemocap_with(root, labels):
    one_iemocap(root)
    lines = []
    for number, label in enumerate(labels):
        turn = f"Ses01F_script01_1_F{number:03d}"
        lines.append(f"[{number}.0 - {number}.5]\t{turn}\t{label}\t[2.5, 2.5, 2.5]\n")
        clip(root / "Session1" / "sentences" / "wav" / "Ses01F_script01_1" / f"{turn}.wav")
    (root / "Session1" / "dialog" / "EmoEvaluation" / "Ses01F_script01_1.txt").write_text("".join(lines))


def test_iemocap_labels_and_speakers(tmp_path):
    labels = {
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
        "xxx": None,
    }
    iemocap_with(tmp_path, labels)
    found = by_stem("iemocap", tmp_path)
    for number, label in enumerate(labels.values()):
        turn = f"Ses01F_script01_1_F{number:03d}"
        assert (found[turn].emotion if turn in found else None) == label
    # One dialogue, two speakers: the turn's letter counts, not the dialogue's.
    assert found["Ses01F_impro01_M000"].speaker == "Ses01M"
    assert found["Ses01F_script01_1_F000"].speaker == "Ses01F"
    assert found["Ses01F_script01_1_F000"].gender == "female"


def test_iemocap_refuses_unknown_labels(tmp_path):
    iemocap_with(tmp_path, ["joy"])
    with pytest.raises(CorpusError, match=r"Ses01F_script01_1\.txt, Ses01F_script01_1_F000: unknown label 'joy'"):
        corpora.read("iemocap", tmp_path)


def test_msp_podcast_labels_and_unknown_speakers(tmp_path):
    codes = dict(zip("NHSAUFDCO", corpora.info("msp-podcast").emotions, strict=True))
    assert codes == {
        "N": "neutral",
        "H": "happiness",
        "S": "sadness",
        "A": "anger",
        "U": "surprise",
        "F": "fear",
        "D": "disgust",
        "C": "contempt",
        "O": "other",
    }
    one_msp_podcast(tmp_path).unlink()
    table = tmp_path / "Labels" / "labels_consensus.csv"
    rows = [f"{code}.wav,{code},1,1,1,7,Unknown,Train" for code in [*codes, "X"]]
    rows.append("nobody.wav,N,1,1,1,Unknown,Male,Train")
    table.write_text(table.read_text().splitlines()[0] + "\n" + "\n".join(rows))
    for stem in [*codes, "X", "nobody"]:
        clip(tmp_path / "Audios" / f"{stem}.wav")
    assert emotions("msp-podcast", tmp_path) == codes
    table.rename(table.with_name("labels_concensus.csv"))
    assert emotions("msp-podcast", tmp_path) == codes
    table.with_name("labels_concensus.csv").write_text("FileName,EmoClass,SpkrID,Gender\nN.wav,Z,7,Male\n")
    with pytest.raises(CorpusError, match=r"N\.wav: unknown label 'Z'"):
        corpora.read("msp-podcast", tmp_path)


def test_every_label_that_is_promised_is_in_the_vocabulary():
    for name in corpora.names():
        assert set(corpora.info(name).emotions) <= set(EMOTIONS), name
