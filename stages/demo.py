"""Stage demo: the demo corpus, spoken by eSpeak NG."""

from emoforge.pipeline.demo import run
from emoforge.pipeline.stage import main

main("demo", run)
