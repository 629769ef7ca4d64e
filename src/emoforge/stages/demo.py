"""Stage demo: write the recordings of the demo corpus, as a download of another corpus would."""

from emoforge import corpora
from emoforge.corpora.importers.demo import generate
from emoforge.project.layout import Layout
from emoforge.project.params import Params


def run(params: Params, layout: Layout) -> dict:
    """Run the stage and return its metrics."""
    folder = layout.stage("demo")
    generate(
        folder,
        voices=params.demo.voices,
        sentences=params.demo.sentences,
        seed=params.seed,
        workers=params.workers,
    )
    recordings = corpora.read("demo", folder)
    return {"clips": len(recordings), "speakers": len({recording.speaker for recording in recordings})}
