"""Stage fit_converter: the conversion model, from the recordings of training speakers only."""

import pyarrow.compute as pc

from emoforge import manifest
from emoforge.convert import registry
from emoforge.outputs import built_aside, write_json
from emoforge.params import Params
from emoforge.pipeline.layout import Layout
from emoforge.pipeline.utterances import UtteranceStore


def run(params: Params, layout: Layout) -> dict:
    """Run the stage and return its metrics."""
    table = manifest.read(layout.manifest("ingest"))
    train = table.filter(pc.equal(table.column("split"), "train"))
    utterances = UtteranceStore(layout, train)
    clip_ids = train.column("clip_id").to_pylist()
    converter = registry.fit(params.fit_converter.method, list(utterances.stream(clip_ids)), seed=params.seed)
    with built_aside(layout.stage("converter")) as folder:
        converter.save(folder)
        provenance = {
            "corpora": sorted(set(train.column("corpus").to_pylist())),
            "speakers": sorted(set(train.column("speaker").to_pylist())),
            "licences": sorted(set(train.column("licence").to_pylist())),
            "clips": len(train),
            "prosody": params.prosody.model_dump(),
        }
        write_json(folder / "provenance.json", provenance)
    metrics = {
        "method": params.fit_converter.method,
        "clips": len(train),
        "speakers": len(provenance["speakers"]),
        "emotions": list(converter.emotions),
    }
    write_json(layout.metrics("fit_converter"), metrics)
    return metrics
