"""Stage ingest of the pipeline: the same function as `emoforge ingest`."""

from emoforge.pipeline.ingest import run
from emoforge.pipeline.stage import main

main("ingest", run)
