"""The dataset card: who is in the set, how it was made and filtered, and what it may be used for."""

import os
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from emoforge.corpora import registry
from emoforge.errors import EmoforgeError
from emoforge.outputs import written_aside
from emoforge.publish.hub import HUB_SPLITS
from emoforge.publish.licences import combine, hub_licence

_TEMPLATE = "card.md.jinja"

_CONSENT_RECORDED = (
    "The voices are those of people who recorded neutral speech under the terms of the corpora above. Nothing here "
    "shows that they were asked about being converted. If a speaker withdraws, every clip in their voice is found by "
    "`speaker` and `source_clip_id` and must be removed."
)
_CONSENT_SYNTHETIC = "The voices are a speech synthesiser's: no person was recorded, and nobody had to be asked."

# Upper bounds of the Hub's size categories.
_SIZES = (
    (1_000, "n<1K"),
    (10_000, "1K<n<10K"),
    (100_000, "10K<n<100K"),
    (1_000_000, "100K<n<1M"),
    (10_000_000, "1M<n<10M"),
)
_LARGEST_SIZE = "10M<n<100M"


def write_card(
    folder: str | os.PathLike,
    table: pa.Table,
    *,
    provenance: Mapping[str, object] | None = None,
    title: str = "Synthetic emotional speech",
) -> Path:
    """Write ``README.md``, the card of the dataset that :func:`~emoforge.publish.hub.write_dataset` wrote.

    Args:
        folder: of the dataset.
        table: the converted clips, rejected ones included (their reasons make the yields).
        provenance: what the converter learnt from: ``corpora``, ``licences``, ``speakers`` (lists) and ``clips``.
        title: of the card.

    Returns:
        the card's path.

    Raises:
        EmoforgeError: no clip was kept, or a licence forbids publishing (:func:`~emoforge.publish.licences.combine`).
    """
    kept = table.filter(pc.equal(table.column("keep"), True))
    if not len(kept):
        raise EmoforgeError("no clip was kept, so there is nothing to publish; loosen the thresholds of `select`")
    sources = _sources(kept, provenance)
    licence = combine(sources)
    _require_derivatives({corpus for corpus, _ in sources} | set((provenance or {}).get("corpora", [])))
    path = Path(folder) / "README.md"
    with written_aside(path) as aside:
        aside.write_text(_render(table, kept, sources, licence, provenance, title), "utf-8")
    return path


def _render(
    table: pa.Table,
    kept: pa.Table,
    sources: Sequence[tuple[str, str]],
    licence: str,
    provenance: Mapping[str, object] | None,
    title: str,
) -> str:
    from jinja2 import Environment, PackageLoader, StrictUndefined

    # No autoescaping: this is Markdown.
    environment = Environment(
        loader=PackageLoader("emoforge.publish", "."), undefined=StrictUndefined, keep_trailing_newline=True
    )
    return environment.get_template(_TEMPLATE).render(
        header=_header(kept, licence, title),
        title=title,
        n_clips=len(kept),
        n_speakers=pc.count_distinct(kept.column("speaker")).as_py(),
        hours=f"{(pc.sum(kept.column('duration_s')).as_py() or 0) / 3600:.2f}",
        composition=_composition(kept),
        converters=_converters(kept),
        provenance=_learnt_from(provenance),
        n_candidates=len(table),
        share_kept=f"{100 * len(kept) / len(table):.1f}",
        yields=_yields(table),
        fields=_fields(kept),
        licence=licence,
        sources=_markdown_table(["source", "licence", "cite"], [(*pair, _citation(pair[0])) for pair in sources]),
        consent=_CONSENT_SYNTHETIC if _all_synthetic(kept) else _CONSENT_RECORDED,
    )


def _header(kept: pa.Table, licence: str, title: str) -> str:
    """Return the YAML header that the Hub reads."""
    import yaml

    splits = [split for split in HUB_SPLITS if split in set(kept.column("split").to_pylist())]
    header = {
        "pretty_name": title,
        **hub_licence(licence),
        "language": sorted(set(kept.column("language").drop_null().to_pylist())),
        "size_categories": [next((name for bound, name in _SIZES if len(kept) < bound), _LARGEST_SIZE)],
        "annotations_creators": ["machine-generated"],
        "language_creators": ["machine-generated"],
        "source_datasets": [f"extended|other-{name}" for name in sorted(set(kept.column("corpus").to_pylist()))],
        "task_categories": ["audio-classification"],
        "tags": ["speech-emotion-recognition", "emotional-voice-conversion", "synthetic"],
        "configs": [
            {
                "config_name": "default",
                "data_files": [
                    {"split": HUB_SPLITS[split], "path": f"data/{HUB_SPLITS[split]}-*.parquet"} for split in splits
                ],
            }
        ],
    }
    return yaml.safe_dump(header, sort_keys=False, allow_unicode=True)


def _sources(kept: pa.Table, provenance: Mapping[str, object] | None) -> list[tuple[str, str]]:
    """Return the pairs of corpus and licence of every source clip and of what the converter learnt from."""
    pairs = set(zip(kept.column("corpus").to_pylist(), kept.column("licence").to_pylist(), strict=True))
    known = {licence for _, licence in pairs}
    if provenance:
        corpora = ", ".join(provenance.get("corpora", []))
        # Which of several corpora a licence belongs to is not recorded, so all are named.
        pairs |= {(corpora, licence) for licence in provenance.get("licences", []) if licence not in known}
    return sorted(pairs)


def _require_derivatives(corpora: Iterable[str]) -> None:
    """Refuse registered corpora whose own terms, in whatever words, don't grant sharing what is made from them."""
    for name in sorted(set(corpora) & set(registry.names())):
        known = registry.info(name)
        if not known.derivatives:
            raise EmoforgeError(
                f"corpus {name!r} ({known.licence}) does not allow sharing what is made from it; leave that corpus "
                "out, or keep the conversions to yourself"
            )


def _citation(corpora: str) -> str:
    return "; ".join(registry.info(name).citation for name in corpora.split(", ") if name in registry.names())


def _all_synthetic(kept: pa.Table) -> bool:
    corpora = set(kept.column("corpus").to_pylist())
    return corpora <= set(registry.names()) and all(registry.info(name).style == "synthetic" for name in corpora)


def _composition(kept: pa.Table) -> str:
    parts = []
    splits = [split for split in HUB_SPLITS if split in set(kept.column("split").to_pylist())]
    for column in ("emotion", "gender", "speaker"):
        counts = Counter(zip(kept.column(column).to_pylist(), kept.column("split").to_pylist(), strict=True))
        rows = [
            (value, *(counts[value, split] for split in splits), sum(counts[value, split] for split in splits))
            for value in sorted({value for value, _ in counts})
        ]
        parts.append(_markdown_table([column, *(HUB_SPLITS[split] for split in splits), "clips"], rows))
    return "\n".join(parts)


def _converters(kept: pa.Table) -> str:
    columns = [kept.column(name).to_pylist() for name in ("converter", "converter_sha256", "seed")]
    seeds: dict[tuple[str | None, str | None], Counter] = {}
    for converter, checksum, seed in zip(*columns, strict=True):
        seeds.setdefault((converter, checksum), Counter())[seed] += 1
    rows = [
        (converter or "", f"`{checksum or ''}`", sum(counts.values()), _seeds(counts))
        for (converter, checksum), counts in sorted(seeds.items(), key=str)
    ]
    return _markdown_table(["converter", "SHA-256", "clips", "seeds"], rows)


def _seeds(counts: Mapping[int | None, int]) -> str:
    seeds = sorted(seed for seed in counts if seed is not None)
    return ", ".join(map(str, seeds)) if len(seeds) <= 5 else f"{len(seeds)} different, one in each row's `seed`"


def _learnt_from(provenance: Mapping[str, object] | None) -> str:
    if not provenance:
        return ""
    speakers = len(provenance.get("speakers", []))
    return f"{provenance.get('clips', 0)} clips of {speakers} speakers of {', '.join(provenance.get('corpora', []))}"


def _yields(table: pa.Table) -> str:
    """Return the table of filters: how many conversions met each reason, of each emotion."""
    emotions = sorted(set(table.column("emotion").to_pylist()))
    counts: Counter[tuple[str, str]] = Counter()
    for keep, reason, emotion in zip(
        *(table.column(name).to_pylist() for name in ("keep", "reject_reason", "emotion")), strict=True
    ):
        counts["kept" if keep else reason or "not kept", emotion] += 1
    outcomes = sorted({outcome for outcome, _ in counts}, key=lambda outcome: (outcome != "kept", outcome))
    rows = [
        (outcome, *(counts[outcome, emotion] for emotion in emotions), sum(counts[outcome, e] for e in emotions))
        for outcome in outcomes
    ]
    return _markdown_table(["outcome", *emotions, "all"], rows)


def _fields(kept: pa.Table) -> str:
    rows = [("audio", "16-bit mono FLAC", "")]
    for field in kept.schema:
        metadata = field.metadata or {}
        rows.append((field.name, metadata.get(b"description", b"").decode(), metadata.get(b"unit", b"").decode()))
    return _markdown_table(
        ["field", "meaning", "unit"], [row for row in rows if row[0] not in ("keep", "reject_reason", "split")]
    )


def _markdown_table(header: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    lines = [header, ["---"] * len(header), *rows]
    return "".join("| " + " | ".join(str(cell).replace("|", r"\|") for cell in line) + " |\n" for line in lines)
