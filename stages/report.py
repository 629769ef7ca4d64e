"""Stage report of the pipeline: the same function as `emoforge report`."""

from emoforge.pipeline.report import run
from emoforge.pipeline.stage import main

main("report", run)
