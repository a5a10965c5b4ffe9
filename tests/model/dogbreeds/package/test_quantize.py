import shutil
from pathlib import Path

import numpy as np
import pytest

from dogbreeds.network.export import export
from dogbreeds.network.network import Network
from dogbreeds.network.weights import load_backbone
from dogbreeds.package.pretrained import preprocess_config
from dogbreeds.package.quantize import (
    MIN_PHOTOS,
    add_int8_if_accurate,
    decide,
    labelled,
    quantize,
    top_breeds,
)
from dogbreeds.serving.engine import (
    FP32,
    INT8,
    Engine,
    has_fast_int8,
    variant_for_this_processor,
)


def test_too_few_photos_stay_in_fp32(package: Path, tmp_path: Path) -> None:
    photos = np.zeros((3, 260, 260, 3), np.uint8)
    decision = add_int8_if_accurate(tmp_path, photos, [0, 0, 0])  # the network is not read
    assert decision.precision == "fp32"
    assert decision.reason == (
        f"3 valid photos are too few to decide on int8; {MIN_PHOTOS} or more are needed."
    )
    assert list(tmp_path.iterdir()) == []


def test_labels_must_be_as_many_as_photos(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="2 labels for 3 photos"):
        add_int8_if_accurate(tmp_path, np.zeros((3, 4, 4, 3), np.uint8), [0, 0])


@pytest.mark.parametrize(
    ("int8", "mass_change", "precision", "reason"),
    [
        ([0] * 200, 0.0, "int8", "accepted: top-1 1.000 against 1.000"),
        ([1] + [0] * 199, 0.0, "int8", "accepted: top-1 0.995"),  # 0.5 points, just
        ([1] * 2 + [0] * 198, 0.0, "fp32", "refused: top-1 0.990"),
        ([0] * 200, 0.3, "fp32", "refused: it changes the dog mass by 0.300"),
        ([0] * 200, float("nan"), "fp32", "refused"),
    ],
)
def test_half_a_point_decides(
    int8: list[int], mass_change: float, precision: str, reason: str
) -> None:
    decision = decide(np.zeros(200, np.int64), np.array(int8), mass_change, [0] * 200)
    assert decision.precision == precision
    assert reason in decision.reason


def test_the_same_network_gives_the_same_int8_bytes(tmp_path: Path) -> None:
    """OpenVINO and NNCF number the nodes of a process on and on."""
    backbone = load_backbone("test_resnet", random=True).module
    config = preprocess_config(backbone)
    network = Network(backbone, 3, config).eval()
    side = config.size
    photos = np.random.default_rng(1).integers(0, 256, (MIN_PHOTOS, side, side, 3), np.uint8)
    written = []
    for folder in (tmp_path / "a", tmp_path / "b"):
        folder.mkdir()
        export(network, side, folder)
        quantize(folder, photos, folder)
        written.append([(folder / file).read_bytes() for file in (*FP32.files, *INT8.files)])
    assert written[0] == written[1]


@pytest.mark.parametrize(
    ("flags", "variant"), [("sse avx512_vnni", INT8), ("avx_vnni", INT8), ("avx2 avx512f", FP32)]
)
def test_int8_runs_only_where_the_processor_is_made_for_it(
    tmp_path: Path, flags: str, variant: object
) -> None:
    cpuinfo = tmp_path / "cpuinfo"
    cpuinfo.write_text(f"flags\t\t: {flags}\n")
    assert variant_for_this_processor(tmp_path, cpuinfo) is FP32  # there is no other
    for name in INT8.files:
        (tmp_path / name).touch()
    assert variant_for_this_processor(tmp_path, cpuinfo) is variant
    assert variant_for_this_processor(tmp_path, tmp_path / "none") is FP32


@pytest.mark.slow
@pytest.mark.shared
def test_the_int8_variant_is_smaller_and_loads(package: Path, tmp_path: Path) -> None:
    photos = np.random.default_rng(2).integers(0, 256, (4, 260, 260, 3), np.uint8)
    quantize(package, photos, tmp_path)
    size = (tmp_path / INT8.files[1]).stat().st_size
    # the heads, a quarter of the weights, stay in fp32
    assert size < (package / FP32.files[1]).stat().st_size / 2
    assert Engine(tmp_path, variant=INT8)(photos)[0].shape == (4, 121)


@pytest.mark.skipif(has_fast_int8(), reason="the processor has VNNI: int8 is tried")
def test_int8_is_not_tried_where_its_sums_overflow(tmp_path: Path) -> None:
    photos = np.zeros((MIN_PHOTOS, 4, 4, 3), np.uint8)
    decision = add_int8_if_accurate(tmp_path, photos, [0] * MIN_PHOTOS)
    assert decision.precision == "fp32"
    assert "neither VNNI nor Arm's dot product" in decision.reason


@pytest.mark.slow
@pytest.mark.skipif(not has_fast_int8(), reason="the processor has no VNNI: int8 is not tried")
def test_int8_on_real_photos(package: Path, shared_data: Path, tmp_path: Path) -> None:
    for name in FP32.files:
        shutil.copyfile(package / name, tmp_path / name)
    photos, labels = labelled(package, shared_data / "woof10" / "valid")
    decision = add_int8_if_accurate(tmp_path, photos, labels)
    assert decision.photos == 200
    assert decision.precision == "int8", decision.reason
    # photos that neither calibrated nor decided
    unseen, _ = labelled(package, shared_data / "woof10" / "test")
    int8, _ = top_breeds(Engine(tmp_path, variant=INT8), unseen[::3])
    fp32, _ = top_breeds(Engine(tmp_path, variant=FP32), unseen[::3])
    assert float((int8 == fp32).mean()) >= 0.9
