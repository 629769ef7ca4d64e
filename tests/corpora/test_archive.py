"""Archives that were damaged, or are out to do harm."""

import io
import tarfile
import zipfile

import pytest
from tests.corpora.downloads import FILES, get, tarred, zipped

from emoforge.base.errors import CorpusError
from emoforge.corpora.archive import unpack


def link(name, target, kind=tarfile.SYMTYPE):
    member = tarfile.TarInfo(name)
    member.type, member.linkname = kind, target
    return member


def zip_link():
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        member = zipfile.ZipInfo("Actor_01")
        member.external_attr = 0o120777 << 16
        archive.writestr(member, "/etc")
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("filename", "data"),
    [
        ("x.zip", zipped(FILES | {"../escaped.txt": b"!"})),
        ("x.zip", zipped(FILES | {"/escaped.txt": b"!"})),
        ("x.zip", zipped(FILES | {"a/../../escaped.txt": b"!"})),
        ("x.zip", zipped(FILES | {"..\\escaped.txt": b"!"})),
        ("x.zip", zipped(FILES | {"C:escaped.txt": b"!"})),
        ("x.zip", zip_link()),
        ("x.tar.gz", tarred(FILES | {"../escaped.txt": b"!"})),
        ("x.tar.gz", tarred(FILES | {"/escaped.txt": b"!"})),
        ("x.tar.gz", tarred(FILES, [link("out", "/etc")])),
        ("x.tar.gz", tarred(FILES, [link("out", "../..")])),
        ("x.tar.gz", tarred(FILES, [link("hard", "../secret", tarfile.LNKTYPE)])),
        ("x.tar.gz", tarred(FILES, [link("pipe", "", tarfile.FIFOTYPE)])),
    ],
)
def test_malicious_archives_write_nothing(filename, data, server, tmp_path):
    server.data = data
    with pytest.raises(CorpusError, match="refused"):
        get(server, tmp_path / "a" / "b", server.download(filename))
    assert not any(path.is_file() or path.is_symlink() for path in tmp_path.rglob("*"))


@pytest.mark.parametrize(
    ("filename", "data"),
    [("x.zip", b"<html>not here</html>"), ("x.tar.gz", b"<html>"), ("x.tar.gz", tarred()[:-200]), ("x.tar", b"")],
)
def test_damaged_archives_are_deleted_and_reported(filename, data, server, tmp_path):
    server.data = data or b"\0"
    with pytest.raises(CorpusError, match=r"damaged|cannot be unpacked"):
        get(server, tmp_path, server.download(filename, exact=False))
    assert not any(path.is_file() for path in tmp_path.rglob("*"))


def test_a_damaged_member_is_found(tmp_path):
    data = bytearray(zipped())
    data[data.index(b"RIFF") + 10] ^= 0xFF
    (tmp_path / "x.zip").write_bytes(bytes(data))
    with pytest.raises(CorpusError, match="damaged"):
        unpack(tmp_path / "x.zip", tmp_path / "out")
