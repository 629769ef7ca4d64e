"""Stage report of the pipeline: the same function as `emoforge report`."""

from emoforge.stages.report import run
from emoforge.stages.runner import main

main("report", run)
