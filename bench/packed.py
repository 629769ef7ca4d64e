"""How much faster do clips travel through DVC in the shards of the clip store than as one file per clip?

Clips of about 20 kB are cut from the real corpora, encoded once, and carried in both layouts with the same bytes, one
after the other: into DVC, to a folder on the same disk, from there into a fresh clone, and asked for their status; and
to an S3 server (moto's, over HTTP) and from there into a fresh clone. Both layouts have DVC's default settings, and a
clone has to hold what was sent, byte for byte. Run ``python bench/packed.py``; it takes about ten minutes, prints a
table, and writes the entries ``dvc_packed_vs_loose_local`` and ``dvc_packed_vs_loose`` of ``bench/results.json``.
"""

import argparse
import filecmp
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from itertools import count, islice
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
from record import record
from serving import S3_CREDENTIALS, s3_server
from speech import CORPORA
from tqdm import tqdm

from emoforge.base.audio import decode
from emoforge.dataset.clips import ClipStore, shard_path, write_shard

SAMPLING_RATE = 16000
PACKED, LOOSE = "clip store", "loose files"
LOCAL_STEPS = ("add", "push", "pull", "status")
S3_STEPS = ("push", "pull")
#: Processes that wanted a core in the minute before, recorded because a busy machine distorts the figures.
LOAD_BEFORE = os.getloadavg()[0]


def cut_clips(clip_bytes: int) -> Iterator[tuple[str, np.ndarray]]:
    """Endless pieces of real clips, each with its name: every pass over the corpora cuts at other places."""
    recordings = sorted(CORPORA.rglob("*.flac"))
    if not recordings:
        sys.exit(f"no recordings below {CORPORA}; set EMOFORGE_CORPORA to the folder that holds the corpora")
    for turn in count():
        for path in recordings:
            signal, _ = decode(path)
            n_pieces = max(1, round(path.stat().st_size / clip_bytes))
            for number, piece in enumerate(np.array_split(np.roll(signal, turn * SAMPLING_RATE // 10), n_pieces)):
                yield f"{path.stem}-{turn:02d}-{number:02d}", piece


def write_both(folder: Path, n_clips: int, *, shard_clips: int, clip_bytes: int) -> dict[str, Path]:
    """Write *n_clips* in both layouts, with the same bytes, and return the folder of each."""
    folders = {layout: folder / layout for layout in (PACKED, LOOSE)}
    for path in folders.values():
        path.mkdir(parents=True)
    clips = cut_clips(clip_bytes)
    clip_ids: list[str] = []
    with tqdm(total=n_clips, desc="cutting", unit="clip") as bar:
        while len(clip_ids) < n_clips:
            chunk = list(islice(clips, min(shard_clips, n_clips - len(clip_ids))))
            shard = shard_path(folders[PACKED], len(clip_ids) // shard_clips)
            write_shard(shard, chunk, sampling_rate=SAMPLING_RATE)
            clip_ids += [clip_id for clip_id, _ in chunk]
            bar.update(len(chunk))
    store = ClipStore(folders[PACKED])
    for clip_id in clip_ids:
        (folders[LOOSE] / f"{clip_id}.flac").write_bytes(store.flac(clip_id))
    return folders


def timed(*command: str, folder: Path, environment: Mapping[str, str]) -> float:
    """Run *command* in *folder* and return its seconds; what earlier ones wrote is on the disk before it starts."""
    os.sync()
    started = time.perf_counter()
    done = subprocess.run(
        command,
        cwd=folder,
        env=dict(environment),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        sys.exit(f"{' '.join(command)} failed: {done.stdout}{done.stderr}")
    return time.perf_counter() - started


def users_environment(folder: Path) -> dict[str, str]:
    """The environment of somebody who has used DVC before, but not with these files."""
    environment = os.environ | {
        "DVC_NO_ANALYTICS": "1",
        "DVC_SITE_CACHE_DIR": str(folder / "site"),
        # Python keeps what it compiled, as it does for everybody who didn't forbid it.
        "PYTHONPYCACHEPREFIX": str(folder.parent / "bytecode"),
        "GIT_AUTHOR_NAME": "bench",
        "GIT_AUTHOR_EMAIL": "bench@example.org",
        "GIT_COMMITTER_NAME": "bench",
        "GIT_COMMITTER_EMAIL": "bench@example.org",
    }
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    return environment


def travel(clips: Path, folder: Path, url: str, options: Mapping[str, str], bar: tqdm) -> dict[str, float]:
    """Seconds that DVC takes to carry the files of *clips* to the remote at *url* and into a fresh clone.

    Args:
        clips: the files.
        folder: to work in; it is emptied of everything afterwards.
        url: of an empty remote.
        options: of the remote, which the clone gets too.
        bar: one step for each of add, push, pull and status.
    """
    environment = users_environment(folder)
    origin, clone = folder / "origin", folder / "clone"
    shutil.copytree(clips, origin / "clips")

    def run(where: Path, *command: str) -> float:
        return timed(*command, folder=where, environment=environment)

    def dvc(where: Path, *arguments: str) -> float:
        seconds = run(where, sys.executable, "-m", "dvc", *arguments)
        bar.update()
        return seconds

    run(origin, "git", "init", "--quiet")
    run(origin, sys.executable, "-m", "dvc", "init", "--quiet")
    run(origin, sys.executable, "-m", "dvc", "remote", "add", "--default", "store", url)
    for key, value in options.items():
        run(origin, sys.executable, "-m", "dvc", "remote", "modify", "store", key, value)
    seconds = {"add": dvc(origin, "add", "clips")}
    run(origin, "git", "add", ".")
    run(origin, "git", "commit", "--quiet", "--message", "clips")
    seconds["push"] = dvc(origin, "push")
    run(folder, "git", "clone", "--quiet", str(origin), str(clone))
    seconds["pull"] = dvc(clone, "pull")
    seconds["status"] = dvc(clone, "status")
    names = sorted(path.name for path in clips.iterdir())
    arrived, *lost = filecmp.cmpfiles(clips, clone / "clips", names, shallow=False)
    if len(arrived) != len(names):
        sys.exit(f"{sum(map(len, lost))} of {len(names)} files did not arrive as they were sent")
    shutil.rmtree(folder)
    return seconds


def compare(folders: Mapping[str, Path], work: Path, *, s3: bool) -> dict[str, dict[str, float]]:
    """Seconds of every step for each of *folders*, through a directory or through S3."""
    seconds = {}
    with tqdm(total=4 * len(folders), desc="S3" if s3 else "local disk", unit="step") as bar:
        for name, clips in folders.items():
            if s3:
                with s3_server("clips") as url:
                    options = S3_CREDENTIALS | {"endpointurl": url}
                    seconds[name] = travel(clips, work / "s3", "s3://clips/dvc", options, bar)
            else:
                seconds[name] = travel(clips, work / "local", str(work / "local" / "remote"), {}, bar)
    return seconds


def report(
    question: str,
    n_clips: int,
    folders: Mapping[str, Path],
    seconds: Mapping[str, Mapping[str, float]],
    steps: Sequence[str],
) -> None:
    """Print a table and record clips per second through all of *steps*."""
    print(f"{question}, {n_clips} clips\n{'':12s}" + "".join(f"{step:>10s}" for step in (*steps, "all", "files")))
    files = {layout: sum(1 for _ in folder.iterdir()) for layout, folder in folders.items()}
    total = {layout: sum(times[step] for step in steps) for layout, times in seconds.items()}
    for layout, times in seconds.items():
        values = "".join(f"{times[step]:10.2f}" for step in steps)
        print(f"{layout:12s}{values}{total[layout]:10.2f}{files[layout]:10d}")
    print(f"{'ratio':12s}" + "".join(f"{seconds[LOOSE][step] / seconds[PACKED][step]:10.2f}" for step in steps), end="")
    print(f"{total[LOOSE] / total[PACKED]:10.2f}")
    size = sum(path.stat().st_size for path in folders[LOOSE].iterdir())
    record(
        question,
        ours=n_clips / total[PACKED],
        peers={LOOSE: n_clips / total[LOOSE]},
        ratio=total[LOOSE] / total[PACKED],
        unit=f"clips a second through {', '.join(steps)}",
        details={
            "n_clips": n_clips,
            "clip_kb": size / n_clips / 1000,
            "audio": "pieces of RAVDESS, nEMO and URDU clips, 16 kHz FLAC",
            "files": files,
            "seconds": {layout: {step: times[step] for step in steps} for layout, times in seconds.items()},
            "cores": os.cpu_count(),
            "load_before": LOAD_BEFORE,
        },
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--local-clips", type=int, default=20_000, help="through a folder on the same disk")
    parser.add_argument("--s3-clips", type=int, default=5_000, help="through the S3 server")
    parser.add_argument("--shard-clips", type=int, default=128, help="clips in a shard, as ingest writes them")
    parser.add_argument("--clip-kb", type=float, default=20.0, help="about how large a clip is")
    options = parser.parse_args()
    layout = {"shard_clips": options.shard_clips, "clip_bytes": round(1000 * options.clip_kb)}
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        first = write_both(work / "first", 1, **layout)[PACKED]
        for question, n_clips, s3 in (
            ("dvc_packed_vs_loose_local", options.local_clips, False),
            ("dvc_packed_vs_loose", options.s3_clips, True),
        ):
            folders = write_both(work / question, n_clips, **layout)
            compare({"one clip, to load what is loaded once": first}, work, s3=s3)
            seconds = compare(folders, work, s3=s3)
            report(question, n_clips, folders, seconds, S3_STEPS if s3 else LOCAL_STEPS)


if __name__ == "__main__":
    main()
