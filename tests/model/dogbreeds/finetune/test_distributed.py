import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from dogbreeds.finetune.distributed import SINGLE_PROCESS, join_process_group, torchrun_command

SCRIPT = Path("train.py")
TWO = {"SM_HOSTS": json.dumps(["algo-1", "algo-2"]), "SM_CURRENT_HOST": "algo-2"}


def options(command: list[str]) -> dict[str, str]:
    assert command[:3] == [sys.executable, "-m", "torch.distributed.run"]
    end = command.index(str(SCRIPT))
    return dict(zip(command[3:end:2], command[4:end:2], strict=True))


def test_one_host_and_at_most_one_gpu_need_no_torchrun() -> None:
    one = {"SM_HOSTS": '["algo-1"]', "SM_CURRENT_HOST": "algo-1"}
    for environment in ({}, one):
        for gpus in (0, 1):
            assert torchrun_command(environment, gpus, SCRIPT, []) is None


def test_two_hosts_of_sagemaker() -> None:
    command = torchrun_command(TWO, 0, SCRIPT, ["--finetune", "true"])
    assert command is not None and command[-2:] == ["--finetune", "true"]
    assert options(command) == {
        "--nnodes": "2",
        "--node_rank": "1",
        "--nproc_per_node": "1",
        "--master_addr": "algo-1",
        "--master_port": "29500",
    }


def test_a_process_for_each_gpu() -> None:
    command = torchrun_command(TWO | {"MASTER_PORT": "7"}, 4, SCRIPT, [])
    assert command is not None
    assert options(command)["--nproc_per_node"] == "4" and options(command)["--master_port"] == "7"
    alone = torchrun_command({}, 4, SCRIPT, [])
    assert alone is not None
    assert options(alone)["--nnodes"] == "1" and options(alone)["--master_addr"] == "127.0.0.1"


def test_within_torchrun_it_is_not_started_again() -> None:
    assert torchrun_command(TWO | {"RANK": "0", "WORLD_SIZE": "2"}, 4, SCRIPT, []) is None


@pytest.mark.parametrize("environment", [{}, {"RANK": "0", "WORLD_SIZE": "1"}])
def test_without_torchrun_there_is_a_single_process(environment: dict[str, str]) -> None:
    with join_process_group(environment) as world:
        assert world == SINGLE_PROCESS and world.first
        assert (
            world.broadcast([1]) == [1]
            and world.all_gather(2) == [2]
            and world.all_reduce([3.0]) == [3.0]
        )
        world.barrier()


FIRST_ENDS = """
import os
from dogbreeds.data.dataset import DataError
from dogbreeds.finetune.distributed import join_process_group

with join_process_group(os.environ) as world:
    try:
        if world.first:
            with world.broadcasting_failure():
                raise DataError("No photos.")
        world.broadcast(None)
    except DataError as error:
        print(f"process {world.rank}: {error}", flush=True)
"""


@pytest.mark.slow
def test_when_the_first_cannot_go_on_the_others_end_with_its_reason(tmp_path: Path) -> None:
    program = tmp_path / "program.py"
    program.write_text(FIRST_ENDS)
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc_per_node=2"]
    model = Path(__file__).resolve().parents[4] / "model"
    done = subprocess.run(
        [*command, str(program)],
        env=os.environ | {"PYTHONPATH": str(model), "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert sorted(done.stdout.splitlines()) == ["process 0: No photos.", "process 1: No photos."]


def test_a_single_process_raises_its_error_unchanged() -> None:
    with pytest.raises(ValueError, match="as it was"), SINGLE_PROCESS.broadcasting_failure():
        raise ValueError("as it was")
