"""What ingest makes of corpora that are unlike others: recordings that speakers share, neutral speech only."""

import shutil
from collections import Counter

import pytest
import soundfile
from tests.small_run import small_params

from emoforge import corpora
from emoforge.base.errors import EmoforgeWarning
from emoforge.dataset import manifest
from emoforge.project.layout import Layout
from emoforge.stages import ingest


def test_speakers_who_share_a_recording_are_kept_in_one_split(small_corpus, tmp_path):
    recordings = [found for found in corpora.read("demo", small_corpus) if found.emotion in ("neutral", "anger")]
    speakers = sorted({found.speaker for found in recordings})

    def split_of(extra: list[str]) -> dict[str, str]:
        rows = [f"{found.path},{found.emotion},{found.speaker},{found.gender}" for found in recordings]
        table = tmp_path / "clips.csv"
        table.write_text("\n".join(["path,emotion,speaker,gender", *rows, *extra]), "utf-8")
        params = small_params(table)
        stated = {"name": "table", "licence": "CC0-1.0"}
        params = params.model_copy(update={"corpus": params.corpus.model_copy(update=stated)})
        metrics = ingest.run(params, Layout(tmp_path))
        assert metrics.get("shared_recordings", 0) == len(extra)
        table = manifest.read(Layout(tmp_path).manifest("ingest"))
        return dict(zip(table["speaker"].to_pylist(), table["split"].to_pylist(), strict=True))

    alone = split_of([])
    first = f"table-{speakers[0]}"
    apart = next(name for name in speakers if alone[f"table-{name}"] != alone[first])
    signal, rate = soundfile.read(next(found.path for found in recordings if found.speaker == speakers[0]))
    soundfile.write(tmp_path / "copy.ogg", 0.5 * signal, rate)
    with pytest.warns(EmoforgeWarning, match=f"kept in one split: {first}, table-{apart}"):
        shared = split_of([f"copy.ogg,anger,{apart},female"])
    assert shared[first] == shared[f"table-{apart}"]
    assert set(shared.values()) == {"train", "val", "test"}


def test_neutral_speech_alone_is_ingested_with_a_warning(small_corpus, tmp_path):
    """As LibriSpeech is laid out; one speaker has a single clip, so that nothing can enrol that voice."""
    spoken = Counter()
    for found in corpora.read("demo", small_corpus):
        reader = 100 + int(found.speaker[1:]) * 2 + (found.gender == "male")
        if found.emotion == "neutral" and not (reader == 102 and spoken[reader]):
            chapter = tmp_path / "LibriSpeech" / "dev-clean" / str(reader) / "7"
            chapter.mkdir(parents=True, exist_ok=True)
            shutil.copy(found.path, chapter / f"{reader}-7-{spoken[reader]:04d}.wav")
            spoken[reader] += 1
    params = small_params(tmp_path / "LibriSpeech")
    params = params.model_copy(update={"corpus": params.corpus.model_copy(update={"name": "librispeech"})})
    with pytest.warns(EmoforgeWarning, match=r"every recording is neutral: .*`fit_converter\.also`"):
        ingest.run(params, Layout(tmp_path))
    rows = manifest.read(Layout(tmp_path).manifest("ingest")).to_pylist()
    assert {row["licence"] for row in rows} == {"CC-BY-4.0"}
    assert {row["split"] for row in rows} == {"train", "val", "test"}
    assert Counter(row["speaker"] for row in rows) == {f"librispeech-{reader}": n for reader, n in spoken.items()}
    enrolled = Counter(row["speaker"] for row in rows if row["enrolment"])
    assert set(enrolled) == {f"librispeech-{reader}" for reader in spoken if reader != 102}
    assert all(enrolled[row["speaker"]] < spoken[int(row["speaker"][-3:])] for row in rows)
