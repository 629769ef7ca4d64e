"""The training runs of a study of recognition: which there are, and which are kept already.

The key of a run is made from what goes into it: its clips with voices, labels, and functionals, embeddings or sound;
its choices; and the code that trains.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass

import numpy as np

from emoforge.experiments.cache import Cache
from emoforge.experiments.recognition.inputs import Material
from emoforge.experiments.recognition.protocol import RecognitionStudy, StudiedRecogniser, own_and_others
from emoforge.experiments.recognition.tasks import Recorded, Task
from emoforge.experiments.recognition.workers import Clips, Job, TrainingRun, train_and_keep
from emoforge.project.checksums import digest
from emoforge.project.encoders import load_encoder
from emoforge.project.examples import reads_encoder
from emoforge.ser.registry import EMBEDDING, FRAMES, FUNCTIONALS, KINDS


@dataclass(frozen=True)
class Answered:
    """What a recogniser answered for the tested clips of a task.

    Attributes:
        task: what it learnt from and was tested on.
        recogniser: name in the study.
        enrolled: whether speakers were known by their enrolment clips.
        probabilities: (n_tested, n_classes), in the order of the task's labels.
    """

    task: Task
    recogniser: str
    enrolled: bool
    probabilities: np.ndarray


def answer(
    study: RecognitionStudy, tasks: Sequence[Task], recorded: Recorded, materials: Mapping[str, Material], cache: Cache
) -> list[Answered]:
    """Train what the study asks for, unless that was done, and return all answers.

    Args:
        study: recognisers, and whether speakers are enrolled.
        tasks: who trains and who is tested.
        recorded: all clips.
        materials: by name of the corpus.
        cache: where answers are kept.
    """
    wanted = [
        (task, choice, enrolled)
        for task in tasks
        for choice in study.recognisers
        if _takes_part(choice, task)
        for enrolled in study.enrolled
    ]
    encoded = any(reads_encoder(choice.kind) for choice in study.recognisers)
    encoder = load_encoder(study.encoder).sha256 if encoded else ""
    parts, jobs = [], []
    for task, choice, enrolled in wanted:
        run = _run(task, choice, recorded, enrolled=enrolled, seed=study.seed)
        used = _corpora(np.concatenate([task.learnt, task.tested, task.before]), recorded)
        read = tuple(materials[name] for name in used)
        key = {
            "run": digest(asdict(run)),
            "inputs": [checksums_of(material, choice.kind, encoder) for material in read],
        }
        part = cache.entry("recognition", train_and_keep, key=key).part(0)
        parts.append(part)
        if not part.is_whole():
            jobs.append(Job(part, run, read, study.encoder if reads_encoder(choice.kind) else ""))
    # The longest first, so that no process is left alone with one at the end.
    jobs.sort(key=lambda job: -len(job.run.learnt.clip_ids))
    cache.fill(train_and_keep, jobs, description="train", unit="run")
    return [
        Answered(task, choice.name, enrolled, np.array([row["probabilities"] for row in part.rows()]))
        for (task, choice, enrolled), part in zip(wanted, parts, strict=True)
    ]


def checksums_of(material: Material, kind: str, encoder: str) -> list[list[str]]:
    """Return the checksums of what a recogniser of *kind* reads of a corpus; *encoder* is that of the weights."""
    of = {
        FUNCTIONALS: [material.functionals],
        FRAMES: [material.audio],
        EMBEDDING: [material.embeddings.checksum] if material.embeddings else [],
    }
    # Whatever else a kind reads is made of the clips by the encoder.
    return [of.get(name, [material.audio, encoder]) for name in KINDS[kind].reads]


def _takes_part(choice: StudiedRecogniser, task: Task) -> bool:
    if task.train == task.test:
        return choice.within is None or task.test in choice.within
    return choice.others_first if task.train == own_and_others(task.test) else choice.across


def _run(task: Task, choice: StudiedRecogniser, recorded: Recorded, *, enrolled: bool, seed: int) -> TrainingRun:
    return TrainingRun(
        labels=task.labels,
        learnt=_clips(task.learnt, recorded, task.labels),
        learnt_enrolment=_clips(task.learnt_enrolment, recorded) if enrolled else Clips(),
        tested=_clips(task.tested, recorded),
        tested_enrolment=_clips(task.tested_enrolment, recorded) if enrolled else Clips(),
        kind=choice.kind,
        seed=seed,
        options={str(name): value for name, value in choice.options.items()},
        before=tuple(
            _of_corpus(task, corpus, recorded, enrolled=enrolled) for corpus in _corpora(task.before, recorded)
        ),
    )


def _of_corpus(task: Task, corpus: str, recorded: Recorded, *, enrolled: bool) -> tuple[Clips, Clips]:
    """Return the clips of *corpus* that are learnt from first, and those that enrol their speakers."""
    clips, enrolling = (rows[recorded.corpora[rows] == corpus] for rows in (task.before, task.before_enrolment))
    return _clips(clips, recorded, task.labels), _clips(enrolling, recorded) if enrolled else Clips()


def _corpora(rows: np.ndarray, recorded: Recorded) -> list[str]:
    return np.unique(recorded.corpora[rows]).tolist()


def _clips(rows: np.ndarray, recorded: Recorded, labels: Sequence[str] = ()) -> Clips:
    index = {label: number for number, label in enumerate(labels)}
    return Clips(
        tuple(recorded.clip_ids[rows].tolist()),
        tuple(recorded.speakers[rows].tolist()),
        tuple(index[emotion] for emotion in recorded.emotions[rows].tolist()) if labels else None,
    )
