"""Stage evaluate: the arms on recordings of speakers from whom nothing was learnt before."""

import csv
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from emoforge.base.errors import ModelError
from emoforge.base.outputs import built_aside, write_json, written_aside
from emoforge.dataset import manifest
from emoforge.evaluation.arms import ARMS, CLASSICAL, REAL, SYNTHETIC, UNION
from emoforge.evaluation.statistics import paired_gain, uar_interval
from emoforge.project.encoders.places import located
from emoforge.project.examples import ExampleSource, enrolment_of, scored_clips, tuned_encoder
from emoforge.project.layout import Layout
from emoforge.project.params import Params
from emoforge.report.plots import Plot, plot_arms, plot_confusion, plot_coverage
from emoforge.ser.metrics import confusion_matrix, ece, macro_f1, uar, wa
from emoforge.ser.registry import load_recogniser
from emoforge.ser.selective import CoverageCurve, coverage_points

_DIGITS = 4
#: What is told of an arm whose test speakers are not enrolled.
_NOT_ENROLLED = ("uar", "uar_ci_low", "uar_ci_high", "wa", "macro_f1", "ece", "aurc")


def run(params: Params, layout: Layout) -> dict:
    """Run the stage and return its headline metrics."""
    table = manifest.validate(manifest.read(layout.manifest("select")), name="select")
    models = {name: load_recogniser(layout.models / name) for name in ARMS}
    labels = list(models[REAL].labels)
    test = scored_clips(table, "test", labels)
    kind = models[REAL].kind
    hearing = located(params.encoder, layout.root)
    source = ExampleSource(layout, kind, ["ingest"], encoder=hearing)
    encoder = getattr(models[REAL], "encoder", None)
    tuned = tuned_encoder(kind, hearing)
    heard = source.encoder or (tuned and (tuned.name, tuned.sha256))
    if heard and encoder and heard[:2] != tuple(encoder)[:2]:
        raise ModelError(
            f"{layout.models}: trained on what the encoder {encoder[0]} ({encoder[1][:12]}) makes of clips, and "
            f"{heard[0]} ({heard[1][:12]}) is what they are heard with now; run `dvc repro` again"
        )
    examples = source.examples(test, labels)
    enrolment = source.examples(enrolment_of(table, "test"))
    probabilities = {name: model.predict_proba(examples, enrolment) for name, model in models.items()}
    # Most people who are listened to have given no neutral clip.
    nobody = enrolment.take(np.zeros(0, dtype=int))
    alone = {name: model.predict_proba(examples, nobody) for name, model in models.items()}
    truth, n_draws = np.asarray(examples.labels), params.evaluate.draws
    metrics = measure(truth, probabilities, examples.speakers, n_draws=n_draws, seed=params.seed)
    not_enrolled = figures_of_arms(truth, alone, examples.speakers, n_draws=n_draws, seed=params.seed)
    for name, figures in not_enrolled.items():
        metrics[name]["not_enrolled"] = {key: figures[key] for key in _NOT_ENROLLED}
        metrics[name] |= {"recogniser": kind, "encoder": encoder[0] if encoder else None}
    with built_aside(layout.stage("evaluate")) as folder:
        manifest.write(_predictions(test, labels, probabilities), folder / "predictions.parquet")
    _write_plots(layout, labels, truth, probabilities, metrics)
    write_json(layout.metrics("evaluate"), metrics)
    headline = _headline(metrics, table)
    write_json(layout.metrics("headline"), headline)
    return headline


def measure(
    truth: np.ndarray,
    probabilities: Mapping[str, np.ndarray],
    speakers: np.ndarray,
    *,
    n_draws: int,
    seed: int,
    reference: str = REAL,
    contender: str = SYNTHETIC,
) -> dict:
    """Return the contract's metrics: one entry per arm, and the gain of *contender* over *reference*.

    Args:
        truth: (n_clips,) label indices.
        probabilities: arm → (n_clips, n_classes).
        speakers: (n_clips,) names; the bootstrap draws these.
        n_draws: bootstrap draws.
        seed: of the draws.
        reference: the arm that others are compared with.
        contender: the arm whose gain is asked for.
    """
    metrics = figures_of_arms(truth, probabilities, speakers, n_draws=n_draws, seed=seed)
    arms = probabilities[contender].argmax(axis=1), probabilities[reference].argmax(axis=1)
    several = len(np.unique(speakers)) > 1
    gain = paired_gain(truth, *arms, speakers, n_draws=n_draws, seed=seed) if several else None
    metrics["gain"] = {
        "uar": round(float(uar(truth, arms[0]) - uar(truth, arms[1])), _DIGITS),
        "ci_low": round(gain.ci_low, _DIGITS) if gain else None,
        "ci_high": round(gain.ci_high, _DIGITS) if gain else None,
        "p": round(gain.p, _DIGITS) if gain else None,
    }
    return metrics


def figures_of_arms(
    truth: np.ndarray, probabilities: Mapping[str, np.ndarray], speakers: np.ndarray, *, n_draws: int, seed: int
) -> dict[str, dict]:
    """Return the contract's figures of every arm; see :func:`measure`."""
    metrics: dict[str, dict] = {}
    # One speaker has no spread over speakers: the interval and p are null then, not made up.
    several = len(np.unique(speakers)) > 1
    for name, values in probabilities.items():
        predicted = values.argmax(axis=1)
        interval = uar_interval(truth, predicted, speakers, n_draws=n_draws, seed=seed) if several else None
        metrics[name] = {
            "uar": round(float(uar(truth, predicted)), _DIGITS),
            "uar_ci_low": round(interval.ci_low, _DIGITS) if interval else None,
            "uar_ci_high": round(interval.ci_high, _DIGITS) if interval else None,
            "wa": round(float(wa(truth, predicted)), _DIGITS),
            "macro_f1": round(float(macro_f1(truth, predicted)), _DIGITS),
            "ece": round(float(ece(truth, values)), _DIGITS),
            "aurc": round(CoverageCurve.of(values.max(axis=1), truth == predicted).aurc, _DIGITS),
            "n_clips": len(truth),
            "n_speakers": len(np.unique(speakers)),
            "coverage": [
                dict(zip(("coverage", "accuracy", "uar"), (round(value, _DIGITS) for value in point), strict=True))
                for point in coverage_points(truth, values)
            ],
        }
    return metrics


def _headline(metrics: Mapping[str, dict], table: pa.Table) -> dict:
    """Return what `dvc exp show` lists: few and short, since it hides columns past the width of the terminal."""
    converted = table.filter(pc.equal(table.column("origin"), "converted"))
    return {
        "real": metrics[REAL]["uar"],
        "noenrol": metrics[REAL]["not_enrolled"]["uar"],
        "classic": metrics[CLASSICAL]["uar"],
        "synth": metrics[SYNTHETIC]["uar"],
        "both": metrics[UNION]["uar"],
        "gain": metrics["gain"]["uar"],
        "p": metrics["gain"]["p"],
        "kept": pc.sum(converted.column("keep")).as_py(),
    }


def _predictions(test: pa.Table, labels: Sequence[str], probabilities: Mapping[str, np.ndarray]) -> pa.Table:
    """Return one row per clip: who and what it is, and every arm's probabilities in the order of the labels."""
    table = test.select(["clip_id", "speaker", "emotion"]).replace_schema_metadata({"labels": ",".join(labels)})
    for name, values in probabilities.items():
        table = table.append_column(name, pa.array(values.astype(np.float32).tolist(), pa.list_(pa.float32())))
    return table


def _write_plots(
    layout: Layout,
    labels: Sequence[str],
    truth: np.ndarray,
    probabilities: Mapping[str, np.ndarray],
    metrics: Mapping[str, dict],
) -> None:
    """Write what `dvc plots` shows, as tables and as pictures: one confusion matrix per arm, and the arms."""
    for name, values in probabilities.items():
        file = f"confusion-{name.replace('+', '-')}"
        predicted = values.argmax(axis=1)
        rows = [(labels[a], labels[b]) for a, b in zip(truth, predicted, strict=True)]
        _write_table(layout.plots / f"{file}.csv", ("actual", "predicted"), rows)
        counts = confusion_matrix(truth, predicted, n_classes=len(labels))
        _write_picture(layout.plots / f"{file}.svg", plot_confusion(counts, labels, title=f"Confusion, {name}"))
    arms = [(name, metrics[name]["uar"]) for name in probabilities]
    _write_table(layout.plots / "arms.csv", ("arm", "uar"), arms)
    _write_picture(layout.plots / "arms.svg", plot_arms(metrics))
    points = [(name, *point.values()) for name in probabilities for point in metrics[name]["coverage"]]
    _write_table(layout.plots / "coverage.csv", ("arm", "coverage", "accuracy", "uar"), points)
    _write_picture(layout.plots / "coverage.svg", plot_coverage(metrics))


def _write_table(path: Path, header: Sequence[str], rows: Iterable[Sequence]) -> None:
    with written_aside(path) as aside, aside.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(header)
        writer.writerows(rows)


def _write_picture(path: Path, plot: Plot) -> None:
    with written_aside(path) as aside:
        aside.write_text(plot.svg, "utf-8")
