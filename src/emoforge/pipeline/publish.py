"""Stage publish: the kept conversions as a dataset that others load."""

import json

import pyarrow.compute as pc

from emoforge import corpora, manifest
from emoforge.clips import ClipStore
from emoforge.errors import EmoforgeError
from emoforge.outputs import built_aside, write_json
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
    provenance = json.loads((layout.stage("converter") / "provenance.json").read_text("utf-8"))
    _check_derivatives({*converted.column("corpus").to_pylist(), *provenance["corpora"]})
    with built_aside(layout.stage("publish")) as folder:
        write_dataset(converted, store.flac, folder, shard_bytes=params.publish.shard_mb * 1_000_000)
        write_card(folder, converted, provenance=provenance)
    metrics = {"clips": pc.sum(converted.column("keep")).as_py()}
    write_json(layout.metrics("publish"), metrics)
    return metrics


def _check_derivatives(names: set[str]) -> None:
    for name in sorted(names):
        info = corpora.info(name)
        if not info.derivatives:
            raise EmoforgeError(
                f"nothing made from the corpus {name} may be published: its licence ({info.licence}) doesn't allow "
                f"derivatives; see {info.url}. All other results are there (`dvc repro --keep-going`)"
            )
