import pytest
import timm
import torch

from dogbreeds.data.imagenet import DOG_CLASSES
from dogbreeds.network.network import Network, cut_head, imagenet_head
from dogbreeds.package.card import PreprocessConfig

STEP = PreprocessConfig(64, 0.9, "bicubic", (0.5, 0.4, 0.3), (0.2, 0.25, 0.3))


@pytest.fixture(scope="module")
def small() -> Network:
    """A network with random weights; 64 pixels keep it quick."""
    torch.manual_seed(3)
    network = Network(timm.create_model("tf_efficientnet_lite0"), len(DOG_CLASSES), STEP)
    cut_head(network, DOG_CLASSES)
    return network.eval()


@pytest.fixture
def photos() -> torch.Tensor:
    generator = torch.Generator().manual_seed(5)
    return torch.randint(0, 256, (2, 64, 64, 3), dtype=torch.uint8, generator=generator)


def test_outputs_are_the_backbones_own(small: Network, photos: torch.Tensor) -> None:
    # what timm would do: floats of 0..1, normalised, channels first
    pixels = photos.permute(0, 3, 1, 2).float() / 255
    normal = (pixels - torch.tensor(STEP.mean).view(3, 1, 1)) / torch.tensor(STEP.std).view(3, 1, 1)
    with torch.inference_mode():
        whole = small.backbone(normal)
        logits, mass = small(photos)
    assert logits.shape == (2, 121)
    assert mass.shape == (2,)
    torch.testing.assert_close(logits, whole[:, list(DOG_CLASSES)], atol=1e-3, rtol=1e-3)
    expected = whole.softmax(dim=1)[:, list(DOG_CLASSES)].sum(dim=1)
    torch.testing.assert_close(mass, expected, atol=1e-4, rtol=1e-3)


def test_a_new_breed_head_leaves_the_dog_mass(small: Network, photos: torch.Tensor) -> None:
    other = Network(small.backbone, 3, STEP).eval()
    with torch.inference_mode():
        logits, mass = other(photos)
        expected = small(photos)[1]
    assert logits.shape == (2, 3)
    torch.testing.assert_close(mass, expected)


def test_settings_are_not_weights(small: Network) -> None:
    # They come from the card; a state dict with them would load into the wrong normalisation.
    assert not {"scale", "shift", "dog_classes"} & set(small.state_dict())


def test_a_backbone_without_a_linear_classifier_is_refused() -> None:
    headless = timm.create_model("tf_efficientnet_lite0", num_classes=0)
    with pytest.raises(TypeError, match="is a Identity, expected a Linear"):
        imagenet_head(headless)
