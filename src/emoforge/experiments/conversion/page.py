"""The README of an evaluation of conversion: figures beside what they are to reach."""

from collections.abc import Callable, Mapping, Sequence

from emoforge.base.tables import markdown_table
from emoforge.experiments.conversion.protocol import BASE

_TITLES = (
    "system",
    "judge",
    "recall",
    "real",
    "share",
    "confidence",
    "over transplant",
    "voice / real",
    "DNSMOS Δ",
    "Distill-MOS Δ",
    "words - copy",
    "MCD / zero effort",
    "F0 RMSE (st)",
    "F0 corr.",
    "duration",
    "diversity",
)


def _teachers(corpus: str, trained_on: str) -> str:
    """Return whom a converter learnt from, in words."""
    if trained_on == BASE:
        return "other corpora only"
    return "other speakers of the same corpus" if trained_on == corpus else f"all speakers of {trained_on}"


def page(results: Mapping) -> str:
    """Return the Markdown page of results.json's content."""
    rows = results["rows"]
    parts = [
        "# Evaluation of conversion",
        "",
        "Every system converts the same neutral clips, of speakers from whom neither converter nor judge learnt. "
        "`identity` is the source as it is: zero effort. Systems in brackets are references, which are given the "
        "speaker's own emotional clip. Written by the command at the end of this page.",
    ]
    for corpus, trained_on in dict.fromkeys((row["corpus"], row["trained_on"]) for row in rows):
        of_pair = [row for row in rows if (row["corpus"], row["trained_on"]) == (corpus, trained_on)]
        own = [row for row in of_pair if "gain_over_whole" not in row]
        reduced = [row for row in of_pair if "gain_over_whole" in row]
        if not own:
            own, reduced = reduced, []
        learnt = _teachers(corpus, trained_on)
        n_clips, n_speakers = own[0]["n_clips"], own[0]["n_speakers"]
        parts += [
            "",
            f"## {corpus}, converters learnt from {learnt}",
            "",
            f"{n_clips} conversions per system, {n_speakers} source speakers; 95 % intervals over speakers.",
            "",
            *_table(own),
            "",
            "What gives conversions away, and what is left of the words:",
            "",
            *_fidelity(of_pair),
            "",
            f"What the judge {own[0]['judge']} hears, by target emotion:",
            "",
            *_confusion([row for row in of_pair if row["judge"] == own[0]["judge"]]),
            *_ablation(reduced),
        ]
    speed = results["speed"]
    timed = ", ".join(f"{name} {value:g}" for name, value in speed["cpu_x_realtime_by_system"].items()) or "n/a"
    parts += [
        "",
        "Targets: share of the same judge's recall on the speakers' real emotional clips ≥ .85; gain over "
        "`transplant` with an interval above zero; speaker similarity ≥ .95 of real clips'; DNSMOS at most .15 "
        "below real clips'; content error at most .05 above that of copy-synthesis by WORLD; MCD at most .85 of "
        "zero effort. Confidence is the judge's in the target emotion, in conversions and in real clips. "
        "✓ marks what is reached. MCD, F0 and duration (|log2| of the ratio) are against the "
        "speaker's own recordings of the same words with the emotion, mean over takes. Diversity is the distance "
        "between performances of two seeds, over that between real ones of an emotion. Content error of the real "
        "recordings against the source, which the same words get: " + _content_of_real(rows) + ".",
        "",
        "The probe is a linear machine on the encoder's embeddings, less the speaker's neutral voice, that tells "
        "conversions from as many real clips of the same speaker and emotion, and never saw the speaker: an AUC of .5 "
        "is nothing to tell them by, 1 is certainty; the target is an interval below .8. `probe, neutral` compares "
        "conversions from neutral to neutral with their sources, so that only what conversion leaves behind can "
        "tell them apart. "
        "A system that cannot be asked for neutral is asked for no change: its analysis and synthesis. Word error is "
        "that of what Whisper tiny.en writes down (English only), against the sentence or, where that is unknown, "
        "against what it writes down of the source; beside it the same of the sources and of real emotional clips.",
        "",
        "References: `resynthesis` is the speaker's own emotional clip of the same words through WORLD, the ceiling of "
        "a vocoder; `own take` lays that clip on the source as `transplant` does, the ceiling of its representation; "
        "`prosody only` takes over F0, durations and level alone. Their distances to the speaker's own recordings are "
        "small by construction.",
        "",
        f"Speed on one thread of a CPU, times real time: {timed}. On a GPU: {speed['gpu_x_realtime']}.",
        "",
        f"`{results['command']}` at commit `{results['commit']}`.",
    ]
    return "\n".join(parts) + "\n"


def _content_of_real(rows: Sequence[Mapping]) -> str:
    figures = {row["corpus"]: row["content_error_real"] for row in rows}
    return ", ".join(f"{corpus} {_number(value)}" for corpus, value in figures.items())


def _table(rows: Sequence[Mapping]) -> list[str]:
    return markdown_table(_TITLES, map(_cells, rows)).splitlines()


def _fidelity(rows: Sequence[Mapping]) -> list[str]:
    judges = list(dict.fromkeys(row["judge"] for row in rows))
    titles = [
        "system",
        "probe AUC",
        "probe, neutral",
        *(f"neutral heard as neutral / real, {judge}" for judge in judges),
        "word error",
        "of sources",
        "of real clips",
    ]
    cells = []
    for name in dict.fromkeys(row["system"] for row in rows):
        by_judge = {row["judge"]: row for row in rows if row["system"] == name}
        first = by_judge[judges[0]]
        neutral = [
            f"{_number(row['neutral_recall'])} / {_number(row['neutral_recall_real'])}" for row in by_judge.values()
        ]
        cells.append(
            [
                _name(first),
                # By the interval: with few speakers a probe learns little, and finds little.
                _with_interval(first, "probe_auc") + _mark(first["probe_auc_ci_high"], lambda value: value < 0.8),
                _with_interval(first, "probe_auc_neutral"),
                *neutral,
                _with_interval(first, "word_error"),
                _number(first["word_error_source"]),
                _number(first["word_error_real"]),
            ]
        )
    return markdown_table(titles, cells).splitlines()


def _confusion(rows: Sequence[Mapping]) -> list[str]:
    targets = list(dict.fromkeys(target for row in rows for target in row["confusion"]))
    cells = [["real clips", *(_commonest(rows[0]["confusion_real"].get(target)) for target in targets)]]
    cells += [[_name(row), *(_commonest(row["confusion"].get(target)) for target in targets)] for row in rows]
    return markdown_table(["system", *targets], cells).splitlines()


def _commonest(shares: Mapping[str, float] | None) -> str:
    """Return the two things that a target is most often heard as."""
    if not shares:
        return "n/a"
    return ", ".join(f"{name} {share:.2f}" for name, share in list(shares.items())[:2])


def _name(row: Mapping) -> str:
    return f"({row['system']})" if row["reference"] else row["system"]


def _ablation(rows: Sequence[Mapping]) -> list[str]:
    if not rows:
        return []
    titles = ("system", "judge", "recall", "recall re the whole", *_TITLES[7:])
    cells = [[*_cells(row)[:3], _with_interval(row, "gain_over_whole"), *_cells(row)[7:]] for row in rows]
    return ["", "What each part is worth:", "", *markdown_table(titles, cells).splitlines()]


def _cells(row: Mapping) -> list[str]:
    share, gain = row["recall_share"], row["gain_over_transplant_ci_low"]
    return [
        _name(row),
        row["judge"],
        _with_interval(row, "recall"),
        _number(row["recall_real"]),
        _with_interval(row, "recall_share") + _mark(share, lambda value: value >= 0.85),
        f"{_number(row['confidence'])} / {_number(row['confidence_real'])}",
        _with_interval(row, "gain_over_transplant") + _mark(gain, lambda value: value > 0),
        _ratio(row, "speaker_similarity", "speaker_similarity_real", lambda value: value >= 0.95),
        _with_interval(row, "dnsmos_delta") + _mark(row["dnsmos_delta"], lambda value: value >= -0.15),
        _with_interval(row, "distillmos_delta"),
        _difference(row, "content_error", "content_error_copy", lambda value: value <= 0.05),
        _ratio(row, "mcd", "mcd_zero_effort", lambda value: value <= 0.85),
        _number(row["f0_rmse_st"]),
        _number(row["f0_correlation"]),
        _number(row["duration_error"]),
        _number(row["diversity"]),
    ]


def _number(value: float | None) -> str:
    return "n/a" if value is None else f"{value:.3f}"


def _with_interval(row: Mapping, name: str) -> str:
    low, high = row[f"{name}_ci_low"], row[f"{name}_ci_high"]
    return _number(row[name]) + ("" if low is None else f" [{low:.3f}, {high:.3f}]")


def _ratio(row: Mapping, name: str, reference: str, reached: Callable[[float], bool]) -> str:
    value, other = row[name], row[reference]
    if value is None or not other:
        return f"{_number(value)} / {_number(other)}"
    ratio = value / other
    return f"{value:.3f} / {other:.3f} = {ratio:.2f}" + _mark(ratio, reached)


def _difference(row: Mapping, name: str, reference: str, reached: Callable[[float], bool]) -> str:
    value, other = row[name], row[reference]
    if value is None or other is None:
        return f"{_number(value)} - {_number(other)}"
    return f"{value:.3f} - {other:.3f}" + _mark(value - other, reached)


def _mark(value: float | None, reached: Callable[[float], bool]) -> str:
    return " ✓" if value is not None and reached(value) else ""
