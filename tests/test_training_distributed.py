"""Two processes under torchrun, over gloo, beside one."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from llmlab.checkpoints.own import load_own
from llmlab.training import train
from llmlab.training.log import curve
from tests.training_setup import tiny_run

ROOT = Path(__file__).parent.parent
SCRIPT = """
import sys
from llmlab.training import read_config, resume, train
if sys.argv[1] == "resume":
    resume(sys.argv[2])
else:
    train(read_config(sys.argv[2]), until=int(sys.argv[3]) if len(sys.argv) > 3 else None)
"""


def torchrun(tmp_path: Path, *arguments: str) -> subprocess.CompletedProcess:
    """The script in two processes."""
    (tmp_path / "script.py").write_text(SCRIPT)
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone"]
    command += ["--nproc-per-node", "2", str(tmp_path / "script.py"), *arguments]
    environment = os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)}
    return subprocess.run(
        command, capture_output=True, text=True, env=environment, cwd=tmp_path, timeout=240
    )


def two_processes(tmp_path: Path, config, *arguments: str) -> subprocess.CompletedProcess:
    file = tmp_path / f"{Path(config.folder).name}.yaml"
    file.write_text(yaml.safe_dump(config.to_dict()))
    return torchrun(tmp_path, "train", str(file), *arguments)


@pytest.mark.parametrize("sharding", ["ddp", "fsdp"])
def test_two_processes_have_the_losses_of_one(tmp_path, sharding):
    settings = {"micro_batch_size": 2, "samples": ["the "], "steps": 6, "checkpoint_every": 2}
    one = train(tiny_run(tmp_path, folder="one", **settings))
    both = tiny_run(tmp_path, folder="both", sharding=sharding, **settings)
    done = two_processes(tmp_path, both, "4")  # an evaluation goes just before
    assert done.returncode == 0, done.stderr
    done = torchrun(tmp_path, "resume", both.folder)
    assert done.returncode == 0, done.stderr
    both = Path(both.folder)
    for name in ("loss", "gradient_norm"):
        expected, found = curve(one, name), curve(both, name)
        assert [step for step, _ in found] == list(range(1, 7))
        assert max(abs(a - b) for (_, a), (_, b) in zip(expected, found, strict=True)) < 1e-4
    expected, found = (curve(run, "validation_loss")[-1][1] for run in (one, both))
    assert found == pytest.approx(expected, abs=1e-4)
    assert load_own(both / "model").config == load_own(one / "model").config


def test_a_batch_that_does_not_divide(tmp_path):
    done = two_processes(tmp_path, tiny_run(tmp_path, batch_size=7))
    assert done.returncode != 0
    assert "batch_size=7 does not divide among 2 processes; give a multiple of 2" in done.stderr
