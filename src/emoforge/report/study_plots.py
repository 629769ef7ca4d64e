"""Plots of studies: gains with intervals by ratio, threshold and quality of the converter; UAR by corpus."""

from collections.abc import Mapping, Sequence
from itertools import pairwise

from emoforge.report.plots import (
    INK,
    KEPT_COLOUR,
    REJECTED_COLOUR,
    Plot,
    in_style,
    new_figure,
    new_panels,
    rectangle,
    svg_text,
)

#: One per line; the last two are told apart by the colour-blind too (Okabe and Ito 2008, "Color universal design").
_COLOURS = (KEPT_COLOUR, REJECTED_COLOUR, INK, "#009e73", "#cc79a7")
_MARKERS = "osD^v"


@in_style
def plot_gains(title: str, x_label: str, lines: Mapping[str, Sequence[tuple[float, Mapping]]]) -> Plot:
    """Draw gains over the reference with their intervals, one line per name.

    Args:
        title: of the plot.
        x_label: what the first axis counts.
        lines: name → pairs of a value on the first axis and a row with gain, gain_ci_low and gain_ci_high.
    """
    figure, axes = new_figure(6.4, 3.3 + 0.22 * len(lines))
    words = []
    values = sorted({x for points in lines.values() for x, _ in points})
    step = min((b - a for a, b in pairwise(values)), default=1.0) * 0.06
    for number, (name, points) in enumerate(lines.items()):
        colour, marker = _COLOURS[number % len(_COLOURS)], _MARKERS[number % len(_MARKERS)]
        points = sorted(points, key=lambda point: point[0])
        # Side by side, or intervals at one place would hide each other.
        at = [x + (number - (len(lines) - 1) / 2) * step for x, _ in points]
        for x, (_, row) in zip(at, points, strict=True):
            if row["gain_ci_low"] is not None:
                ends = [100 * row["gain_ci_low"], 100 * row["gain_ci_high"]]
                axes.plot([x, x], ends, color=colour, linewidth=1.5, alpha=0.6)
        gains = [100 * _gain(row) for _, row in points]
        axes.plot(at, gains, marker=marker, color=colour, linewidth=1, markersize=5, label=name)
        words.append(f"{name}: " + ", ".join(f"{x:g} {gain:+.1f}" for (x, _), gain in zip(points, gains, strict=True)))
    axes.axhline(0, color=INK, linewidth=0.8, linestyle=":")
    axes.set(xlabel=x_label, ylabel="gain in UAR, points (95 % interval)")
    axes.set_xticks(values, [f"{value:g}" for value in values])
    # Below, where no line runs through it.
    figure.legend(fontsize=9, loc="outside lower left")
    return Plot(
        title, f"Gain in unweighted average recall by {x_label}, in points. {'; '.join(words)}.", svg_text(figure)
    )


@in_style
def plot_quality(points: Mapping[str, tuple[float, Mapping]], *, x_label: str, correlation: float | None) -> Plot:
    """Draw the gain of every converter against its quality.

    Args:
        points: converter → quality, and a row with gain, gain_ci_low and gain_ci_high.
        x_label: what quality is.
        correlation: rank correlation of the two, None with fewer than three converters.
    """
    figure, axes = new_figure(6.4, 3.6)
    for name, (quality, row) in points.items():
        if row["gain_ci_low"] is not None:
            axes.plot(
                [quality] * 2, [100 * row["gain_ci_low"], 100 * row["gain_ci_high"]], color=KEPT_COLOUR, alpha=0.6
            )
        axes.plot(quality, 100 * _gain(row), "o", color=KEPT_COLOUR)
        axes.annotate(name, (quality, 100 * _gain(row)), xytext=(6, 4), textcoords="offset points", fontsize=9)
    axes.axhline(0, color=INK, linewidth=0.8, linestyle=":")
    axes.set(xlabel=x_label, ylabel="gain in UAR, points (95 % interval)")
    words = ", ".join(f"{name} {quality:.3f} {100 * _gain(row):+.1f}" for name, (quality, row) in points.items())
    known = "" if correlation is None else f" Rank correlation {correlation:.2f}."
    return Plot("Gain by quality of the converter", f"{x_label} and gain in points: {words}.{known}", svg_text(figure))


def _gain(row: Mapping) -> float:
    return row["gain"] if row["gain"] is not None else 0.0


@in_style
def plot_matrix(
    panels: Mapping[str, Mapping[tuple[str, str], float]], rows: Sequence[str], columns: Sequence[str]
) -> Plot:
    """Draw the UAR of every training corpus (row) on every tested corpus (column), one panel per recogniser.

    Args:
        panels: name of the recogniser → (row, column) → UAR from 0 to 1; a pair that was not asked for stays empty.
        rows: names of what was learnt from, from top to bottom.
        columns: names of what was tested.
    """
    width = 1.3 + len(panels) * (0.62 * len(columns) + 0.25)
    figure, grid = new_panels(width, 1.5 + 0.45 * len(rows), len(panels))
    words = []
    for number, (axes, (name, values)) in enumerate(zip(grid, panels.items(), strict=True)):
        for (row, column), value in values.items():
            at = columns.index(column), rows.index(row)
            # Opacity instead of a colour map: the page shows through, whether light or dark.
            axes.add_patch(rectangle(at[0] - 0.5, at[1] - 0.5, KEPT_COLOUR, 0.85 * value + 0.02))
            axes.text(*at, f"{100 * value:.0f}", ha="center", va="center")
        axes.set_xticks(range(len(columns)), columns, rotation=40, ha="right", rotation_mode="anchor")
        axes.set_yticks(range(len(rows)), rows if number == 0 else [""] * len(rows))
        axes.set(xlim=(-0.5, len(columns) - 0.5), ylim=(len(rows) - 0.5, -0.5), xlabel="tested")
        axes.set_title(name, fontsize=10)
        axes.tick_params(length=0)
        axes.spines[:].set_visible(False)
        mean = sum(values.values()) / max(len(values), 1)
        words.append(f"{name} {100 * mean:.0f} on average")
    grid[0].set_ylabel("learnt from")
    return Plot(
        "UAR by corpus",
        f"Unweighted average recall in per cent of every training corpus on every tested corpus: {'; '.join(words)}.",
        svg_text(figure),
    )
