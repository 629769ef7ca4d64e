"""Stage publish: the kept conversions as a dataset that others load."""

import pyarrow.compute as pc

from emoforge import manifest
from emoforge.clips import ClipStore
from emoforge.outputs import built_aside, read_json, write_json
from emoforge.params import Params
from emoforge.pipeline.layout import Layout
from emoforge.publish.card import write_card
from emoforge.publish.hub import write_dataset


def run(params: Params, layout: Layout) -> dict:
    """Run the stage and return its metrics.

    Raises:
        EmoforgeError: a source's licence forbids derivatives.
    """
    table = manifest.read(layout.manifest("select"))
    converted = table.filter(pc.equal(table.column("origin"), "converted"))
    store = ClipStore(layout.stage("convert") / "clips")
    provenance = read_json(layout.stage("converter") / "provenance.json")
    with built_aside(layout.stage("publish")) as folder:
        # The card first: it refuses what no licence allows.
        write_card(folder, converted, provenance=provenance)
        write_dataset(converted, store.flac, folder, shard_bytes=params.publish.shard_mb * 1_000_000)
    metrics = {"clips": pc.sum(converted.column("keep")).as_py()}
    write_json(layout.metrics("publish"), metrics)
    return metrics
