"""Checkpoints: whole or not there, refused when damaged, small enough to be carried."""

import dataclasses
import json
import resource
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch

from llmlab.training import compact, resume, train
from llmlab.training.checkpoint import DamagedCheckpoint, checkpoint_folder, load_checkpoint
from llmlab.training.log import curve
from tests.training_setup import tiny_run

ROOT = Path(__file__).parent.parent
KILLER = """
import os, random, shutil, signal, sys, time, traceback
from pathlib import Path
import matplotlib.backends.backend_agg, tensorboardX, torch._dynamo, tqdm  # so that no child must
from llmlab.training import read_config, resume, train
from llmlab.training.log import curve

config = read_config(sys.argv[1])
run, reference = Path(config.folder), Path(sys.argv[2])
n_kills, pick = int(sys.argv[3]), random.Random(int(sys.argv[4]))
longest = float(sys.argv[5])  # seconds from a step to a kill

def written():
    log = run / "metrics.jsonl"
    return log.stat().st_mtime_ns if log.exists() else None

def attempt(delay, after_start=False):
    before = written()
    child = os.fork()
    if not child:
        try:
            resume(run) if (run / "config.yaml").exists() else train(config)
            os._exit(0)
        except BaseException:
            traceback.print_exc()
            os._exit(1)
    if delay is not None:
        end = time.monotonic() + 60
        while after_start and written() == before and time.monotonic() < end:
            time.sleep(0.005)
        time.sleep(delay)
        os.kill(child, signal.SIGKILL)
    status = os.waitpid(child, 0)[1]
    assert status in (0, signal.SIGKILL), status
    return status == 0

def compare():
    for name in ("loss", "validation_loss"):
        assert curve(run, name) == curve(reference, name)

killed, interrupted_at = 0, set()
while killed < n_kills:
    after_start = killed % 4 > 0
    delay = pick.uniform(0, longest if after_start else 0.5)
    if attempt(delay, after_start):  # it was quicker: once more from the beginning
        compare()
        shutil.rmtree(run)
        continue
    killed += 1
    steps = [step for step, _ in curve(run, "loss")]
    assert steps == list(range(1, len(steps) + 1)), steps
    interrupted_at.add(len(steps))
attempt(None)
compare()
print(killed, len(interrupted_at - {0}))
"""


@pytest.fixture
def run(tmp_path):
    """A run of twelve steps with checkpoints at 9 and 12."""
    return train(tiny_run(tmp_path))


def test_kill_at_twenty_random_instants_changes_nothing(tmp_path):
    import yaml

    settings = dict(steps=200, checkpoint_every=2, evaluate_every=50)
    begun = time.monotonic()
    reference = train(tiny_run(tmp_path, folder="reference", **settings))
    # On a busy machine kills come later too, or all of them would fall between the same steps.
    longest = max(0.15, 15 * (time.monotonic() - begun) / 200)
    values = tiny_run(tmp_path, folder="killed", **settings).to_dict()
    (tmp_path / "killed.yaml").write_text(yaml.safe_dump(values))
    files = (str(tmp_path / "killed.yaml"), str(reference))
    command = [sys.executable, "-c", KILLER, *files, "20", "0", str(longest)]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, timeout=300)
    assert done.returncode == 0, done.stderr
    n_killed, n_places = map(int, done.stdout.split())
    assert n_killed == 20 and n_places >= 5  # not all of them before the first step
    killed = tmp_path / "killed"
    first, second = (
        (folder / "model" / "model.safetensors").read_bytes() for folder in (reference, killed)
    )
    assert first == second
    names = sorted(path.name for path in (killed / "checkpoints").iterdir())
    assert names == ["step-00000198", "step-00000200"]


@pytest.mark.parametrize(
    "name, damage",
    [
        (name, damage)
        for name in ("model.safetensors", "optimizer.safetensors", "state.json")
        for damage in ("cut", "removed", "altered")
        if (name, damage) != ("state.json", "altered")  # it holds the sums of the others
    ],
)
def test_a_damaged_checkpoint_names_the_last_good_one(run, name, damage):
    losses = curve(run, "loss")
    file = checkpoint_folder(run, 12) / name
    data = file.read_bytes()
    if damage == "removed":
        file.unlink()
    elif damage == "cut":
        file.write_bytes(data[: len(data) * 2 // 3])
    else:
        file.write_bytes(data[:-20] + bytes([data[-20] ^ 1]) + data[-19:])
    good = checkpoint_folder(run, 9)
    with pytest.raises(DamagedCheckpoint) as refusal:
        resume(run)
    message = str(refusal.value)
    assert ("altered" if damage == "altered" else "cut short") in message
    assert str(good) in message and "\n" not in message
    resume(good)
    assert curve(run, "loss") == losses
    resume(run)  # the damaged one was written anew


def test_without_a_good_checkpoint_the_sentence_says_so(run):
    shutil.rmtree(checkpoint_folder(run, 9))
    (checkpoint_folder(run, 12) / "state.json").unlink()
    with pytest.raises(DamagedCheckpoint, match="there is no other"):
        resume(run)


def test_a_checkpoint_of_a_later_format(run):
    file = checkpoint_folder(run, 12) / "state.json"
    file.write_text(file.read_text().replace('"format": 1', '"format": 9'))
    with pytest.raises(ValueError, match="format 9"):
        resume(run)


def test_going_back_forgets_what_came_after(run):
    resume(checkpoint_folder(run, 9), until=10)
    assert curve(run, "loss")[-1][0] == 10
    assert not checkpoint_folder(run, 12).exists() and checkpoint_folder(run, 9).exists()


def test_a_full_disk_is_one_sentence_and_the_run_goes_on(tmp_path):
    config = tiny_run(tmp_path, folder="a")
    losses = curve(train(tiny_run(tmp_path, folder="reference")), "loss")
    train(config, until=5)
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, before[1]))  # a checkpoint has more
    try:
        with pytest.raises(OSError) as refusal:
            resume(config.folder)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    message = str(refusal.value)
    assert "step-00000006" in message and "full" in message and "--resume" in message
    assert not list(tmp_path.rglob("*.partial"))
    assert curve(resume(config.folder), "loss") == losses


def test_moments_in_eight_bits():
    torch.manual_seed(0)
    first = torch.randn(7, 300) * torch.logspace(-8, 0, 300)
    found = compact.dequantize_first(*compact.quantize_first(first), first.shape)
    blocks = torch.nn.functional.pad(first.flatten(), (0, -first.numel() % 128)).view(-1, 128)
    allowed = (blocks.abs().amax(1) / 127 / 2 * 1.001)[:, None].expand_as(blocks).flatten()[:2100]
    assert ((found - first).abs().flatten() <= allowed).all()
    second = first.square()
    second[0, :5] = 0
    found = compact.dequantize_second(*compact.quantize_second(second), second.shape)
    assert (found[0, :5] == 0).all() and (found >= 0).all()
    near = second > blocks.square().amax() * 1e-20
    ratio = (found / second)[near & (found > 0)]
    assert ratio.min() > 0.95 and ratio.max() < 1.05  # half a level of 32 octaves / 254
    nothing = compact.quantize_first(torch.zeros(3))
    assert not compact.dequantize_first(*nothing, torch.Size([3])).any()


def test_a_compact_checkpoint_goes_on_without_a_bump(tmp_path):
    settings = dict(steps=120, checkpoint_every=60, evaluate_every=60)
    whole = train(tiny_run(tmp_path, folder="whole", **settings))
    config = tiny_run(tmp_path, folder="elsewhere", **settings)
    state = load_checkpoint(checkpoint_folder(whole, 60))
    compact.save_compact(tmp_path / "carried", state, whole, part_bytes=40_000)
    parts = list((tmp_path / "carried").glob("part-*"))
    assert len(parts) > 2 and all(part.stat().st_size < 40_000 for part in parts)
    run = resume(tmp_path / "carried", config)
    assert run == tmp_path / "elsewhere"
    expected, found = curve(whole, "loss"), curve(run, "loss")
    assert found[:60] == expected[:60]  # the log was carried along
    apart = [abs(b - a) for (_, a), (_, b) in zip(expected[60:], found[60:], strict=True)]
    assert apart[0] == 0 and max(apart[:20]) < 0.01  # the weights are exact
    assert abs(curve(run, "validation_loss")[-1][1] - curve(whole, "validation_loss")[-1][1]) < 0.01


def test_a_compact_checkpoint_with_a_part_missing(tmp_path, run):
    state = load_checkpoint(checkpoint_folder(run, 12))
    folder = tmp_path / "carried"
    compact.save_compact(folder, state, run, part_bytes=40_000)
    (folder / "part-002.safetensors").unlink()
    with pytest.raises(DamagedCheckpoint, match="part-002"):
        resume(folder, dataclasses.replace(tiny_run(tmp_path), folder=str(tmp_path / "new")))
    with pytest.raises(ValueError, match="more than a part"):
        compact.save_compact(folder, state, run, part_bytes=5_000)


def test_a_checkpoint_holds_no_pickle(run):
    for file in checkpoint_folder(run, 12).iterdir():
        assert file.suffix in (".json", ".safetensors")
    values = json.loads((checkpoint_folder(run, 12) / "state.json").read_text())
    assert values["step"] == 12 and values["config"]["data"]["train"] == "../train.txt"
