"""What the importers of all published corpora keep to, on small trees with real (tiny) audio files."""

import pytest
from tests.corpora.importers.official import ONE, clip, one_crema_d

from emoforge import corpora
from emoforge.base.errors import CorpusError
from emoforge.dataset.labels import EMOTIONS


@pytest.mark.parametrize("name", ONE)
def test_official_layout_gives_every_field(name, tmp_path):
    make, (speaker, emotion, gender, language, text, sentence, intensity, stem) = ONE[name]
    path = make(tmp_path / "root")
    assert corpora.read(name, tmp_path / "root") == [
        corpora.Recording(path, name, speaker, emotion, gender, language, text, sentence, intensity, stem)
    ]


@pytest.mark.parametrize("suffix", [".flac", ".FLAC", ".ogg", ".opus", ".mp3"])
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
    ONE[name][0](tmp_path, ".flac")
    ONE[name][0](tmp_path, ".wav")
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


@pytest.mark.parametrize("name", ["nemo", "meld", "iemocap", "msp-podcast", "emns"])
def test_a_table_without_any_of_its_audio_is_refused(name, tmp_path):
    ONE[name][0](tmp_path).unlink()
    with pytest.raises(CorpusError, match="does not look like"):
        corpora.read(name, tmp_path)


def test_git_lfs_pointers_are_not_audio(tmp_path):
    one_crema_d(tmp_path).write_text("version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n")
    with pytest.raises(CorpusError, match="git lfs pull"):
        corpora.read("crema-d", tmp_path)


@pytest.mark.parametrize("name", ONE)
def test_what_archives_leave_behind_is_passed_over(name, tmp_path):
    path = ONE[name][0](tmp_path)
    (tmp_path / "README.txt").write_text("Thank you for your interest.")
    clip(tmp_path / "__MACOSX" / path.relative_to(tmp_path))
    assert [recording.path for recording in corpora.read(name, tmp_path)] == [path]


@pytest.mark.parametrize("name", ONE)
def test_a_corpus_returns_the_emotions_that_its_labels_promise(name, tmp_path):
    ONE[name][0](tmp_path)
    info = corpora.info(name)
    assert {recording.emotion for recording in corpora.read(name, tmp_path)} <= set(info.labels.values())
    assert set(info.emotions) == set(info.labels.values()) - {""}


def test_every_label_that_is_promised_is_in_the_vocabulary():
    for name in corpora.names():
        assert set(corpora.info(name).emotions) <= set(EMOTIONS), name
