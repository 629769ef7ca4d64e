from pathlib import Path

import pytest
import yaml

from emoforge.base.errors import ParamsError
from emoforge.convert import registry
from emoforge.project.params import Params, explain, load_params, resolved
from emoforge.ser.registry import KINDS

PARAMS = Path(__file__).resolve().parents[2] / "params.yaml"


def changed(tmp_path, section, key, value):
    values = yaml.safe_load(PARAMS.read_text("utf-8"))
    (values if section is None else values[section])[key] = value
    path = tmp_path / "params.yaml"
    path.write_text(yaml.safe_dump(values), "utf-8")
    return path


def test_the_committed_file_is_valid_and_frozen():
    params = load_params(PARAMS)
    with pytest.raises(ValueError, match="frozen"):
        params.seed = 1


@pytest.mark.parametrize(
    ("section", "key", "value", "message"),
    [
        ("select", "min_confidense", 0.5, "unknown key 'min_confidense' (did you mean 'min_confidence'?)"),
        (None, "selct", {}, "unknown key 'selct' (did you mean 'select'?)"),
        ("select", "min_confidence", 1.5, "select.min_confidence = 1.5: input should be less than or equal to 1"),
        ("select", "min_confidence", "high", "select.min_confidence = 'high'"),
        ("select", "max_confidence", -0.1, "select.max_confidence = -0.1"),
        ("fit_converter", "method", "transplnat", "fit_converter.method = 'transplnat'"),
        ("corpus", "name", "ravdes", "unknown corpus 'ravdes' (did you mean 'ravdess'?)"),
        ("ingest", "emotions", ["hapiness"], "unknown emotion 'hapiness' (did you mean 'happiness'?)"),
        ("ingest", "max_duration_s", 0.1, "min_duration_s must be below max_duration_s"),
    ],
)
def test_a_mistake_is_one_line_that_names_it(tmp_path, section, key, value, message):
    with pytest.raises(ParamsError) as caught:
        load_params(changed(tmp_path, section, key, value))
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_section_within_a_section_is_checked_and_explained(tmp_path):
    values = yaml.safe_load(PARAMS.read_text("utf-8"))["fit_converter"]["neural"]
    with pytest.raises(ParamsError, match=r"unknown key .stesp. .*`fit_converter.neural`"):
        load_params(changed(tmp_path, "fit_converter", "neural", values | {"stesp": 3}))
    with pytest.raises(ParamsError, match=r"fit_converter\.neural\.size = 'huge'"):
        load_params(changed(tmp_path, "fit_converter", "neural", values | {"size": "huge"}))
    lines = explain(load_params(PARAMS))
    assert any(line.startswith("fit_converter.neural.steps = 0: gradient steps") for line in lines)


def test_the_neural_section_holds_what_the_library_does_unasked():
    from emoforge.convert.generative.training import PRESETS as GENERATIVE_PRESETS
    from emoforge.convert.neural.training import PRESETS, TrainingOptions

    neural = load_params(PARAMS).fit_converter.neural
    # Each method has values of its own.
    assert (neural.guidance, neural.temperature) == ("usual", "usual")
    assert PRESETS[neural.size] == TrainingOptions()
    assert set(GENERATIVE_PRESETS) == set(PRESETS)
    assert set(type(neural).model_fields["size"].annotation.__args__) == set(PRESETS)


def test_a_file_from_before_the_encoder_is_understood(tmp_path):
    values = yaml.safe_load(PARAMS.read_text("utf-8"))
    del values["encoder"]
    values["train"] |= {"model": "svm", "encoder": ""}
    (tmp_path / "params.yaml").write_text(yaml.safe_dump(values))
    assert load_params(tmp_path / "params.yaml").encoder == ""
    values["train"] |= {"encoder": "WAVLM_BASE_PLUS"}
    (tmp_path / "params.yaml").write_text(yaml.safe_dump(values))
    with pytest.raises(
        ParamsError, match=r"train: encoder is a key of its own now.*`encoder: WAVLM_BASE_PLUS`"
    ) as caught:
        load_params(tmp_path / "params.yaml")
    assert "\n" not in str(caught.value)


def test_a_missing_key_is_named(tmp_path):
    values = yaml.safe_load(PARAMS.read_text("utf-8"))
    del values["score"]["judge_folds"]
    (tmp_path / "params.yaml").write_text(yaml.safe_dump(values))
    with pytest.raises(ParamsError, match=r"key 'score\.judge_folds' is missing"):
        load_params(tmp_path / "params.yaml")


@pytest.mark.parametrize(
    ("text", "message"), [("a: [", "not valid YAML"), ("[]", "expected sections"), ("", "expected")]
)
def test_files_that_are_no_params(tmp_path, text, message):
    (tmp_path / "params.yaml").write_text(text)
    with pytest.raises(ParamsError, match=message):
        load_params(tmp_path / "params.yaml")
    with pytest.raises(ParamsError, match="no such file"):
        load_params(tmp_path / "other.yaml")


def test_names_in_the_params_are_the_registries_names():
    annotation = Params.model_fields["fit_converter"].annotation.model_fields["method"].annotation
    assert set(annotation.__args__) == {*registry.names(), registry.EXTERNAL}
    assert set(Params.model_fields["train"].annotation.model_fields["model"].annotation.__args__) == set(KINDS)


def test_advice_that_is_out_of_range_is_refused_like_any_other_value(tmp_path):
    params = load_params(changed(tmp_path, "select", "ratio", "auto"))
    advice = tmp_path / "recommend.json"
    advice.write_text('{"params": {"select": {"ratio": -2, "min_confidence": 0.1}, "train": {"added_weight": 1}}}')
    with pytest.raises(ParamsError, match=r"recommend\.json: select\.ratio = -2: input should be greater"):
        resolved(params, advice)
