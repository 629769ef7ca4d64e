"""The page of a study: what was found in three sentences, made of the figures, then tables and plots."""

from collections.abc import Mapping, Sequence
from typing import cast

import numpy as np
from scipy.stats import spearmanr

from emoforge.base.tables import markdown_table
from emoforge.experiments.helpfulness import settings
from emoforge.experiments.helpfulness.rows import ADVICE, FIXED, HINDSIGHT, VALIDATION
from emoforge.report.plots import Plot
from emoforge.report.study_plots import plot_gains, plot_quality

_QUALITY = "mean confidence of judges in the wanted emotion"
_CHOICES = (
    "Every choice but that in hindsight was made in each fold on its training speakers alone. `selected` is "
    "validation's pick among the arms with converted clips; `recommended` takes it only where its gain on "
    "validation speakers is beyond doubt, and adds nothing elsewhere."
)
_TITLES = (
    "arm",
    "converter",
    "ratio",
    "weight",
    "confidence",
    "first",
    "use",
    "neutral",
    "recogniser",
    "UAR",
    "gain",
    "p",
    "Holm",
)


def plots(results: Mapping) -> dict[str, Plot]:
    """Return name of the file → plot of the results; only of what the study varies."""
    rows = [row for row in results["rows"] if row["choice"] == FIXED and row["ratio"]]
    drawn = {}
    by_ratio: dict[str, list] = {_name(row): [] for row in rows}
    for row in rows:
        by_ratio[_name(row)].append((row["ratio"], row))
    by_ratio = _best_lines(by_ratio)
    if by_ratio:
        drawn["gain-by-ratio"] = plot_gains("Gain by ratio", "added clips for each real one", by_ratio)
    converted = [row for row in rows if row["threshold"] is not None and row["arm"] == settings.SYNTHETIC]
    by_threshold: dict[str, list] = {}
    for row in converted:
        name = f"{row['converter']}, ratio {row['ratio']:g}, weight {row['weight']:g}, {row['prefer']}, {row['use']}"
        if row["with_neutral"] is False:
            name += ", neutral of labelled speakers only"
        if row["max_confidence"] == 1:
            by_threshold.setdefault(name, []).append((row["threshold"], row))
    by_threshold = _best_lines(by_threshold)
    if by_threshold:
        drawn["gain-by-threshold"] = plot_gains("Gain by threshold", "lowest confidence of the judge", by_threshold)
    if results.get("quality"):
        points = quality_points(results)
        drawn["gain-by-quality"] = plot_quality(points, x_label=_QUALITY, correlation=rank_correlation(points))
    return drawn


def quality_points(results: Mapping) -> dict[str, tuple[float, Mapping]]:
    """Return converter → its quality and the row that validation picked among its settings, or its only one."""
    points = {}
    for name, quality in results["quality"].items():
        arm = f"{settings.SYNTHETIC}, {name}"
        own = [row for row in results["rows"] if row["arm"] == arm] or [
            row for row in results["rows"] if row["arm"] == settings.SYNTHETIC and row["converter"] == name
        ]
        if own:
            points[name] = (quality, own[0])
    return points


def rank_correlation(points: Mapping[str, tuple[float, Mapping]]) -> float | None:
    """Return Spearman's correlation of quality and gain; None with fewer than three converters, or without spread."""
    values = np.array([(quality, row["gain"] or 0.0) for quality, row in points.values()]).reshape(-1, 2)
    if len(values) < 3 or not np.ptp(values, axis=0).all():
        return None
    return float(spearmanr(values[:, 0], values[:, 1]).statistic)


def page(results: Mapping, drawn: Mapping[str, Plot]) -> str:
    """Return the Markdown page of the content of results.json."""
    protocol = results["protocol"]
    rows = results["rows"]
    parts = [f"# {protocol['title']}", "", " ".join(findings(results)), "", _setup(results), ""]
    for name, plot in drawn.items():
        parts += [f"![{plot.description}]({name}.svg)", ""]
    chosen = [row for row in rows if row["choice"] != FIXED]
    plain = [row for row in rows if row["choice"] == FIXED]
    parts += [
        "## What was chosen",
        "",
        _CHOICES if protocol["nested"] else "Nothing, but for the best setting in hindsight.",
        "",
        *_table(chosen),
        "",
        "## Every setting, the same in all folds",
        "",
        *_table(plain),
        "",
        f"`{results['command']}` at commit `{results['commit']}`, {results['seconds']} s; what was kept is not "
        "counted.",
    ]
    return "\n".join(parts) + "\n"


def findings(results: Mapping) -> list[str]:
    """Return three sentences: what was selected against the reference, against other arms, and against the targets."""
    rows, protocol = results["rows"], results["protocol"]
    main = protocol["recognisers"][0]["name"]
    own = [row for row in rows if row["recogniser"] == main]
    reference = cast("Mapping", _row(own, protocol["reference"], FIXED))
    selected = next((row for row in own if row["selected"]), None)
    if selected is None:
        converted = "No arm adds converted clips."
        if results.get("quality"):
            points = sorted(quality_points(results).items(), key=lambda item: item[1][0])
            gains = ", ".join(f"{name} {_signed(row['gain'])} ({_interval(row, 'gain')})" for name, (_, row) in points)
            converted = f"Converted clips gain, from the converter of the lowest quality up: {gains}."
        return [f"Without added clips the UAR is {_uar(reference)}.", converted, _targets(results, reference, selected)]
    verb = "gain" if selected["gain"] >= 0 else "lose"
    sure = _sure(selected)
    first = (
        f"With {protocol['reference']} speech alone the UAR is {_uar(reference)}; converted clips as validation picks "
        f"them {verb} {_points(abs(selected['gain']))} ({_interval(selected, 'gain')}), which is "
        f"{'more than chance' if sure else 'no more than chance may bring'}."
    )
    others: list[str] = []
    for name, arm, choice in (
        ("classical augmentation", settings.CLASSICAL, VALIDATION),
        ("classical augmentation", settings.CLASSICAL, FIXED),
        ("conversion to neutral alone", settings.TO_NEUTRAL, VALIDATION),
        ("conversion to neutral alone", settings.TO_NEUTRAL, FIXED),
        ("the best setting in hindsight", "best in hindsight", HINDSIGHT),
        ("the cautious recommendation", "recommended", ADVICE),
    ):
        row = _row(own, arm, choice)
        if row is not None and not any(part.startswith(name) for part in others):
            others.append(f"{name} {_signed(row['gain'])}")
    second = f"Beside that {', '.join(others)}." if others else "There is nothing else to set beside it."
    return [first, second, _targets(results, reference, selected)]


def _targets(results: Mapping, reference: Mapping, selected: Mapping | None) -> str:
    targets = results["protocol"]["targets"]
    said = []
    if selected is not None and selected.get("gap_closed") is not None:
        share = f"{100 * selected['gap_closed']:.0f} % of the gap to the upper bound is closed"
        low, high = (100 * selected[f"gap_closed_ci_{end}"] for end in ("low", "high"))
        share += f" (95 % interval {low:.0f} to {high:.0f} %)"
        if targets["gap_closed"] is not None:
            met = selected["gap_closed"] >= targets["gap_closed"]
            share += f", which {'meets' if met else 'misses'} the target of {100 * targets['gap_closed']:.0f} %"
        said.append(share)
    if targets["uar"] is not None:
        met = reference["uar"] >= targets["uar"]
        said.append(f"the UAR without added clips {'meets' if met else 'misses'} the target of {targets['uar']:.2f}")
    if targets["gain"] is not None and selected is not None:
        met = selected["gain"] >= targets["gain"] and _sure(selected)
        said.append(f"the gain {'meets' if met else 'misses'} the target of {_points(targets['gain'])} above chance")
    if results.get("quality"):
        correlation = rank_correlation(quality_points(results))
        if correlation is not None:
            text = f"the rank correlation of the converters' quality and gain is {correlation:.2f}"
            if targets["rank_correlation"] is not None:
                met = correlation >= targets["rank_correlation"]
                text += f", which {'meets' if met else 'misses'} the target of {targets['rank_correlation']:g}"
            said.append(text)
    if not said:
        return "No target was set."
    sentence = "; ".join(said)
    return f"{sentence[0].upper()}{sentence[1:]}."


def _setup(results: Mapping) -> str:
    protocol, rows = results["protocol"], results["rows"]
    known = {
        "full": "all training speakers are labelled",
        "scarce": f"{protocol['labelled']} training speakers are labelled, drawn anew for every seed, and of the "
        "others only neutral clips are known",
        "zero": "only neutral clips of the corpus are known, and labelled clips of "
        + ", ".join(corpus["name"] for corpus in protocol["foreign"]),
    }[protocol["scenario"]]
    tested = "other clips of the same speakers" if protocol["split_by"] == "clip" else "unknown speakers"
    return (
        f"Corpus {results['corpus']}, {len(results['labels'])} classes ({', '.join(results['labels'])}), tested on "
        f"{tested} in {rows[0]['folds']} folds with {rows[0]['seeds']} seeds; {known}. Gains are over the arm "
        f"`{protocol['reference']}` with the same recogniser, in points of UAR, with 95 % intervals and p by a paired "
        "bootstrap over speakers; Holm is the Wilcoxon test over speakers, corrected for the number of rows."
    )


def _table(rows: Sequence[Mapping]) -> list[str]:
    gap = any("gap_closed" in row for row in rows)
    titles = (*_TITLES, "gap closed") if gap else _TITLES
    table = []
    for row in rows:
        band = "" if row["threshold"] is None else f"{row['threshold']:g} to {row['max_confidence']:g}"
        cells = [
            f"**{row['arm']}**" if row["selected"] else row["arm"],
            row["converter"] or "",
            _number(row["ratio"]),
            _number(row["weight"]),
            band,
            row["prefer"] or "",
            row["use"] or "",
            {True: "all", False: "labelled", None: ""}[row["with_neutral"]],
            row["recogniser"],
            f"{row['uar']:.3f}",
            f"{_signed(row['gain'])} ({_interval(row, 'gain')})" if row["gain"] is not None else "",
            "" if row["p"] is None else f"{row['p']:.3f}",
            "" if row["p_holm"] is None else f"{row['p_holm']:.3f}",
        ]
        if gap:
            share = row.get("gap_closed")
            cells.append("" if share is None else f"{100 * share:.0f} %")
        table.append(cells)
    return markdown_table(titles, table).splitlines()


def _best_lines(lines: Mapping[str, list]) -> dict[str, list]:
    """Return the lines of more than one point, the five with the highest mean gain."""
    several = {name: points for name, points in lines.items() if len({x for x, _ in points}) > 1}
    ranked = sorted(several, key=lambda name: -np.mean([row["gain"] or 0.0 for _, row in several[name]]))
    return {name: several[name] for name in ranked[:5]}


def _name(row: Mapping) -> str:
    parts = [row["arm"], row["converter"], f"weight {row['weight']:g}"]
    if row["threshold"] is not None:
        if row["threshold"] > 0 or row["max_confidence"] < 1:
            parts.append(f"confidence {row['threshold']:g} to {row['max_confidence']:g}")
        parts += [value for value in (row["prefer"], row["use"]) if value not in ("random", "plain")]
    if row["with_neutral"] is False:
        parts.append("neutral of labelled speakers only")
    return ", ".join(part for part in parts if part)


def _row(rows: Sequence[Mapping], arm: str, choice: str) -> Mapping | None:
    return next((row for row in rows if row["arm"] == arm and row["choice"] == choice), None)


def _sure(row: Mapping) -> bool:
    return row["gain_ci_low"] is not None and (row["gain_ci_low"] > 0 or row["gain_ci_high"] < 0)


def _uar(row: Mapping) -> str:
    return f"{row['uar']:.3f}"


def _points(gain: float) -> str:
    return f"{100 * gain:.1f} points"


def _signed(gain: float | None) -> str:
    return "not measured" if gain is None else f"{100 * gain:+.1f}"


def _interval(row: Mapping, name: str) -> str:
    if row[f"{name}_ci_low"] is None:
        return "no interval with one speaker"
    return f"{100 * row[f'{name}_ci_low']:+.1f} to {100 * row[f'{name}_ci_high']:+.1f}"


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:g}"
