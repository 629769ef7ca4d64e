"""Stage select of the pipeline: the same function as `emoforge select`."""

from emoforge.stages.runner import main
from emoforge.stages.select import run

main("select", run)
