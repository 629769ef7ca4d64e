"""Corpora that are fetched clip by clip, from a server on this machine."""

import io

import numpy as np
import pytest
import soundfile
from tests.corpora.downloads import files_below, get

from emoforge import corpora
from emoforge.base.errors import CorpusError
from emoforge.corpora.recording import Listing

CLIPS = [f"{actor}_{sentence}_ANG_XX" for actor in (1001, 1002, 1003) for sentence in ("DFA", "IEO", "TIE", "WSI")]
POINTER = b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 1\n"


def listed(server, *, names=CLIPS, column="Filename", hosts=("a",)):
    """Put a table and a tiny WAV file for each name on *server*; return the listing and the files by their path."""
    server.by_path["/list.csv"] = ('"Number","Filename"\n' + "".join(f'1,"{name}"\n' for name in names)).encode()
    files = {}
    for number, name in enumerate(CLIPS):
        buffer = io.BytesIO()
        soundfile.write(buffer, np.full(200 + number, 0.1), 8000, format="WAV")
        files[f"AudioWAV/{name}.wav"] = buffer.getvalue()
        for host in hosts:
            server.by_path[f"/{host}/{name}.wav"] = buffer.getvalue()
    addresses = tuple(f"{server.url}/{host}/{{name}}.wav" for host in hosts)
    listing = Listing(f"{server.url}/list.csv", "list.csv", column=column, addresses=addresses, folder="AudioWAV")
    return listing, files


def test_listed_files_are_fetched_one_by_one_and_once(server, tmp_path):
    told = []
    listing, files = listed(server, names=[*CLIPS, CLIPS[0], ""])
    root = get(server, tmp_path, listing, name="crema-d", progress=lambda *args: told.append(args))
    assert files_below(root) == files
    assert [path.name for path in tmp_path.iterdir()] == ["crema-d"]
    assert sorted(server.paths) == sorted(["/list.csv", *(f"/a/{name}.wav" for name in CLIPS)])
    assert told == [(count, len(CLIPS), "AudioWAV") for count in range(len(CLIPS) + 1)]
    assert {recording.speaker for recording in corpora.read("crema-d", root)} == {"1001", "1002", "1003"}
    assert get(server, tmp_path, listing, name="crema-d") == root
    assert len(server.paths) == len(CLIPS) + 1


def test_a_listed_file_whose_connection_drops_is_asked_for_again(server, tmp_path):
    listing, files = listed(server)
    server.cut_of = {f"/a/{CLIPS[3]}.wav": 2}
    assert files_below(get(server, tmp_path, listing, name="crema-d")) == files


def test_one_missing_file_is_named_and_the_others_stay(server, tmp_path):
    listing, files = listed(server)
    server.status_of = {f"/a/{CLIPS[2]}.wav": 404}
    with pytest.raises(CorpusError) as caught:
        get(server, tmp_path, listing, name="crema-d")
    kept = tmp_path / ".crema-d-arriving" / "AudioWAV"
    assert str(caught.value) == (
        f"{server.url}/a/{CLIPS[2]}.wav answers with status 404; 11 of 12 files are here and kept in {kept}, "
        "call again to go on"
    )
    assert not (tmp_path / "crema-d").exists()
    assert files_below(kept.parent).items() > {path: files[path] for path in files if CLIPS[2] not in path}.items()
    server.status_of = {}
    server.paths.clear()
    assert files_below(get(server, tmp_path, listing, name="crema-d")) == files
    assert server.paths == [f"/a/{CLIPS[2]}.wav"]


def test_a_server_that_refuses_everything_is_not_asked_for_everything(server, tmp_path):
    names = [f"{actor}_DFA_ANG_XX" for actor in range(1001, 1092)]
    listing, _ = listed(server, names=names)
    server.status_of = {f"/a/{name}.wav": 403 for name in names}
    with pytest.raises(CorpusError, match=r"1\d{3}_DFA_ANG_XX.wav answers with status 403 \(and 9 more of 91 files\)"):
        get(server, tmp_path, listing, name="crema-d")
    assert len(server.paths) < len(names) / 2


def test_a_killed_fetch_goes_on_where_it_was(server, tmp_path):
    listing, files = listed(server)

    def kill(have, total, name):
        if have == 4:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        get(server, tmp_path, listing, name="crema-d", progress=kill)
    kept = set(files_below(tmp_path / ".crema-d-arriving")) & set(files)
    assert len(kept) >= 4
    server.paths.clear()
    assert files_below(get(server, tmp_path, listing, name="crema-d")) == files
    assert {path.replace("/a/", "AudioWAV/") for path in server.paths} == set(files) - kept


def test_a_file_that_one_address_refuses_comes_from_the_next(server, tmp_path):
    listing, files = listed(server, hosts=("a", "b"))
    server.status_of = {f"/a/{CLIPS[0]}.wav": 404, f"/a/{CLIPS[1]}.wav": 509}
    server.by_path[f"/a/{CLIPS[2]}.wav"] = POINTER
    assert files_below(get(server, tmp_path, listing, name="crema-d")) == files
    assert sorted(path for path in server.paths if path.startswith("/b/")) == [f"/b/{name}.wav" for name in CLIPS[:3]]


def test_git_lfs_pointers_are_refused_and_not_kept(server, tmp_path):
    listing, files = listed(server)
    server.by_path[f"/a/{CLIPS[5]}.wav"] = POINTER
    with pytest.raises(CorpusError, match=f"{CLIPS[5]}.wav gives a Git LFS pointer, not audio; 11 of 12 files"):
        get(server, tmp_path, listing, name="crema-d")
    assert POINTER not in files_below(tmp_path).values()
    server.by_path[f"/a/{CLIPS[5]}.wav"] = files[f"AudioWAV/{CLIPS[5]}.wav"]
    assert files_below(get(server, tmp_path, listing, name="crema-d")) == files


@pytest.mark.parametrize(
    ("names", "column", "complaint"),
    [
        (["../escaped"], "Filename", r"lists '\.\./escaped', which is not a plain file name; refused"),
        ([".hidden"], "Filename", "not a plain file name"),
        (["a\\b"], "Filename", "not a plain file name"),
        ([], "Filename", "lists no files"),
        (CLIPS, "fileName", "has no column fileName; it has Number, Filename"),
    ],
)
def test_listings_that_cannot_be_used(names, column, complaint, server, tmp_path):
    listing, _ = listed(server, names=names, column=column)
    with pytest.raises(CorpusError, match=complaint):
        get(server, tmp_path, listing, name="crema-d")
    assert server.paths == ["/list.csv"]
    assert files_below(tmp_path) == {}


def test_every_file_of_a_published_listing_has_an_address_of_its_own():
    listings = [item for name in corpora.names() for item in corpora.info(name).downloads if isinstance(item, Listing)]
    assert listings
    for listing in listings:
        for address in listing.addresses:
            assert address.startswith("https://")
            assert address.format(name="1001_DFA_ANG_XX").endswith(f"/1001_DFA_ANG_XX{listing.suffix}")
