"""`train.py --finetune` as processes: packages, interruption, two hosts."""

import json
import os
import re
import signal
import subprocess
import sys
import tarfile
import time
from pathlib import Path
from typing import Any

import pytest
import safetensors.torch
import timm
import torch

from dogbreeds.data.audit_rules import WRONG_LABEL
from dogbreeds.data.dataset import Dataset
from dogbreeds.finetune.checkpoint import NAME
from dogbreeds.finetune.distributed import World
from dogbreeds.finetune.run import follow
from dogbreeds.package.card import Card
from dogbreeds.serving.inference import model_fn, warm_up
from dogbreeds.training.settings import parse
from dogbreeds.training.train import train
from kennel.cloud.runtime.processes import free_ports
from tests.model.learning import TRAIN, photos_of

BREEDS = ("001.Beagle", "havanese", "n02108089-boxer")


@pytest.fixture(scope="module")
def flags(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """The flags of all runs here: photos, a tiny backbone with weights, a short recipe."""
    folder = tmp_path_factory.mktemp("flags")
    photos_of(folder / "photos", BREEDS, {"train": 6, "valid": 2, "test": 2})
    with torch.random.fork_rng():
        torch.manual_seed(3)
        weights = timm.create_model("test_resnet").state_dict()
    safetensors.torch.save_file(weights, folder / "weights.safetensors")
    changes = {"recipe": "small", "epochs": 4, "batch_size": 4, "frozen_stages": 0}
    (folder / "short.json").write_text(json.dumps(changes | {"interpolation_shares": [1.0]}))
    return [
        *("--data", str(folder / "photos"), "--backbone", "test_resnet", "--epochs", "2"),
        *("--backbone-weights", str(folder / "weights.safetensors")),
        *("--finetune", "true", "--recipe", str(folder / "short.json"), "--threads", "1"),
        *("--accept", "seen-by-backbone"),  # the pictures' names tell no source
        "--label-report",
    ]


@pytest.fixture(scope="module")
def tuned(
    flags: list[str], tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, "subprocess.CompletedProcess[str]"]:
    out = tmp_path_factory.mktemp("tuned")
    command = [sys.executable, str(TRAIN), *flags, "--out", str(out), "--cache", str(out / "c")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return out, done


@pytest.fixture(scope="module")
def package(tuned: tuple[Path, Any], tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("package")
    with tarfile.open(tuned[0] / "model.tar.gz") as archive:
        archive.extractall(folder, filter="data")
    return folder


@pytest.mark.slow
def test_photos_that_the_backbone_has_seen_keep_the_head_only_network(
    flags: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The package is that of a head-only training; log, card, evaluation and report say why."""
    given = [flag for flag in flags if flag not in {"--accept", "seen-by-backbone"}]
    given += ["--cache", str(tmp_path / "cache")]
    train(parse([*given, "--out", str(tmp_path / "tuned")], {}))
    reason = "because the backbone has learnt from 4 of the 6 valid photos"
    assert capsys.readouterr().err.count(reason) == 1
    head_only = [*given[: given.index("--recipe")], *given[given.index("--recipe") + 2 :]]
    train(parse([*head_only, "--out", str(tmp_path / "plain"), "--finetune", "no"], {}))
    weights = []
    for name in ("tuned", "plain"):
        with tarfile.open(tmp_path / name / "model.tar.gz") as archive:
            archive.extractall(tmp_path / name / "package", filter="data")
        weights.append((tmp_path / name / "package" / "model.safetensors").read_bytes())
    assert weights[0] == weights[1]
    card = Card.read(tmp_path / "tuned" / "package")
    assert card.input == Card.read(tmp_path / "plain" / "package").input
    assert card.training["head_only"] is True
    assert card.training["finetune"]["interpolation_share"] == 0.0
    assert reason in card.training["finetune"]["reason"]
    seen = json.loads((tmp_path / "tuned" / "evaluation.json").read_text())["seen_by_backbone"]
    assert (seen["valid_photos"], seen["by_name"], seen["by_breed"]) == (6, 0, 4)
    assert seen["most"] is True and reason in seen["head_only_because"]
    assert reason in (tmp_path / "tuned" / "report.html").read_text()
    plain = json.loads((tmp_path / "plain" / "evaluation.json").read_text())["seen_by_backbone"]
    assert plain["head_only_because"] == ""  # nobody asked for more


def test_the_other_processes_end_where_nothing_is_fine_tuned() -> None:
    class Second(World):
        def broadcast(self, value: Any) -> Any:
            return None

    def build(dataset: Dataset) -> Any:
        raise AssertionError(dataset)

    follow(parse(["--out", "nowhere"], {}), build, Second(rank=1, size=2))


def test_the_package_serves_at_the_recipe_s_size(package: Path) -> None:
    card = Card.read(package)
    assert (card.input.size, card.input.crop_pct) == (176, 0.95)  # 160, enlarged by the recipe
    answer = warm_up(model_fn(str(package)), package)
    assert {entry["breed"] for entry in answer["breeds"]} == {"Beagle", "Boxer", "Havanese"}


def test_the_card_says_how(package: Path) -> None:
    training = Card.read(package).training
    assert training["head_only"] is False
    finetune = training["finetune"]
    assert (finetune["name"], finetune["epochs"]) == ("short", 4)
    assert finetune["interpolation_share"] == 1.0
    assert finetune["processes"] == 1 and set(finetune["valid_loss_by_share"]) == {"1"}
    assert "/" not in json.dumps(training)  # no path of this machine


def test_log_and_report_have_each_epoch(tuned: tuple[Path, Any]) -> None:
    out, done = tuned
    lines = [line for line in done.stdout.splitlines() if line.startswith("epoch ")]
    assert len(lines) == 2 + 4  # the head's and the network's
    assert "'short'" in done.stderr and "photos a second" in done.stderr
    assert (out / "report.html").is_file() and (out / "evaluation.json").is_file()
    assert list((out / "tensorboard" / "finetune").iterdir())
    assert not list(out.rglob(NAME))  # it has ended well: nothing to go on from


def test_the_label_report_is_made_here_too(tuned: tuple[Path, Any]) -> None:
    out, done = tuned
    finding = json.loads((out / "audit.json").read_text())["findings"][-1]
    assert finding["kind"] == WRONG_LABEL
    assert "label report: " in done.stderr
    assert "Wrong labels?" in (out / "report.html").read_text()


def test_the_network_has_moved_and_its_imagenet_head_has_not(
    package: Path, flags: list[str]
) -> None:
    after = safetensors.torch.load_file(package / "model.safetensors")
    before = safetensors.torch.load_file(flags[flags.index("--backbone-weights") + 1])
    assert torch.equal(after["backbone.fc.weight"], before["fc.weight"])
    assert not torch.equal(after["backbone.layer4.0.conv1.weight"], before["layer4.0.conv1.weight"])


@pytest.mark.slow
def test_ended_by_sigterm_and_started_again_gives_the_same_package(
    tuned: tuple[Path, Any], flags: list[str], tmp_path: Path
) -> None:
    """As a spot machine ends: after the first epoch, wherever it is then."""
    command = [sys.executable, str(TRAIN), *flags, "--out", str(tmp_path / "out")]
    command += ["--cache", str(tmp_path / "cache"), "--checkpoints", str(tmp_path / "kept")]
    process = subprocess.Popen(
        command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    )
    _until(lambda: (tmp_path / "kept" / NAME).is_file() or process.poll() is not None)
    process.send_signal(signal.SIGTERM)
    _, said = process.communicate(timeout=120)
    if process.returncode == 0:
        pytest.skip("this machine was through before the signal came")
    assert process.returncode == 1, said
    assert "the same command resumes it" in said
    assert not (tmp_path / "out" / "model.tar.gz").exists()
    again = subprocess.run(command, capture_output=True, text=True, check=False)
    assert again.returncode == 0, again.stderr
    expected = (tuned[0] / "model.tar.gz").read_bytes()
    assert (tmp_path / "out" / "model.tar.gz").read_bytes() == expected
    assert not list((tmp_path / "kept").iterdir())


@pytest.mark.slow
def test_two_hosts_train_one_model(
    flags: list[str], tuned: tuple[Path, Any], tmp_path: Path
) -> None:
    """As a SageMaker job of two instances starts them; the second writes nothing."""
    hosts = ["127.0.0.1", "127.0.0.2"]
    port, processes = str(_free_port()), []
    for host in hosts:
        base = tmp_path / host
        (base / "model").mkdir(parents=True)
        environment = os.environ | {
            "SM_HOSTS": json.dumps(hosts),
            "SM_CURRENT_HOST": host,
            "SM_MODEL_DIR": str(base / "model"),
            "SM_OUTPUT_DATA_DIR": str(base / "data"),
            "KENNEL_CACHE": str(base / "cache"),
            "MASTER_PORT": port,
            "GLOO_SOCKET_IFNAME": "lo",
        }
        processes.append(
            subprocess.Popen(
                [sys.executable, str(TRAIN), *flags],
                env=environment,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
            )
        )
    try:
        said = [process.communicate(timeout=300)[0] for process in processes]
    finally:
        for process in processes:
            process.kill()
            process.wait()
    assert [process.returncode for process in processes] == [0, 0], "\n".join(said)
    assert Card.read(tmp_path / hosts[0] / "model").training["finetune"]["processes"] == 2
    assert not list((tmp_path / hosts[1] / "model").iterdir())
    assert not (tmp_path / hosts[1] / "data").exists()
    assert "2 processes" in said[0]
    # they shared the batches that one host takes alone: the same losses up to rounding
    assert _losses(said[0]) == pytest.approx(_losses(tuned[1].stdout), rel=1e-3)


def _losses(log: str) -> list[float]:
    losses = [float(loss) for loss in re.findall(r"(?:train|valid):loss=([\d.]+)", log)]
    assert len(losses) == 2 * (2 + 4)
    return losses


def _until(true: Any) -> None:
    end = time.monotonic() + 120
    while not true() and time.monotonic() < end:
        time.sleep(0.005)


def _free_port() -> int:
    return free_ports(1)[0]
