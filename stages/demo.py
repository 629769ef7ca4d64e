"""Stage demo: the demo corpus, spoken by eSpeak NG."""

from emoforge.stages.demo import run
from emoforge.stages.runner import main

main("demo", run)
