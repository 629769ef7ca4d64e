"""The listening page: one HTML file with the metrics, the plots and players, that works without network or script."""

import base64
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from emoforge.base.errors import EmoforgeError
from emoforge.base.outputs import written_aside
from emoforge.report.plots import Plot

#: Columns of the arms' table, with the long form where the name is short.
_COLUMNS = {
    "UAR": "unweighted average recall: mean over emotions of the share of clips recognised",
    "95 % interval": "",
    "UAR, not enrolled": "the same, of speakers who gave no neutral clip that the recogniser could be calibrated with",
    "accuracy": "share of all clips recognised",
    "macro F1": "mean over emotions of F1",
    "ECE": "expected calibration error: gap between stated confidence and accuracy",
    "clips": "",
    "speakers": "",
}


@dataclass(frozen=True)
class Example:
    """Clips to compare by ear.

    Attributes:
        caption: who says what, with which scores.
        clips: what a clip is (the source, the conversion, a real clip) → FLAC bytes, in the order of listening.
    """

    caption: str
    clips: Mapping[str, bytes]


@dataclass(frozen=True)
class Confidence:
    """How sure the judge is, on average, of clips' target emotion, 0 to 1; None where there is no clip.

    Attributes:
        real: recordings of the emotion, by judges that did not learn from their speaker.
        converted: all conversions into it.
        kept: those that were kept.
        second: what a second judge, of functionals, has for *real* and *converted*; None where nobody else was asked.
    """

    real: float | None
    converted: float | None
    kept: float | None
    second: tuple[float | None, float | None] | None = None

    def cells(self) -> tuple[float | None, ...]:
        """Return the figures in the order of the page's columns."""
        return (self.real, self.converted, self.kept, *(self.second or ()))


def write_page(
    path: str | os.PathLike,
    *,
    metrics: Mapping[str, Mapping],
    selection: Mapping[str, Mapping],
    plots: Sequence[Plot],
    examples: Sequence[Example],
    subject: Mapping[str, str],
    parameters: Mapping[str, object],
    confidence: Mapping[str, Confidence],
    judge: str,
    title: str = "Does synthetic emotion help?",
) -> Path:
    """Write the page to the file *path*.

    Args:
        path: of the page.
        metrics: the contents of ``metrics/evaluate.json``: arm → ``uar``, ``uar_ci_low``, ``uar_ci_high``, ``wa``,
            ``macro_f1``, ``ece``, ``n_clips``, ``n_speakers``, ``not_enrolled`` (with a ``uar`` of its own),
            ``recogniser``, ``encoder``; and ``gain`` → ``uar``, ``ci_low``, ``ci_high``, ``p``.
        selection: the contents of ``metrics/select.json``: emotion (and ``all``) → ``in``, ``out``, ``reasons``.
        plots: what to draw, in order.
        examples: to listen to.
        subject: what the page is of, name → value: the corpus, the converter, the run.
        parameters: that shaped the result, name → value.
        confidence: emotion → the judge's confidence.
        judge: what the judge is.
        title: of the page.

    Returns:
        the page's path.

    Raises:
        EmoforgeError: *metrics* holds no arm, or an arm without one of its figures.
    """
    from jinja2 import Environment, PackageLoader, StrictUndefined

    loader = PackageLoader("emoforge.report", ".")
    environment = Environment(loader=loader, autoescape=True, undefined=StrictUndefined, trim_blocks=True)
    reasons = sorted({reason for counts in selection.values() for reason in counts["reasons"]})
    html = environment.get_template("page.html.jinja").render(
        title=title,
        style=loader.get_source(environment, "page.css")[0],
        verdict=_verdict(metrics.get("gain")),
        columns=_COLUMNS,
        # First, as it sees what is missing.
        arms=_arm_rows(metrics),
        reasons=reasons,
        selection=_selection_rows(selection, reasons),
        plots=[replace(plot, svg=_inline(plot, f"plot{index}")) for index, plot in enumerate(plots)],
        examples=[
            {
                "caption": example.caption,
                "clips": [
                    {"label": label, "base64": base64.b64encode(flac).decode("ascii")}
                    for label, flac in example.clips.items()
                ],
            }
            for example in examples
        ],
        subject=subject,
        parameters=parameters,
        confidence={
            emotion: ["" if value is None else f"{value:.2f}" for value in of.cells()]
            for emotion, of in confidence.items()
        },
        judge=judge,
        two_judges=any(of.second is not None for of in confidence.values()),
        recogniser=_recogniser(metrics),
    )
    path = Path(path)
    with written_aside(path) as aside:
        aside.write_text(html, "utf-8")
    return path


def _recogniser(metrics: Mapping[str, Mapping]) -> str:
    """Return which recogniser the arms are of."""
    arm = next(values for name, values in metrics.items() if name != "gain")
    return f"{arm['recogniser']}, on {arm['encoder']}" if arm["encoder"] else arm["recogniser"]


def _verdict(gain: Mapping[str, float] | None) -> str:
    """Say in a sentence what the gain is, and whether it can be told from none."""
    if gain is None:
        return "No gain was measured."
    if gain["ci_low"] is None:
        return (
            f"Adding converted clips changed unweighted average recall by {gain['uar']:+.3f}; with one test speaker "
            "there is no interval."
        )
    figures = f"{gain['uar']:+.3f} (95 % interval {gain['ci_low']:+.3f} to {gain['ci_high']:+.3f}, p = {gain['p']:.3g})"
    if gain["ci_low"] > 0:
        outcome = "Adding converted clips helped"
    elif gain["ci_high"] < 0:
        outcome = "Adding converted clips hurt"
    else:
        outcome = "Adding converted clips made no difference that these speakers can show"
    return f"{outcome}: the change in unweighted average recall is {figures}."


def _arm_rows(metrics: Mapping[str, Mapping]) -> list[dict]:
    arms = {name: values for name, values in metrics.items() if name != "gain"}
    if not arms:
        raise EmoforgeError("the metrics hold no arm to report; run `evaluate` first")
    figures = ("uar", "uar_ci_low", "uar_ci_high", "wa", "macro_f1", "ece", "n_clips", "n_speakers")
    needed = (*figures, "not_enrolled", "recogniser", "encoder")
    for name, values in arms.items():
        missing = [key for key in needed if key not in values]
        if missing:
            raise EmoforgeError(f"arm {name!r} of the metrics lacks {', '.join(missing)}; run `evaluate` again")
    highest = max(values["uar"] for values in arms.values())
    return [
        {
            "name": name,
            "best": values["uar"] == highest,
            "cells": [
                f"{values['uar']:.3f}",
                "none"
                if values["uar_ci_low"] is None
                else f"{values['uar_ci_low']:.3f} to {values['uar_ci_high']:.3f}",
                f"{values['not_enrolled']['uar']:.3f}",
                *(f"{values[key]:.3f}" for key in ("wa", "macro_f1", "ece")),
                *(f"{values[key]:,}" for key in ("n_clips", "n_speakers")),
            ],
        }
        for name, values in arms.items()
    ]


def _selection_rows(selection: Mapping[str, Mapping], reasons: Sequence[str]) -> list[dict]:
    return [
        {
            "name": name,
            "cells": [
                f"{counts['in']:,}",
                f"{counts['out']:,}",
                f"{100 * counts['out'] / counts['in']:.0f} %" if counts["in"] else "",
                *(f"{counts['reasons'].get(reason, 0):,}" for reason in reasons),
            ],
        }
        for name, counts in selection.items()
    ]


def _inline(plot: Plot, prefix: str) -> str:
    """Return the plot as an SVG element whose ids are its own among all plots of a page."""
    svg = plot.svg[plot.svg.index("<svg") :].strip()
    svg = re.sub(r'\bid="', f'id="{prefix}-', svg)
    svg = re.sub(r'href="#', f'href="#{prefix}-', svg)
    svg = re.sub(r"url\(#", f"url(#{prefix}-", svg)
    # The caption under the figure says in words what it shows.
    return svg.replace("<svg", f'<svg role="img" aria-label="{_attribute(plot.title + ". " + plot.description)}"', 1)


def _attribute(text: str) -> str:
    from markupsafe import escape

    return str(escape(text))
