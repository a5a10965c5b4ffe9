import base64
import io
import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from sagemaker_pytorch_serving_container.handler_service import HandlerService

from dogbreeds.package.card import Breed, Card, PackageError
from dogbreeds.photos.decode import wire_array
from dogbreeds.serving import inference
from dogbreeds.serving.inference import (
    BadPhoto,
    Model,
    Photo,
    RequestError,
    UnsupportedType,
    input_fn,
    model_fn,
    output_fn,
    predict_all,
    predict_fn,
    prepare_photos,
    warm_up,
)
from dogbreeds.serving.parameters import Parameters
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


def asking(photo: Photo, **asked: Any) -> Photo:
    return replace(photo, asked=Parameters(**asked))


def test_requests_that_ask_and_others_in_one_batch(model: Model, smoke_bytes: bytes) -> None:
    plain = input_fn(smoke_bytes, "image/jpeg")
    noise = np.random.default_rng(1).integers(0, 256, (2, 40, 80, 3), np.uint8)
    several = asking(input_fn(npy(noise), NPY), explain=True)
    requests = [plain, several, asking(plain, top=121), asking(plain, explain=True, top=1)]
    answers = predict_all([prepare_photos(photo, model) for photo in requests], model)
    first, pair, all_breeds, explained = answers
    assert "explain" not in first
    assert [set(each["explain"]) for each in pair["photos"]] == [{"breed", "heat_map"}] * 2
    assert len(all_breeds["breeds"]) == 121 and all_breeds["breeds"][:5] == first["breeds"]
    assert explained["breeds"] == first["breeds"][:1]
    assert explained["explain"]["breed"] == "Bull Mastiff"
    png = Image.open(io.BytesIO(base64.b64decode(explained["explain"]["heat_map"])))
    assert (png.format, max(png.size)) == ("PNG", 128)
    assert len(json.dumps(explained["explain"])) < 8_000


def test_more_breeds_than_the_model_knows(model: Model, smoke_bytes: bytes) -> None:
    with pytest.raises(RequestError, match="top is 122; the model knows 121 breeds") as refusal:
        predict_fn(asking(input_fn(smoke_bytes, "image/jpeg"), top=122), model)
    assert refusal.value.status == 422


@pytest.mark.parametrize(
    ("score", "sure", "dog"),
    [(0.4, 0.5, "perhaps"), (0.5, 0.5, "yes"), (0.19, 0.5, "no"), (0.2, None, "yes")],
)
def test_perhaps_a_dog(model: Model, score: float, sure: float | None, dog: str) -> None:
    card = replace(model.card, dog_threshold=0.2, sure_dog_threshold=sure)
    answer = of_outputs(replace(model, card=card), [0.0, 1.0], score)
    assert (answer["dog"], answer["is_dog"]) == (dog, dog != "no")


@pytest.mark.parametrize(
    ("threshold", "likely"),
    [(0.2, ["B", "C"]), (0.001, ["B", "C", "A"]), (0.9, ["B"]), (None, None)],
)
def test_the_likely_breeds(model: Model, threshold: float | None, likely: list[str] | None) -> None:
    card = replace(model.card, likely_threshold=threshold)
    three = replace(model, card=card, breeds=[Breed(name, "") for name in "ABC"])
    answer = of_outputs(three, [0.0, 4.0, 3.0], 0.9)  # 0.01, 0.72, 0.27
    assert answer.get("likely") == likely


def of_outputs(model: Model, logits: list[float], score: float) -> dict[str, Any]:
    """The answer to an input for which the network has these outputs."""

    class Fixed:
        def __call__(self, _: object) -> tuple[object, object]:
            return np.array([logits], np.float32), np.array([score], np.float32)

    fixed = replace(model, engine=Fixed())  # type: ignore[arg-type]
    return predict_fn(input_fn(npy(np.zeros((8, 8, 3), np.uint8)), NPY), fixed)


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
    assert "_core_each" in vars(model.engine)  # so that the first two calls at once need not wait


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
