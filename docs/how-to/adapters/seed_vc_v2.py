"""Adapter of emoforge for Seed-VC V2 (github.com/Plachtaa/seed-vc), run by the Python of its environment.

NOT RUN: written by reading its `inference_v2.py` (commit fc97394). Try it on a few clips before you rely on it.

Seed-VC gives the source the style *and* the voice of its target, so that two passes are made: first with
`--convert-style` towards the style clip, then without it back to the voice of the source.
"""

import argparse

import emoforge_adapter as adapter


def options():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--root", required=True, help="clone of Seed-VC")
    parser.add_argument("--weights", nargs="+", required=True, help="files or folders of its weights, for the checksum")
    parser.add_argument("--weights-licence", required=True, help="SPDX identifier, from the page the weights came from")
    parser.add_argument("--outputs-licence", required=True, help="what that page asks of outputs; CC0-1.0 for nothing")
    parser.add_argument("--languages", nargs="+", help="ISO 639-1 codes; any language if left out")
    parser.add_argument("--diffusion-steps", type=int, default=30)
    return parser.parse_args()


def hello(options, *, rate, version, code, weights):
    """Return what Seed-VC V2 says of itself."""
    return {
        "name": "seed-vc-v2",
        "version": version,
        "checksums": {"code": code, "weights": weights},
        "licences": {"code": "GPL-3.0-only", "weights": options.weights_licence, "outputs": options.outputs_licence},
        "emotions": None,
        "languages": options.languages,
        "sampling_rates": {"source": rate, "result": rate},
        "needs": {"text": False, "style": True},
        # Seeded, but on a GPU nobody promises equal bits.
        "deterministic": False,
        "batch": 1,
    }


def main():
    chosen, messages = options(), adapter.messages_only()
    weights = adapter.sha256_of(*chosen.weights)
    root = adapter.entered(chosen.root, "inference_v2.py", "configs/v2/vc_wrapper.yaml")

    import inference_v2
    import soundfile
    import torch

    # What its command line would hold.
    settings = argparse.Namespace(
        ar_checkpoint_path=None,
        cfm_checkpoint_path=None,
        compile=False,
        diffusion_steps=chosen.diffusion_steps,
        length_adjust=1.0,
        intelligibility_cfg_rate=0.7,
        similarity_cfg_rate=0.7,
        top_p=0.9,
        temperature=1.0,
        repetition_penalty=1.0,
        convert_style=True,
        anonymization_only=False,
    )
    # Loaded before `hello`, so that the time limit of the first clip is for the clip alone.
    inference_v2.vc_wrapper_v2 = inference_v2.load_v2_models(settings)

    def spoken(source, target, path, *, convert_style):
        settings.convert_style = convert_style
        audio = inference_v2.convert_voice_v2(source, target, settings)
        if audio is None:
            raise ValueError("Seed-VC gave no audio")
        rate, samples = audio
        soundfile.write(path, samples, rate, subtype="PCM_16")

    def convert_one(job):
        torch.manual_seed(job["seed"])
        styled = adapter.writing_beside(job["result"])
        spoken(job["source"], job["style"], styled, convert_style=True)
        spoken(styled, job["source"], job["result"], convert_style=False)

    said = hello(
        chosen,
        rate=inference_v2.vc_wrapper_v2.sr,
        version=adapter.version_of(root),
        code=adapter.sha256_of(root, suffixes=(".py", ".yaml")),
        weights=weights,
    )
    adapter.serve(said, adapter.one_by_one(convert_one), messages=messages)


if __name__ == "__main__":
    main()
