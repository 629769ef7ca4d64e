"""Manifest rows with their audio and tracks, as conversion takes them."""

from collections.abc import Iterator, Sequence
from functools import lru_cache

import pyarrow as pa

from emoforge.convert.utterance import Utterance
from emoforge.dataset import manifest
from emoforge.dataset.clips import ClipStore
from emoforge.project.features import TrackStore
from emoforge.project.layout import Layout


class UtteranceStore:
    """Utterances of ingested clips, read when asked for.

    Args:
        layout: the run whose stages ingest and prosody are done.
        table: manifest rows; only these can be read.
    """

    def __init__(self, layout: Layout, table: pa.Table) -> None:
        self._clips = ClipStore(layout.stage("ingest") / "clips")
        self._tracks = TrackStore(layout.stage("prosody") / "tracks")
        columns = ["clip_id", "speaker", "gender", "sentence", "emotion", "corpus"]
        self._rows = {row["clip_id"]: row for row in table.select(columns).to_pylist()}

    def __getitem__(self, clip_id: str) -> Utterance:
        signal, sampling_rate = self._clips.read(clip_id)
        return Utterance(
            **self._rows[clip_id], signal=signal, sampling_rate=sampling_rate, tracks=self._tracks[clip_id]
        )

    def stream(self, clip_ids: Sequence[str]) -> Iterator[Utterance]:
        for clip_id in clip_ids:
            yield self[clip_id]


@lru_cache(maxsize=2)
def open_utterances(layout: Layout, key: str) -> UtteranceStore:
    """Return all ingested clips of a run, opened once per process; *key* tells one content of *layout* from another."""
    return UtteranceStore(layout, manifest.read(layout.manifest("ingest")))
