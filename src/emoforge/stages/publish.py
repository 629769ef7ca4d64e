"""Stage publish: the kept conversions as a dataset that others load."""

import pyarrow.compute as pc

from emoforge.base.outputs import built_aside, read_json, write_json
from emoforge.dataset import manifest
from emoforge.dataset.clips import ClipStore
from emoforge.project.corpus_choice import published_as, require_licence, stated_words
from emoforge.project.layout import Layout
from emoforge.project.params import Params
from emoforge.sharing.provenance import describe
from emoforge.sharing.recordings import write_recordings
from emoforge.sharing.writer import write_set


def run(params: Params, layout: Layout) -> dict:
    """Run the stage and return its metrics.

    The card tells how the recogniser did with and without the set, where `evaluate` has measured it: `dvc repro` sees
    to that, since the stage depends on those metrics and nothing depends on what it publishes.

    Raises:
        EmoforgeError: nothing was kept, or a source's licence is not stated or forbids sharing what is made from it.
    """
    require_licence(params.corpus)
    table, converter = published_as(
        manifest.read(layout.manifest("select")),
        read_json(layout.stage("converter") / "provenance.json"),
        params.corpus,
    )
    converted = table.filter(pc.equal(table.column("origin"), "converted"))
    store = ClipStore(layout.stage("convert") / "clips")
    results = layout.metrics("evaluate")
    provenance = describe(
        converted,
        converter=converter,
        params={
            "seed": params.seed,
            # A published set does not name who withdrew.
            "ingest": params.ingest.model_dump(exclude={"withdrawn"}),
            # Folders of other projects and programs are those of this machine; the converter's provenance says what it
            # learnt from, or which program it is.
            "fit_converter": params.fit_converter.model_dump(exclude={"also", "external"}),
            "convert": params.convert.model_dump(),
            "score": params.score.model_dump(),
            "select": params.select.model_dump(),
        },
        results=read_json(results) if results.is_file() else None,
        corpora=stated_words(params.corpus),
    )
    with built_aside(layout.stage("publish")) as folder:
        write_set(converted, store.flac, folder, provenance=provenance, shard_bytes=params.publish.shard_mb * 1_000_000)
        write_recordings(folder, converted, recordings=table)
    metrics = {"clips": pc.sum(converted.column("keep")).as_py()}
    write_json(layout.metrics("publish"), metrics)
    return metrics
