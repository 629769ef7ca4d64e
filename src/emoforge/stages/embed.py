"""Stage embed: what a pretrained encoder makes of every ingested clip.

Where its weights are not on this machine, the stage says so once and writes that there is none: every later stage then
works on functionals, so that a run is of one kind from here on.
"""

import warnings

from emoforge.base.errors import EmoforgeWarning, MissingWeightsError
from emoforge.base.outputs import built_aside, write_json
from emoforge.dataset import manifest
from emoforge.project.encoders.places import located
from emoforge.project.encoders.tables import write_embedded
from emoforge.project.features import encoder_of, write_no_embeddings
from emoforge.project.layout import Layout
from emoforge.project.params import Params


def run(params: Params, layout: Layout) -> dict:
    """Run the stage and return its metrics."""
    clip_ids = manifest.read(layout.manifest("ingest")).column("clip_id").to_pylist()
    with built_aside(layout.stage("embed")) as folder:
        path = folder / layout.embeddings("embed").name
        try:
            if params.encoder:
                clips = layout.stage("ingest") / "clips"
                source = located(params.encoder, layout.root)
                write_embedded(path, clips, clip_ids, source, workers=params.workers)
            else:
                write_no_embeddings(path)
        except MissingWeightsError as error:
            line = (
                "until then recogniser and judge work on functionals, and afterwards `dvc repro --force embed` embeds"
            )
            warnings.warn(f"{error}; {line}", EmoforgeWarning, stacklevel=2)
            write_no_embeddings(path)
    encoder = encoder_of(layout.embeddings("embed"))
    name, sha256 = encoder or ("none", "")
    metrics = {"clips": len(clip_ids) if encoder else 0, "encoder": name, "sha256": sha256}
    write_json(layout.metrics("embed"), metrics)
    return metrics
