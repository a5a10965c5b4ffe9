import io
import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from sagemaker_pytorch_serving_container.handler_service import HandlerService

from dogbreeds.package.card import Card, PackageError
from dogbreeds.photos.decode import wire_array
from dogbreeds.serving import inference
from dogbreeds.serving.inference import (
    BadPhoto,
    Model,
    UnsupportedType,
    input_fn,
    model_fn,
    output_fn,
    predict_fn,
    warm_up,
)
from kennel.cloud.sagemaker.frameworks.pytorch_inference import RequestContext

NPY = "application/x-npy"


def npy(array: np.ndarray[tuple[int, ...], np.dtype[np.generic]]) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, array)
    return buffer.getvalue()


def test_awss_toolkit_calls_the_four_functions(package: Path, smoke_bytes: bytes) -> None:
    context = RequestContext(str(package), {"content-type": "image/jpeg"})
    service = HandlerService()
    service.initialize(context)
    (answer,) = service.handle([{"body": smoke_bytes}], context)
    assert json.loads(answer)["breeds"][0]["breed"] == "Bull Mastiff"


def test_the_four_functions_in_turn(package: Path, smoke_bytes: bytes) -> None:
    model = model_fn(str(package))
    answer = json.loads(output_fn(predict_fn(input_fn(smoke_bytes, "image/jpeg"), model)))
    assert set(answer) == {"model", "is_dog", "dog", "dog_score", "breeds", "took_ms"}
    assert answer["model"] == f"tf_efficientnet_lite2-pretrained@{Card.read(package).version}"
    assert answer["is_dog"] is True
    assert 0.5 < answer["dog_score"] < 1
    assert answer["took_ms"] > 0
    assert [set(entry) for entry in answer["breeds"]] == [{"breed", "probability"}] * 5
    probabilities = [entry["probability"] for entry in answer["breeds"]]
    assert probabilities == sorted(probabilities, reverse=True)
    assert sum(probabilities) <= 1
    assert answer["breeds"][0]["breed"] == "Bull Mastiff"


def test_the_wire_and_the_photo_get_the_same_answer(model: Model, smoke_bytes: bytes) -> None:
    from_wire = predict_fn(input_fn(npy(wire_array(smoke_bytes)), NPY), model)
    from_photo = predict_fn(input_fn(smoke_bytes, "image/jpeg"), model)
    assert from_wire["breeds"] == from_photo["breeds"]
    assert from_wire["dog_score"] == from_photo["dog_score"]


def test_temperature_and_threshold_are_the_cards(model: Model, smoke_bytes: bytes) -> None:
    photo = input_fn(smoke_bytes, "image/jpeg")
    plain = predict_fn(photo, model)
    cool = replace(model, card=replace(model.card, temperature=2.0, dog_threshold=0.999))
    answer = predict_fn(photo, cool)
    assert answer["breeds"][0]["breed"] == plain["breeds"][0]["breed"]
    assert answer["breeds"][0]["probability"] < plain["breeds"][0]["probability"]
    assert (plain["is_dog"], answer["is_dog"]) == (True, False)


def test_a_model_of_two_breeds_answers_with_two(model: Model, smoke_bytes: bytes) -> None:
    class TwoBreeds:
        def __call__(self, _: object) -> tuple[object, object]:
            return np.array([[0.0, 1.0]], np.float32), np.array([0.9], np.float32)

    small = replace(model, breeds=model.breeds[:2], engine=TwoBreeds())  # type: ignore[arg-type]
    answer = predict_fn(input_fn(smoke_bytes, "image/jpeg"), small)
    assert [entry["breed"] for entry in answer["breeds"]] == [
        model.breeds[1].breed,
        model.breeds[0].breed,
    ]


@pytest.mark.parametrize("kind", ["", "text/plain", "image/gif", "application/json", "image/*"])
def test_other_content_types(kind: str) -> None:
    with pytest.raises(UnsupportedType, match="send one of application/x-npy, image/jpeg") as info:
        input_fn(b"x", kind)
    assert info.value.status == 415


def test_a_broken_wire_is_a_bad_photo() -> None:
    with pytest.raises(BadPhoto, match=r"3 bytes received are no \.npy") as info:
        input_fn(b"npy", NPY)
    assert info.value.status == 400


@pytest.mark.parametrize("kind", ["image/png; charset=x", "IMAGE/PNG", " image/png "])
def test_content_types_are_read_as_http_means_them(kind: str) -> None:
    with pytest.raises(BadPhoto, match="no JPEG, PNG or WebP"):
        input_fn(b"x", kind)


def test_the_warm_up_answers_the_packages_own_photo(model: Model, package: Path) -> None:
    assert warm_up(model, package)["breeds"][0]["breed"] == model.card.smoke_breed
    assert "_any_batch" in vars(model.engine)  # so that the first batch need not wait


def test_another_answer_to_the_smoke_photo_is_a_broken_package(model: Model, package: Path) -> None:
    other = replace(model, card=replace(model.card, smoke_breed="Pug"))
    with pytest.raises(PackageError, match="'Bull Mastiff', expected 'Pug'"):
        warm_up(other, package)


def test_a_package_without_its_smoke_photo(model: Model, tmp_path: Path) -> None:
    with pytest.raises(PackageError, match=r"smoke\.jpg cannot be read"):
        warm_up(model, tmp_path)


def test_weights_that_are_no_numbers(package: Path, tmp_path: Path) -> None:
    broken = shutil.copytree(package, tmp_path / "package")
    weights = np.fromfile(broken / "network.bin", np.uint8)
    weights[len(weights) // 2 :] = 255  # float32 of all ones is NaN
    weights.tofile(broken / "network.bin")
    with pytest.raises(PackageError, match=r"not a number|calls its smoke photo|cannot load"):
        warm_up(model_fn(str(broken)), broken)


def test_a_list_of_too_few_breeds(package: Path, tmp_path: Path) -> None:
    broken = shutil.copytree(package, tmp_path / "package")
    entries = json.loads((broken / "breeds.json").read_text())
    (broken / "breeds.json").write_text(json.dumps(entries[:-1]))
    with pytest.raises(PackageError, match=r"121 outputs and breeds\.json 120 breeds"):
        model_fn(str(broken))


def test_public_names() -> None:
    # SageMaker's hosts look these up by name.
    for name in ("model_fn", "input_fn", "predict_fn", "output_fn"):
        assert callable(getattr(inference, name))
