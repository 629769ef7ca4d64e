"""Plots as SVG text: the same input gives the same bytes, and colours follow the page they stand in.

Lines and letters are drawn in ``currentColor``, so that one file serves light and dark pages.
"""

import functools
import io
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ParamSpec

import numpy as np

from emoforge.base.errors import EmoforgeError

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.patches import Rectangle

P = ParamSpec("P")

#: Told apart by people who see red and green alike, and readable on white and on black.
KEPT_COLOUR = "#2f8fd8"
REJECTED_COLOUR = "#d9822b"

#: Stands for the page's text colour until the SVG is written.
INK = "#010203"
_STYLE = {
    "svg.hashsalt": "emoforge",
    "svg.fonttype": "none",
    "font.family": "sans-serif",
    "font.size": 10,
    "text.color": INK,
    "axes.edgecolor": INK,
    "axes.labelcolor": INK,
    "axes.facecolor": "none",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "figure.facecolor": "none",
    "legend.frameon": False,
    "savefig.facecolor": "none",
    "xtick.color": INK,
    "ytick.color": INK,
}


@dataclass(frozen=True, slots=True)
class Plot:
    """A drawing and what it shows, in words, for those who cannot see it."""

    title: str
    description: str
    svg: str


def in_style(draw: Callable[P, Plot]) -> Callable[P, Plot]:
    """Draw with the style above, whatever matplotlib is configured to on this machine."""

    @functools.wraps(draw)
    def styled(*args: P.args, **kwargs: P.kwargs) -> Plot:
        import matplotlib

        with matplotlib.rc_context():
            matplotlib.rcdefaults()
            matplotlib.rcParams.update(_STYLE)  # type: ignore[arg-type]
            return draw(*args, **kwargs)

    return styled


@in_style
def plot_confusion(counts: np.ndarray, labels: Sequence[str], *, title: str) -> Plot:
    """Draw a confusion matrix: recall in colour and per cent, one row per actual emotion.

    Args:
        counts: (n_classes, n_classes) clips by truth (row) and prediction (column).
        labels: names of the classes.
        title: of the plot.
    """
    counts = np.asarray(counts)
    if counts.shape != (len(labels), len(labels)):
        raise EmoforgeError(f"confusion matrix of shape {counts.shape} does not fit {len(labels)} labels")
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    side = 1.7 + 0.55 * len(labels)
    figure, axes = new_figure(side + 0.6, side)
    for (row, column), share in np.ndenumerate(shares):
        # Opacity instead of a colour map: the page shows through, whether light or dark.
        axes.add_patch(rectangle(column - 0.5, row - 0.5, KEPT_COLOUR, 0.85 * share + 0.02))
        axes.text(column, row, f"{100 * share:.0f}", ha="center", va="center")
    ticks = range(len(labels))
    axes.set_xticks(ticks, labels, rotation=40, ha="right", rotation_mode="anchor")
    axes.set_yticks(ticks, labels)
    axes.set(
        xlim=(-0.5, len(labels) - 0.5),
        ylim=(len(labels) - 0.5, -0.5),
        xlabel="recognised (% of row)",
        ylabel="meant",
        aspect="equal",
    )
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
    recalls = ", ".join(f"{name} {100 * shares[i, i]:.0f} %" for i, name in enumerate(labels))
    return Plot(title, f"Share of each emotion's clips that was recognised: {recalls}.", svg_text(figure))


@in_style
def plot_arms(metrics: Mapping[str, Mapping[str, float]]) -> Plot:
    """Draw the unweighted average recall of every arm with its interval.

    Args:
        metrics: arm → ``uar``, ``uar_ci_low``, ``uar_ci_high`` (0 to 1); an entry without ``uar_ci_low`` is no arm.
    """
    arms = {name: values for name, values in metrics.items() if "uar_ci_low" in values}
    figure, axes = new_figure(6.4, 1.1 + 0.45 * len(arms))
    for position, (name, values) in enumerate(arms.items()):
        colour = INK if name == "real" else KEPT_COLOUR
        if values["uar_ci_low"] is not None:
            interval = [values["uar_ci_low"], values["uar_ci_high"]]
            axes.plot(interval, [position] * 2, color=colour, linewidth=2, alpha=0.7)
        axes.plot(values["uar"], position, "o", color=colour, markersize=7)
        axes.annotate(
            f"{values['uar']:.3f}", (values["uar"], position), xytext=(0, 7), textcoords="offset points", ha="center"
        )
    if "real" in arms:
        axes.axvline(arms["real"]["uar"], color=INK, linewidth=0.8, linestyle=":")
    axes.set_yticks(range(len(arms)), arms)
    axes.set(ylim=(len(arms) - 0.5, -0.7), xlabel="unweighted average recall, 95 % interval")
    axes.tick_params(axis="y", length=0)
    axes.spines["left"].set_visible(False)
    words = "; ".join(f"{name} {values['uar']:.3f}{_interval(values)}" for name, values in arms.items())
    return Plot(
        "Recognition by what the recogniser learnt from", f"Unweighted average recall: {words}.", svg_text(figure)
    )


@in_style
def plot_coverage(metrics: Mapping[str, Mapping]) -> Plot:
    """Draw how often arms are right when they answer only the clips that they are most sure of.

    Args:
        metrics: arm → ``coverage``, a list of ``coverage`` (falling from 1) and ``accuracy``; an entry without is no
            arm.
    """
    arms = {name: values["coverage"] for name, values in metrics.items() if "coverage" in values}
    if not arms:
        raise EmoforgeError("no arm has its accuracy by coverage; run the stage evaluate again")
    figure, axes = new_figure(5.2, 3.4)
    for position, (name, points) in enumerate(arms.items()):
        axes.plot(
            [point["coverage"] for point in points],
            [point["accuracy"] for point in points],
            color=INK if name == "real" else (KEPT_COLOUR, REJECTED_COLOUR)[position % 2],
            linestyle=("-", "--", "-.", ":")[position % 4],
            label=name,
        )
    axes.set(xlim=(0, 1), xlabel="share of clips answered, the surest first", ylabel="accuracy of these")
    axes.legend()
    words = "; ".join(
        f"{name} {points[0]['accuracy']:.3f} of all clips and {points[len(points) // 2]['accuracy']:.3f} of the surest "
        f"{100 * points[len(points) // 2]['coverage']:.0f} %"
        for name, points in arms.items()
    )
    return Plot("Accuracy by coverage", f"Accuracy of the answers: {words}.", svg_text(figure))


@in_style
def plot_scores(name: str, values: np.ndarray, keep: np.ndarray, *, threshold: float | None = None) -> Plot:
    """Draw how a score is distributed among kept and rejected conversions.

    Args:
        name: of the score.
        values: (n_clips,) scores; NaN where there is none.
        keep: (n_clips,) bool.
        threshold: drawn as a line.
    """
    values, keep = np.asarray(values, dtype=np.float64), np.asarray(keep, dtype=bool)
    known = np.isfinite(values)
    label = name.replace("_", " ")
    if not known.any():
        raise EmoforgeError(f"score {name!r} has no values to plot")
    groups = (("kept", values[known & keep], KEPT_COLOUR), ("rejected", values[known & ~keep], REJECTED_COLOUR))
    edges = np.linspace(values[known].min(), max(values[known].max(), values[known].min() + 1e-3), 31)
    figure, axes = new_figure(5.2, 2.7)
    for group, scores, colour in groups:
        axes.hist(scores, bins=edges.tolist(), color=colour, alpha=0.6, label=f"{group} ({len(scores)})")
    if threshold is not None:
        axes.axvline(threshold, color=INK, linewidth=1, linestyle="--")
    axes.set(xlabel=label, ylabel="clips")
    axes.legend()
    medians = " and ".join(f"{np.median(scores):.2f} ({group})" for group, scores, _ in groups if len(scores))
    return Plot(label.capitalize(), f"Distribution of {label}; medians {medians}.", svg_text(figure))


@in_style
def plot_yields(selection: Mapping[str, Mapping]) -> Plot:
    """Draw how many conversions of each emotion were kept, and why the others were not.

    Args:
        selection: emotion → ``in``, ``out`` and ``reasons`` (reason → clips); the entry ``all`` is left out.
    """
    emotions = [name for name in selection if name != "all"]
    reasons = sorted({reason for name in emotions for reason in selection[name]["reasons"]})
    figure, axes = new_figure(6.4, 1.4 + 0.4 * len(emotions))
    start = np.zeros(len(emotions))
    bars = [("kept", [selection[name]["out"] for name in emotions], KEPT_COLOUR, 0.9)]
    bars += [
        (
            reason.replace("_", " "),
            [selection[name]["reasons"].get(reason, 0) for name in emotions],
            REJECTED_COLOUR,
            0.9 - 0.7 * index / max(1, len(reasons)),
        )
        for index, reason in enumerate(reasons)
    ]
    for label, widths, colour, alpha in bars:
        axes.barh(emotions, widths, left=start, color=colour, alpha=alpha, label=label, height=0.65)
        start += widths
    axes.set(ylim=(len(emotions) - 0.5, -0.5), xlabel="conversions")
    axes.tick_params(axis="y", length=0)
    axes.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=3, fontsize=9, handlelength=1)
    words = ", ".join(f"{name} {selection[name]['out']} of {selection[name]['in']}" for name in emotions)
    return Plot("What the selection kept", f"Kept conversions: {words}.", svg_text(figure))


def new_figure(width: float, height: float) -> tuple["Figure", "Axes"]:
    """Return an empty figure of *width* by *height* inches, and its axes."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), layout="constrained")
    return figure, figure.add_subplot()


def new_panels(width: float, height: float, n_panels: int) -> tuple["Figure", list["Axes"]]:
    """Return an empty figure of *width* by *height* inches, and the axes of panels side by side."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), layout="constrained")
    return figure, list(figure.subplots(1, n_panels, squeeze=False)[0])


def _interval(values: Mapping[str, float | None]) -> str:
    """Return the interval of an arm in words; one test speaker has none."""
    if values["uar_ci_low"] is None:
        return ""
    return f" (from {values['uar_ci_low']:.3f} to {values['uar_ci_high']:.3f})"


def rectangle(x: float, y: float, colour: str, alpha: float) -> "Rectangle":
    """Return a square of side 1 with its lower left corner at *x*, *y*."""
    from matplotlib.patches import Rectangle

    return Rectangle((x, y), 1, 1, facecolor=colour, alpha=alpha, linewidth=0)


def svg_text(figure: "Figure") -> str:
    """Return *figure* as SVG in the colours of the page it will stand in."""
    from matplotlib.backends.backend_svg import FigureCanvasSVG

    FigureCanvasSVG(figure)
    buffer = io.StringIO()
    with warnings.catch_warnings():
        # A name in a script that matplotlib's own font lacks is measured wrongly, yet the browser has the letters.
        warnings.filterwarnings("ignore", message="Glyph .* missing from font")
        figure.savefig(buffer, format="svg", metadata={"Date": None, "Creator": None})
    return buffer.getvalue().replace(INK, "currentColor")
