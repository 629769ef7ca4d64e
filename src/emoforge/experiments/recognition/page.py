"""The page of a study of recognition: folds, matrix, gains, targets, and what others published."""

from collections.abc import Iterable, Mapping

from emoforge.base.tables import markdown_table
from emoforge.experiments.recognition.protocol import OTHERS, own_and_others
from emoforge.experiments.recognition.rows import ALL_OTHERS, ONE_OTHER, OTHERS_FIRST, OWN
from emoforge.report.plots import Plot
from emoforge.report.study_plots import plot_matrix

_MATRIX = "matrix"
_HEARD = {True: "enrolled", False: "not enrolled"}


def plots(results: Mapping) -> dict[str, Plot]:
    """Return name of the file → plot: the matrix, with the enrolment that comes first in the study."""
    protocol = results["protocol"]
    names = [item["name"] for item in protocol["corpora"]]
    enrolled = protocol["enrolled"][0]
    rows = [row for row in results["rows"] if row["enrolled"] == enrolled]
    panels: dict[str, dict[tuple[str, str], float]] = {}
    for row in rows:
        if row["train"] == own_and_others(row["test"]):
            continue
        panels.setdefault(row["recogniser"], {})[row["train"], row["test"]] = row["uar"]
    across = {name: cells for name, cells in panels.items() if any(train != test for train, test in cells)}
    learnt = [*names, *([OTHERS] if any(row["train"] == OTHERS for row in rows) else [])]
    return {_MATRIX: plot_matrix(across, learnt, names)} if across else {}


def page(results: Mapping, drawn: Mapping[str, Plot]) -> str:
    """Return the Markdown page of the content of results.json."""
    protocol = results["protocol"]
    found = findings(results)
    parts = [f"# {protocol['title']}", "", *found, *([""] if found else []), _setup(results), ""]
    parts += ["## Speaker-independent folds within each corpus", "", _within(_own(results))]
    if after_others := _after_others(results):
        parts += ["### The same folds, after all other corpora were learnt from", "", _AFTER_NOTE, ""]
        parts += [_within(after_others)]
    if published := published_table(results):
        parts += ["### Beside published figures", "", published]
    if protocol["targets"]:
        parts += ["### Targets", "", _targets(results)]
    if drawn:
        parts += ["## By training corpus and tested corpus", "", _MATRIX_NOTE, ""]
        parts += [f"![{drawn[_MATRIX].description}]({_MATRIX}.svg)", ""]
        for enrolled in protocol["enrolled"]:
            parts += [f"### {_HEARD[enrolled].capitalize()}", "", _matrix(results, enrolled)]
    if results["mean_gains"]:
        parts += [f"## Gains over {protocol['recognisers'][0]['name']}", "", _mean_gains(results)]
    parts += [
        f"`{results['command']}` at commit `{results['commit']}`, {results['seconds']} s; what was kept is not "
        "counted. Every row with its interval, macro-F1, ECE and UAR by gender stands in results.json.",
    ]
    return "\n".join(parts) + "\n"


def findings(results: Mapping) -> list[str]:
    """Return what was found, one line per recogniser that is compared with the first."""
    protocol = results["protocol"]
    reference = protocol["recognisers"][0]["name"]
    lines = []
    for row in results["mean_gains"]:
        if row["trained_on"] != ONE_OTHER:
            continue
        interval = "" if row["ci_low"] is None else f" ({_points(row['ci_low'])} to {_points(row['ci_high'])})"
        every = "above it for every pair" if row["every_pair_above"] else f"above it for {row['above']}"
        lines.append(
            f"- `{row['recogniser']}`, {_HEARD[row['enrolled']]}: {_points(row['gain'])} points of UAR{interval} over "
            f"`{reference}` on average over {row['pairs']} pairs of corpora; {every}."
        )
    return lines


def published_table(results: Mapping) -> str:
    """Return what others published below this study's figures for the same corpora, in Markdown; "" where nothing is.

    Below the table stands, for every corpus, how the published protocol differs, and where it is published.
    """
    published = results["protocol"]["published"]
    names = [item["name"] for item in results["protocol"]["corpora"]]
    names = [name for name in names if any(figure["corpus"] == name for figure in published)]
    if not names:
        return ""
    ours: dict[str, dict[str, str]] = {}
    for row in _own(results):
        ours.setdefault(f"**{row['recogniser']}**, {_HEARD[row['enrolled']]}", {})[row["test"]] = _figure(row["uar"])
    theirs: dict[str, dict[str, str]] = {}
    notes: dict[str, dict[str, None]] = {}
    for figure in published:
        theirs.setdefault(figure["system"], {})[figure["corpus"]] = _reported(figure)
        notes.setdefault(figure["corpus"], {})[f"{figure['protocol']} ({figure['source']})"] = None
    rows = [(system, *(found.get(name, "") for name in names)) for system, found in [*ours.items(), *theirs.items()]]
    lines = [f"- {name}: {note}" for name in names for note in notes[name]]
    return markdown_table(["UAR", *names], rows) + "\nPublished:\n\n" + "\n".join(lines) + "\n"


def _setup(results: Mapping) -> str:
    lines = [
        f"{name}: {item['clips']} clips of {item['speakers']} speakers ({_genders(item['genders'])}), "
        f"{len(item['emotions'])} emotions, {item['folds']} folds"
        for name, item in results["corpora"].items()
    ]
    return (
        f"{'; '.join(lines)}. Every clip but the enrolment clips (neutral ones, which calibrate a speaker) is "
        "scored once, and all folds are pooled. No speaker is learnt from and tested. *Not enrolled* withholds the "
        "enrolment clips in training and testing; one thing is still taken from them, the speaker's level in ingest. "
        "Everything a recogniser chooses, it chooses on its training speakers. Intervals (95 %) are over the tested "
        "speakers."
    )


_MATRIX_NOTE = (
    "All of one corpus is learnt from and all of another is tested, on the emotions that both have; `others` is all "
    "other corpora together, on the emotions that any of them shares with the tested one. The diagonal is the folds "
    "within the corpus, on all of its emotions, so that it has more classes than the rest of its column. UAR; classes "
    "in brackets."
)


_AFTER_NOTE = (
    "A first machine learns from all other corpora, each moved to the mean and deviation that the corpus's training "
    "speakers have, value by value; a second learns from the training speakers and departs from the first as little as "
    "they allow."
)


def _within(of_folds: Iterable[Mapping]) -> str:
    rows = [
        (
            row["test"],
            row["n_classes"],
            row["recogniser"],
            _HEARD[row["enrolled"]],
            _interval(row),
            _figure(row["macro_f1"]),
            _figure(row["ece"]),
            _figure(row["uar_female"]),
            _figure(row["uar_male"]),
        )
        for row in of_folds
    ]
    header = ["corpus", "classes", "recogniser", "speakers", "UAR", "macro-F1", "ECE", "women", "men"]
    return markdown_table(header, rows)


def _matrix(results: Mapping, enrolled: bool) -> str:
    names = [item["name"] for item in results["protocol"]["corpora"]]
    cells = {
        (row["recogniser"], row["train"], row["test"]): f"{_figure(row['uar'])} ({row['n_classes']})"
        for row in results["rows"]
        if row["enrolled"] == enrolled
    }
    across = list(dict.fromkeys(recogniser for recogniser, train, test in cells if train != test))
    learnt = [*names, OTHERS]
    lines = [
        (recogniser, train, *(cells.get((recogniser, train, test), "") for test in names))
        for train in learnt
        for recogniser in across
        if any((recogniser, train, test) in cells for test in names)
    ]
    return markdown_table(["recogniser", "learnt from", *names], lines)


def _mean_gains(results: Mapping) -> str:
    order = {name: number for number, name in enumerate((OWN, OTHERS_FIRST, ONE_OTHER, ALL_OTHERS))}
    rows = [
        (
            row["recogniser"],
            row["trained_on"],
            _HEARD[row["enrolled"]],
            _points(row["gain"]),
            "" if row["ci_low"] is None else f"{_points(row['ci_low'])} to {_points(row['ci_high'])}",
            f"{row['above']} of {row['pairs']}",
        )
        for row in sorted(results["mean_gains"], key=lambda row: order[row["trained_on"]])
    ]
    header = ["recogniser", "learnt from", "speakers", "mean gain, points", "95 % over tested corpora", "above"]
    return markdown_table(header, rows)


def _targets(results: Mapping) -> str:
    found = {(row["test"], row["recogniser"], row["enrolled"]): row["uar"] for row in _own(results)}
    rows = []
    for target in results["protocol"]["targets"]:
        reached = found.get((target["corpus"], target["recogniser"], target["enrolled"]))
        said = "not measured" if reached is None else "reached" if reached >= target["uar"] else "missed"
        rows.append(
            (
                target["corpus"],
                target["recogniser"],
                _HEARD[target["enrolled"]],
                _figure(target["uar"]),
                _figure(reached),
                said,
            )
        )
    return markdown_table(["corpus", "recogniser", "speakers", "target", "UAR", ""], rows)


def _own(results: Mapping) -> Iterable[Mapping]:
    return [row for row in results["rows"] if row["train"] == row["test"]]


def _after_others(results: Mapping) -> Iterable[Mapping]:
    return [row for row in results["rows"] if row["train"] == own_and_others(row["test"])]


def _reported(item: Mapping) -> str:
    return _figure(item["uar"]) if item["uar"] is not None else f"{_figure(item['wa'])} (acc.)"


def _interval(row: Mapping) -> str:
    return f"{_figure(row['uar'])} ({_figure(row['ci_low'])} to {_figure(row['ci_high'])})"


def _genders(counts: Mapping[str, int]) -> str:
    said = {"female": "women", "male": "men", "unknown": "of unknown gender"}
    return ", ".join(f"{count} {said.get(gender, gender)}" for gender, count in counts.items())


def _figure(value: float | None) -> str:
    return "" if value is None else f"{value:.3f}".removeprefix("0") if value < 1 else f"{value:.2f}"


def _points(value: float) -> str:
    return f"{100 * value:+.1f}"
