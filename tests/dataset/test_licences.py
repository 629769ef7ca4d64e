"""Combining licences: the strictest wins, no-derivatives and conflicts are refused."""

import itertools

import pytest

from emoforge.base.errors import EmoforgeError
from emoforge.corpora import registry
from emoforge.dataset.licences import combine, derived, hub_licence, not_stated, spelt, terms_of, with_stated


@pytest.mark.parametrize(
    ("licences", "expected"),
    [
        (["CC0-1.0"], "CC0-1.0"),
        (["CC0-1.0", "CC-BY-4.0"], "CC-BY-4.0"),
        (["CC-BY-4.0", "CC-BY-SA-4.0"], "CC-BY-SA-4.0"),
        (["CC0-1.0", "ODbL-1.0"], "ODbL-1.0"),
        (["CC0-1.0", "MIT", "Apache-2.0"], "Apache-2.0"),
        (["MIT", "Apache-2.0", "CC-BY-4.0"], "CC-BY-4.0"),
        (["MIT", "ODbL-1.0"], "ODbL-1.0"),
        (["CC-BY-4.0", "CC-BY-NC-4.0"], "CC-BY-NC-4.0"),
        (["CC-BY-NC-4.0", "CC-BY-NC-SA-4.0"], "CC-BY-NC-SA-4.0"),
        (["CC-BY-NC-SA-3.0", "CC-BY-NC-SA-4.0"], "CC-BY-NC-SA-4.0"),
        (["CC-BY-NC-4.0", "research use only"], "research use only"),
        (["non-commercial purposes only", "research use only"], "research use only"),
    ],
)
def test_the_most_restrictive_wins_in_any_order(licences: list[str], expected: str):
    for order in itertools.permutations(licences):
        assert combine([(f"corpus{index}", licence) for index, licence in enumerate(order)]) == expected


@pytest.mark.parametrize("licence", ["CC-BY-ND-4.0", "CC-BY-NC-ND-4.0"])
def test_no_derivatives_is_refused_by_name(licence: str):
    with pytest.raises(EmoforgeError, match=rf"'tess' is under {licence}, which allows no derivatives"):
        combine([("demo", "CC0-1.0"), ("tess", licence)])


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("CC-BY-SA-4.0", "CC-BY-NC-SA-4.0"),
        ("CC-BY-SA-4.0", "CC-BY-NC-4.0"),
        ("CC-BY-SA-4.0", "ODbL-1.0"),
        ("ODbL-1.0", "CC-BY-NC-SA-4.0"),
        ("CC-BY-NC-SA-4.0", "research use only"),
    ],
)
def test_conflicting_licences_are_named(one: str, other: str):
    with pytest.raises(EmoforgeError, match="the two conflict") as caught:
        combine([("first", one), ("second", other)])
    assert all(name in str(caught.value) for name in (one, other, "first", "second"))


def test_what_is_not_granted_is_refused():
    with pytest.raises(EmoforgeError, match=r"'academic licence, by agreement' of corpus 'msp_podcast' is not known"):
        combine([("msp_podcast", "academic licence, by agreement")])
    with pytest.raises(EmoforgeError, match="no licence to combine"):
        combine([])


def test_registry_and_licences_agree_about_derivatives():
    """Standard licences say themselves whether derivatives are allowed; importers must not say otherwise."""
    standard = [
        known
        for known in map(registry.info, registry.names())
        if known.licence.startswith(("CC", "ODbL", "MIT", "Apache"))
    ]
    assert len(standard) >= 5
    for known in standard:
        assert terms_of(known.licence).derivatives == known.derivatives, known.name


def test_hub_names():
    assert hub_licence("CC-BY-NC-SA-4.0") == {"license": "cc-by-nc-sa-4.0"}
    assert hub_licence("ODbL-1.0") == {"license": "odbl"}
    assert hub_licence("Apache-2.0") == {"license": "apache-2.0"}
    assert hub_licence("research use only") == {"license": "other", "license_name": "research-use-only"}


@pytest.mark.parametrize(
    ("licence", "stated", "expected"),
    [
        (not_stated("mine"), "CC-BY-4.0", "CC-BY-4.0"),
        (not_stated("mine"), "", not_stated("mine")),
        # What was learnt from another corpus, or registered, holds beside what is stated.
        (derived(["CC-BY-NC-4.0", not_stated("mine")]), "CC-BY-4.0", "CC-BY-NC-4.0"),
        (derived(["CC0-1.0", not_stated("mine")]), "CC-BY-NC-SA-4.0", "CC-BY-NC-SA-4.0"),
        ("CC-BY-NC-4.0", "CC0-1.0", "CC-BY-NC-4.0"),
        # The licence of somebody else's corpus is not mine to state.
        (derived([not_stated("theirs"), not_stated("mine")]), "CC0-1.0", f"CC0-1.0 AND {not_stated('theirs')}"),
        (not_stated("mine"), "CC-BY-ND-4.0", "CC-BY-ND-4.0"),
    ],
)
def test_a_stated_licence_takes_the_place_of_none_and_no_other(licence, stated, expected):
    assert with_stated(licence, stated, ["mine"]) == expected


def test_a_licence_that_is_not_stated_says_how_to_state_it():
    with pytest.raises(EmoforgeError, match=r"corpus 'mine' is not stated; .*`corpus\.licence`.*corpora import"):
        combine([("table", not_stated("mine"))])


@pytest.mark.parametrize(
    ("typed", "expected"),
    [("cc by-sa 4.0", "CC-BY-SA-4.0"), ("cc0-1.0", "CC0-1.0"), ("odbl-1.0", "ODbL-1.0"), (" my terms ", "my terms")],
)
def test_known_licences_are_understood_however_they_are_spelt(typed, expected):
    assert spelt(typed) == expected
