"""Stage train of the pipeline: the same function as `emoforge train`."""

from emoforge.stages.runner import main
from emoforge.stages.train import run

main("train", run)
