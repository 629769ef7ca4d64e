"""Stage demo: write the recordings of the demo corpus, as a download of another corpus would."""

from emoforge import corpora
from emoforge.base.outputs import built_aside
from emoforge.corpora.importers.demo import generate
from emoforge.project.layout import Layout
from emoforge.project.params import Params


def run(params: Params, layout: Layout) -> dict:
    """Run the stage and return its metrics.

    A project on another corpus gets an empty folder: what nobody reads is neither spoken nor pushed.
    """
    folder = layout.stage("demo")
    if not (layout.root / params.corpus.root).absolute().is_relative_to(folder.absolute()):
        with built_aside(folder):
            pass
        return {"clips": 0, "corpus": params.corpus.name}
    generate(
        folder,
        voices=params.demo.voices,
        sentences=params.demo.sentences,
        seed=params.seed,
        workers=params.workers,
    )
    recordings = corpora.read("demo", folder)
    return {"clips": len(recordings), "speakers": len({recording.speaker for recording in recordings})}
