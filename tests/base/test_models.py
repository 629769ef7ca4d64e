import json

import numpy as np
import pytest

from emoforge.base.errors import ModelError
from emoforge.base.models import ModelFiles

FILES = ModelFiles(
    noun="toy", missing="not found; build a toy first", again="build the toy again", version_key="version", indent=2
)
ARRAYS = {
    "weights": np.arange(6, dtype=np.float32).reshape(2, 3).T,
    "counts": np.array([1, 2], dtype=np.int64),
    "empty": np.zeros((0, 4)),
}


def write(folder, **changes):
    FILES.write(folder, **({"kind": "car", "version": 3, "description": {"name": "Käfer"}, "arrays": ARRAYS} | changes))


def test_what_was_written_is_read(tmp_path):
    write(tmp_path / "a" / "b")
    description = FILES.read_description(tmp_path / "a" / "b", kind="car", version=3)
    assert description == {"kind": "car", "version": 3, "name": "Käfer"}
    arrays = FILES.read_arrays(tmp_path / "a" / "b")
    assert arrays.keys() == ARRAYS.keys()
    for name, array in ARRAYS.items():
        assert arrays[name].dtype == array.dtype
        np.testing.assert_array_equal(arrays[name], array)


def test_the_order_in_which_things_are_given_changes_no_byte(tmp_path):
    write(tmp_path / "a", description={"x": 1, "y": 2})
    write(tmp_path / "b", description={"y": 2, "x": 1}, arrays=dict(reversed(ARRAYS.items())))
    for name in ("toy.json", "toy.safetensors"):
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()


def test_a_model_without_arrays_is_one_file(tmp_path):
    write(tmp_path, arrays=None)
    assert [path.name for path in tmp_path.iterdir()] == ["toy.json"]


def test_a_state_dict_comes_back_into_its_network(tmp_path):
    import torch

    def network():
        return torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.BatchNorm1d(4))

    trained, fresh = network(), network()
    trained(torch.ones(2, 3))  # BatchNorm counts its batches in an array without dimensions
    write(tmp_path, arrays={name: tensor.numpy() for name, tensor in trained.state_dict().items()})
    arrays = {name: torch.from_numpy(array) for name, array in FILES.read_arrays(tmp_path).items()}
    with FILES.rebuilding(tmp_path):
        fresh.load_state_dict(arrays)
    for name, tensor in trained.state_dict().items():
        assert torch.equal(fresh.state_dict()[name], tensor)
    with pytest.raises(ModelError, match="the toy is damaged; build the toy again"), FILES.rebuilding(tmp_path):
        torch.nn.Linear(3, 4).load_state_dict(arrays)


@pytest.mark.parametrize(
    ("text", "line"),
    [
        (None, r"toy\.json: not found; build a toy first"),
        ("{", r"toy\.json: not JSON .*; build the toy again"),
        ("[]", r"toy\.json: key 'kind' is missing"),
        ('{"version": 3}', r"toy\.json: key 'kind' is missing"),
        ('{"kind": "boat", "version": 3}', r"toy\.json: a 'boat' toy, not 'car'; load it by its own kind"),
        ('{"kind": "car", "version": 4}', r"toy\.json: version 4, this emoforge reads 3; build the toy again"),
        ('{"kind": "car"}', r"toy\.json: version None, this emoforge reads 3"),
    ],
)
def test_a_description_that_does_not_fit_is_one_line(tmp_path, text, line):
    if text is not None:
        (tmp_path / "toy.json").write_text(text)
    with pytest.raises(ModelError, match=line) as caught:
        FILES.read_description(tmp_path, kind="car", version=3)
    assert "\n" not in str(caught.value)


def test_any_kind_and_version_is_read_where_none_is_asked_for(tmp_path):
    write(tmp_path, kind="boat", version=7)
    assert FILES.read_description(tmp_path)["kind"] == "boat"


def test_damaged_and_missing_arrays_are_one_line(tmp_path):
    for content in (None, b"nothing"):
        if content is not None:
            (tmp_path / "toy.safetensors").write_bytes(content)
        with pytest.raises(ModelError, match=r"toy\.safetensors: missing or damaged .*; build the toy again") as caught:
            FILES.read_arrays(tmp_path)
        assert "\n" not in str(caught.value)


def test_a_key_that_a_model_lacks_is_named(tmp_path):
    write(tmp_path)
    description = json.loads((tmp_path / "toy.json").read_text("utf-8"))
    with pytest.raises(ModelError, match="the toy lacks 'wheels'; build the toy again"), FILES.rebuilding(tmp_path):
        description["wheels"]
