"""The dataset card: who is in the set, how it was made and filtered, and what it may be used for.

Every figure comes from the clips themselves or from how they were made, so that the card cannot drift from the set.
"""

from collections.abc import Iterable, Mapping
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from emoforge.base.tables import markdown_table
from emoforge.corpora import registry
from emoforge.dataset.licences import hub_licence
from emoforge.sharing import tables
from emoforge.sharing.formats.registry import FORMATS, Format
from emoforge.sharing.formats.shards import SPLIT_NAMES
from emoforge.sharing.permission import Permission

_TEMPLATE = "card.md.jinja"

_CONSENT_RECORDED = (
    "The voices are those of people who recorded neutral speech under the terms of the corpora above. Nothing here "
    "shows that they were asked about being converted. If a speaker withdraws, every clip in their voice is found by "
    "`speaker` and `source_clip_id` and must be removed; `emoforge withdraw` does it."
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


def render_card(
    clips: pa.Table, provenance: Mapping[str, Any], permission: Permission, written_as: Format, *, title: str
) -> str:
    """Return the card as Markdown, with the header that the Hub reads.

    Args:
        clips: the clips of the set, a manifest.
        provenance: as :func:`emoforge.sharing.provenance.describe` made it.
        permission: under what they may be shared.
        written_as: the format of the set.
        title: of the card.
    """
    from jinja2 import Environment, PackageLoader, StrictUndefined

    # No autoescaping: this is Markdown.
    environment = Environment(
        loader=PackageLoader("emoforge.sharing", "."), undefined=StrictUndefined, keep_trailing_newline=True
    )
    results = provenance["results"]
    first_split = tables.present_splits(clips)[0]
    return environment.get_template(_TEMPLATE).render(
        header=_header(clips, permission, written_as, title),
        title=title,
        n_clips=len(clips),
        n_speakers=pc.count_distinct(clips.column("speaker")).as_py(),
        hours=f"{pc.sum(clips.column('duration_s')).as_py() / 3600:.2f}",
        composition=tables.composition(clips),
        version=provenance["emoforge"],
        converters=tables.converters(clips),
        learnt_from=_learnt_from(provenance),
        repeatable=provenance["converter"].get("program", {}).get("deterministic", True),
        params=tables.parameters(provenance["params"]),
        n_candidates=sum(sum(counts.values()) for counts in provenance["yields"].values()),
        n_kept=sum(provenance["yields"]["kept"].values()),
        yields=tables.yields(provenance["yields"]),
        scores=tables.scores(clips),
        recognised=tables.recognised(clips),
        judge=tables.judge(clips),
        arms=tables.arms(results) if results else "",
        recogniser=tables.recogniser(results) if results else "",
        gain=_gain(results) if results else "",
        fields=tables.fields(clips),
        loading=written_as.loading.format(split=SPLIT_NAMES[first_split], manifest_split=first_split),
        note=written_as.note,
        formats=", ".join(FORMATS),
        licence=permission.licence,
        sources=markdown_table(
            ["source", "licence", "cite"],
            [
                (_titled(corpora, provenance), licence, "; ".join(citations(corpora.split(", "), provenance)))
                for corpora, licence in permission.sources
            ],
        ),
        consent=consent(permission),
    )


def consent(permission: Permission) -> str:
    """Return what is known of the consent of the people whose voices a set holds."""
    sources = {name for corpora, _ in permission.sources for name in corpora.split(", ")}
    synthetic = sources == set(permission.corpora) and all(
        registry.info(name).style == "synthetic" for name in permission.corpora
    )
    return _CONSENT_SYNTHETIC if synthetic else _CONSENT_RECORDED


def citations(corpora: Iterable[str], provenance: Mapping[str, Any]) -> list[str]:
    """Return what is to be cited for *corpora*: registered ones, and those whose owner states it."""
    found = []
    for name in corpora:
        stated = provenance.get("corpora", {}).get(name, {}).get("citation", "")
        if citation := stated or (registry.info(name).citation if name in registry.names() else ""):
            found.append(citation)
    return found


def _header(clips: pa.Table, permission: Permission, written_as: Format, title: str) -> str:
    """Return the YAML header that the Hub reads."""
    import yaml

    header = {
        "pretty_name": title,
        **hub_licence(permission.licence),
        "language": sorted(set(clips.column("language").drop_null().to_pylist())),
        "size_categories": [next((name for bound, name in _SIZES if len(clips) < bound), _LARGEST_SIZE)],
        "annotations_creators": ["machine-generated"],
        "language_creators": ["machine-generated"],
        "source_datasets": [f"extended|other-{name}" for name in sorted(set(clips.column("corpus").to_pylist()))],
        "task_categories": ["audio-classification"],
        "tags": ["speech-emotion-recognition", "emotional-voice-conversion", "synthetic"],
    }
    if written_as.shard_suffix:
        splits = [SPLIT_NAMES[split] for split in tables.present_splits(clips)]
        files = [{"split": split, "path": f"data/{split}-*{written_as.shard_suffix}"} for split in splits]
        header["configs"] = [{"config_name": "default", "data_files": files}]
    return yaml.safe_dump(header, sort_keys=False, allow_unicode=True)


def _learnt_from(provenance: Mapping[str, Any]) -> str:
    """Return what the converter learnt from, or which program it is, in words; empty where nobody said."""
    converter = provenance["converter"]
    speakers, corpora = len(converter.get("speakers", [])), ", ".join(converter.get("corpora", []))
    clips = f"{converter.get('clips', 0)} clips of {speakers} speakers of {_titled(corpora, provenance)}"
    if "program" not in converter:
        return f"The converter learnt from {clips}." if corpora else ""
    program = converter["program"]
    parts = [
        f"{part} under {licence}" + (f" (SHA-256 `{program['checksums'][part]}`)" if part != "outputs" else "")
        for part, licence in program["licences"].items()
        if licence
    ]
    styles = f" It copied the style of clips among {clips}." if corpora else ""
    return f"The converter is the program {program['name']} {program['version']}: {', '.join(parts)}.{styles}"


def _titled(corpora: str, provenance: Mapping[str, Any]) -> str:
    """Return the names *corpora*, joined by commas, each with the title that its owner states."""
    stated = provenance.get("corpora", {})
    titles = {name: stated[name]["title"] for name in stated if "title" in stated[name]}
    return ", ".join(f"{titles[name]} ({name})" if name in titles else name for name in corpora.split(", "))


def _gain(results: Mapping[str, Mapping[str, float]]) -> str:
    """Return in words what the set changed, and whether that is beyond chance."""
    gain = results["gain"]
    low, high = gain["ci_low"], gain["ci_high"]
    if low > 0:
        verdict = "it helped here"
    elif high < 0:
        verdict = "it hurt here"
    else:
        verdict = "the interval holds zero, so neither a gain nor a loss is shown"
    return (
        f"Adding the set changed UAR by {gain['uar']:+.3f} (95 % interval {low:+.3f} to {high:+.3f}, "
        f"p {gain['p']:.3f}): {verdict}."
    )
