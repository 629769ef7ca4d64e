"""Adapter of emoforge for Vevo-Style of Amphion (github.com/open-mmlab/Amphion), run by the Python of its environment.

NOT RUN: written by reading its `models/vc/vevo/infer_vevostyle.py` (commit bf2d451). Try it on a few clips before you
rely on it.

Vevo-Style copies the style of one clip and the voice of another; here the voice is that of the source itself.
"""

import argparse

import emoforge_adapter as adapter

#: Of all that Vevo reads and writes, in Hz.
RATE = 24000
#: Parts of the repository amphion/Vevo on the Hugging Face hub that Vevo-Style needs.
PARTS = {
    "content_tokenizer_ckpt_path": "tokenizer/vq32",
    "content_style_tokenizer_ckpt_path": "tokenizer/vq8192",
    "ar_ckpt_path": "contentstyle_modeling/Vq32ToVq8192",
    "fmt_ckpt_path": "acoustic_modeling/Vq8192ToMels",
    "vocoder_ckpt_path": "acoustic_modeling/Vocoder",
}
CONTENT_TOKENIZER = "hubert_large_l18_c32.pkl"
CONFIG = "models/vc/vevo/config"


def options():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--root", required=True, help="clone of Amphion")
    parser.add_argument("--weights-licence", required=True, help="SPDX identifier, from the page the weights came from")
    parser.add_argument("--outputs-licence", required=True, help="what that page asks of outputs; CC0-1.0 for nothing")
    parser.add_argument("--flow-matching-steps", type=int, default=32)
    return parser.parse_args()


def hello(options, *, version, code, weights):
    """Return what Vevo-Style says of itself."""
    return {
        "name": "vevo-style",
        "version": version,
        "checksums": {"code": code, "weights": weights},
        "licences": {"code": "MIT", "weights": options.weights_licence, "outputs": options.outputs_licence},
        "emotions": None,
        # Those of the speech that it was trained on.
        "languages": ["de", "en", "fr", "ja", "ko", "zh"],
        "sampling_rates": {"source": RATE, "result": RATE},
        "needs": {"text": False, "style": True},
        # Seeded, but on a GPU nobody promises equal bits.
        "deterministic": False,
        "batch": 1,
    }


def main():
    chosen, messages = options(), adapter.messages_only()
    root = adapter.entered(chosen.root, "models/vc/vevo/vevo_utils.py", CONFIG)

    import soundfile
    import torch
    from huggingface_hub import snapshot_download
    from models.vc.vevo.vevo_utils import VevoInferencePipeline

    patterns = [f"{part}/*" for part in PARTS.values()]
    weights = snapshot_download("amphion/Vevo", cache_dir="ckpts/Vevo", allow_patterns=patterns)
    paths = {argument: f"{weights}/{part}" for argument, part in PARTS.items()}
    paths["content_tokenizer_ckpt_path"] += f"/{CONTENT_TOKENIZER}"
    pipeline = VevoInferencePipeline(
        **paths,
        ar_cfg_path=f"{CONFIG}/Vq32ToVq8192.json",
        fmt_cfg_path=f"{CONFIG}/Vq8192ToMels.json",
        vocoder_cfg_path=f"{CONFIG}/Vocoder.json",
        device=torch.device("cuda" if torch.cuda.is_available() else "cpu"),
    )

    def convert_one(job):
        torch.manual_seed(job["seed"])
        audio = pipeline.inference_ar_and_fm(
            src_wav_path=job["source"],
            src_text=None,
            style_ref_wav_path=job["style"],
            timbre_ref_wav_path=job["source"],
            flow_matching_steps=chosen.flow_matching_steps,
        )
        soundfile.write(job["result"], audio.squeeze(0).cpu().numpy(), RATE, subtype="PCM_16")

    said = hello(
        chosen,
        version=adapter.version_of(root),
        code=adapter.sha256_of(root / "models", root / "utils", suffixes=(".py", ".json", ".yaml")),
        weights=adapter.sha256_of(weights),
    )
    adapter.serve(said, adapter.one_by_one(convert_one), messages=messages)


if __name__ == "__main__":
    main()
