"""Stage ingest of the pipeline: the same function as `emoforge ingest`."""

from emoforge.stages.ingest import run
from emoforge.stages.runner import main

main("ingest", run)
