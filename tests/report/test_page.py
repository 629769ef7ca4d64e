"""The page: one valid file that holds exactly what was passed in."""

import base64
import itertools
import re
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest

from emoforge.base.audio import decode, encode_flac
from emoforge.base.errors import EmoforgeError
from emoforge.report.page import Confidence, Example, write_page
from emoforge.report.plots import plot_arms, plot_confusion, plot_yields

VOID = {"meta", "link", "br", "img", "input", "hr", "wbr"}


class Page(HTMLParser):
    """Checks that tags nest, and collects tables, players, headings, ids and references."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.rows: list[list[str]] = []
        self.feed(html)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)
        if tag == "tr":
            self.rows.append([])
        if tag in ("td", "th"):
            self.rows[-1].append("")

    def handle_startendtag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if {"td", "th"} & set(self.open) and "span" not in self.open:
            self.rows[-1][-1] += data.strip()

    def all(self, name: str) -> list[dict[str, str | None]]:
        return [attributes for tag, attributes in self.tags if tag == name]


def arm(uar: float, n_clips: int) -> dict[str, float]:
    return {
        "uar": uar,
        "uar_ci_low": uar - 0.05,
        "uar_ci_high": uar + 0.04,
        "wa": uar + 0.011,
        "macro_f1": uar - 0.012,
        "ece": 0.0815,
        "n_clips": n_clips,
        "n_speakers": 3,
        "not_enrolled": {"uar": uar - 0.07},
        "recogniser": "encoder+functionals",
        "encoder": "whisper-tiny.en",
    }


METRICS = {
    "real": arm(0.6123, 1432),
    "classical": arm(0.6234, 1432),
    "synthetic": arm(0.6551, 1432),
    "synthetic+classical": arm(0.6482, 1432),
    "gain": {"uar": 0.0428, "ci_low": 0.004, "ci_high": 0.081, "p": 0.031},
}
SELECTION = {
    "all": {"in": 30, "out": 12, "reasons": {"min_confidence": 11, "over_ratio": 7}},
    "anger": {"in": 20, "out": 5, "reasons": {"min_confidence": 11, "over_ratio": 4}},
    "fear": {"in": 10, "out": 7, "reasons": {"over_ratio": 3}},
}


def clip(seed: int) -> bytes:
    return encode_flac(np.random.default_rng(seed).uniform(-0.1, 0.1, 1600).astype(np.float32), 16000)


EXAMPLES = [
    Example(
        'F01 says <b>"five & six"</b>: confidence 0.71', {"source": clip(0), "converted": clip(1), "real": clip(4)}
    ),
    Example("M01: naturalness 3.02", {"source": clip(2), "converted": clip(3)}),
]
SUBJECT = {"corpus": "nemo", "licence": "CC-BY-NC-SA-4.0", "commit": "abc123+changes"}
PARAMETERS = {"seed": 7, "select.min_confidence": 0.25}
CONFIDENCE = {"anger": Confidence(0.81, 0.42, 0.63), "fear": Confidence(0.7, 0.3, None)}


def write(folder: Path, **changes) -> str:
    plots = [
        plot_arms(METRICS),
        plot_yields(SELECTION),
        plot_confusion(np.eye(2), ["anger", "fear"], title="Real"),
        plot_confusion(np.eye(2), ["anger", "fear"], title="Synthetic"),
    ]
    inputs = {
        "metrics": METRICS,
        "selection": SELECTION,
        "plots": plots,
        "examples": EXAMPLES,
        "subject": SUBJECT,
        "parameters": PARAMETERS,
        "confidence": CONFIDENCE,
        "judge": "encoder, on whisper-tiny.en",
    }
    return write_page(folder / "index.html", **(inputs | changes)).read_text("utf-8")


@pytest.fixture(scope="module")
def html(tmp_path_factory: pytest.TempPathFactory) -> str:
    return write(tmp_path_factory.mktemp("page"))


def test_arms_table_equals_the_metrics(html: str):
    rows = {row[0]: row[1:] for row in Page(html).rows}
    for name, values in METRICS.items():
        if name != "gain":
            interval = f"{values['uar_ci_low']:.3f} to {values['uar_ci_high']:.3f}"
            figures = [f"{values[key]:.3f}" for key in ("wa", "macro_f1", "ece")]
            alone = f"{values['uar'] - 0.07:.3f}"
            assert rows[name] == [f"{values['uar']:.3f}", interval, alone, *figures, "1,432", "3"]
    assert "The recogniser: encoder+functionals, on whisper-tiny.en." in html
    assert html.count("highest</span>") == 1
    assert 'class="best"><th scope="row">synthetic ' in html


def test_selection_table_equals_the_counts(tmp_path: Path):
    page = Page(write(tmp_path, confidence={}))
    rows = {row[0]: row[1:] for row in page.rows}
    assert rows["emotion"] == ["scored", "kept", "share", "min confidence", "over ratio"]
    assert rows["all"] == ["30", "12", "40 %", "11", "7"]
    assert rows["anger"] == ["20", "5", "25 %", "11", "4"]
    assert rows["fear"] == ["10", "7", "70 %", "0", "3"]


def test_the_page_says_what_it_is_of(html: str):
    for name, value in SUBJECT.items():
        assert f"<dt>{name}</dt><dd>{value}</dd>" in html
    rows = {row[0]: row[1:] for row in Page(html).rows}
    assert rows["select.min_confidence"] == ["0.25"]
    assert rows["seed"] == ["7"]


def test_the_judge_on_real_clips_stands_beside_the_judge_on_conversions(tmp_path: Path):
    html = write(tmp_path, selection={}, parameters={})
    rows = {row[0]: row[1:] for row in Page(html).rows}
    assert rows["emotion"] == ["real clips", "conversions", "kept conversions"]
    assert rows["anger"] == ["0.81", "0.42", "0.63"]
    assert rows["fear"] == ["0.70", "0.30", ""]


@pytest.mark.parametrize(
    ("low", "high", "words"),
    [(0.004, 0.081, "clips helped"), (-0.09, -0.01, "clips hurt"), (-0.02, 0.05, "made no difference")],
)
def test_verdict_follows_the_interval(tmp_path: Path, low: float, high: float, words: str):
    gain = {"uar": (low + high) / 2, "ci_low": low, "ci_high": high, "p": 0.2}
    verdict = re.search(r'class="verdict">(.*?)</p>', write(tmp_path, metrics=METRICS | {"gain": gain}))[1]
    assert words in verdict
    assert f"{gain['uar']:+.3f} (95 % interval {low:+.3f} to {high:+.3f}, p = 0.2)" in verdict.replace("&#43;", "+")


def test_every_example_decodes_back_to_its_bytes(html: str):
    players = Page(html).all("audio")
    expected = [flac for example in EXAMPLES for flac in example.clips.values()]
    found = [base64.b64decode(player["src"].removeprefix("data:audio/flac;base64,")) for player in players]
    assert found == expected
    assert len(decode(found[0])[0]) == 1600


def test_captions_are_text_and_not_markup(html: str):
    assert "<b>" not in html
    assert 'F01 says <b>"five & six"</b>: confidence 0.71' in " ".join(
        player["aria-label"] or "" for player in Page(html).all("audio")
    )


def test_accessible(html: str):
    page = Page(html)
    assert page.all("html")[0]["lang"] == "en"
    assert all(svg["role"] == "img" and svg["aria-label"] for svg in page.all("svg"))
    assert all(player["aria-label"] and "controls" in player for player in page.all("audio"))
    headings = [int(tag[1]) for tag, _ in page.tags if re.fullmatch(r"h[1-6]", tag)]
    assert headings.count(1) == 1
    assert all(after - before <= 1 for before, after in itertools.pairwise(headings))
    assert all(cell.get("scope") for cell in page.all("th"))


def test_a_second_judge_stands_beside_the_first(tmp_path: Path):
    two = {"anger": Confidence(0.81, 0.42, 0.63, (0.77, 0.66)), "fear": Confidence(0.7, 0.3, None, (0.5, None))}
    html = write(tmp_path, confidence=two)
    rows = {row[0]: row[1:] for row in Page(html).rows}
    assert rows["anger"] == ["0.81", "0.42", "0.63", "0.77", "0.66"]
    assert rows["fear"] == ["0.70", "0.30", "", "0.50", ""]
    assert "The judge: encoder, on whisper-tiny.en. A second judge" in html
    assert "second judge" not in write(tmp_path).lower()


def test_self_contained(html: str):
    page = Page(html)
    assert not page.all("script")
    assert not page.all("link")
    for _, attributes in page.tags:
        for name in ("src", "href", "xlink:href"):
            assert (attributes.get(name) or "#").startswith(("#", "data:"))
    assert "prefers-color-scheme: dark" in html


def test_ids_are_unique_and_references_resolve(html: str):
    page = Page(html)
    ids = [attributes["id"] for _, attributes in page.tags if "id" in attributes]
    assert len(ids) == len(set(ids))
    references = re.findall(r"url\(#([^)]+)\)", html)
    references += [a[name][1:] for _, a in page.tags for name in ("href", "xlink:href") if name in a]
    references += [a[name] for _, a in page.tags for name in ("aria-labelledby", "aria-describedby") if name in a]
    assert references
    assert set(references) <= set(ids)


def test_same_input_same_bytes(tmp_path: Path):
    assert write(tmp_path / "one") == write(tmp_path / "two")


def test_empty_sections_are_left_out(tmp_path: Path):
    page = Page(write(tmp_path, selection={}, plots=[], examples=[], subject={}, parameters={}, confidence={}))
    assert [section["id"] for section in page.all("section")] == ["recognition"]


def test_incomplete_metrics_are_named(tmp_path: Path):
    with pytest.raises(EmoforgeError, match="hold no arm"):
        write(tmp_path, metrics={"gain": METRICS["gain"]}, plots=[])
    with pytest.raises(EmoforgeError, match="arm 'real' of the metrics lacks uar_ci_low"):
        write(tmp_path, metrics={"real": {"uar": 0.5, "uar_ci_high": 0.6}}, plots=[])
    assert list(tmp_path.iterdir()) == []
