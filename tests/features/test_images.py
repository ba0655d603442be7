"""Tests for features from images."""

import logging
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor
from typing_extensions import override

from pykeen_dhns.features import EncodedFeatures, ImageEncoder, TorchvisionImageEncoder, encode_images

Image = pytest.importorskip("PIL.Image")

COLOURS = [(255, 0, 0), (0, 255, 0), (0, 0, 255), (10, 20, 30)]


class MeanColour(ImageEncoder):
    """An encoder whose result is the mean colour."""

    @override
    def transform(self, image: Any) -> Tensor:
        assert image.mode == "RGB"
        return torch.as_tensor(np.asarray(image, dtype=np.float32).mean(axis=(0, 1)))

    @override
    def forward(self, images: Tensor) -> Tensor:
        return images


@pytest.fixture(name="folder")
def _folder(tmp_path: Path) -> Path:
    """Write some images, and some files that are none."""
    folder = tmp_path / "images"
    folder.mkdir()
    for i, colour in enumerate(COLOURS):
        Image.new("RGB", (5 + i, 7), colour).save(folder / f"{i}.png")
    content = folder.joinpath("3.png").read_bytes()
    folder.joinpath("cut.png").write_bytes(content[: len(content) // 2])
    folder.joinpath("text.png").write_text("this is no image", encoding="utf8")
    folder.joinpath("empty.png").touch()
    folder.joinpath("folder.png").mkdir()
    return folder


def paths(folder: Path) -> list[Any]:
    """Return paths of all kinds."""
    names = ["0.png", "cut.png", "text.png", "1.png", "nothing.png", "folder.png", "2.png", "empty.png", "3.png"]
    return [*(folder / name for name in names[:4]), None, *(str(folder / name) for name in names[4:])]


def run(inputs: Any, **kwargs: Any) -> EncodedFeatures:
    """Encode with an encoder that needs no torchvision."""
    defaults: dict[str, Any] = dict(encoder=MeanColour, batch_size=2, progress=False)
    return encode_images(inputs, **(defaults | kwargs))


@pytest.mark.parametrize("batch_size", [1, 2, 100])
def test_missing(folder: Path, caplog: pytest.LogCaptureFixture, batch_size: int) -> None:
    """Images that cannot be read are missing, counted, and reported."""
    with caplog.at_level(logging.INFO, logger="pykeen_dhns"):
        features = run(paths(folder), labels=list("abcdefghij"), batch_size=batch_size)
    assert features.features.shape == (10, 3)
    assert [row for row in range(10) if features.mask[row]] == [0, 3, 7, 9]
    assert features.features[features.mask].tolist() == [list(map(float, colour)) for colour in COLOURS]
    assert "6 of 10 images are missing: ['b', 'c', 'e', 'f', 'g', 'i']" in caplog.messages
    for name in ("cut.png", "text.png", "empty.png", "nothing.png", "folder.png"):
        assert f"{folder / name} cannot be read" in caplog.messages


@pytest.mark.parametrize("suffix", [".png", ".tiff"])
def test_grey_of_16_bits(tmp_path: Path, suffix: str) -> None:
    """Of 16 bits for each pixel, the upper 8 count."""
    path = tmp_path / f"image{suffix}"
    Image.fromarray(np.full((4, 4), 0x3344, dtype=np.uint16)).save(path)
    assert run([path]).features.tolist() == [[0x33] * 3]


def test_cache(folder: Path, tmp_path: Path) -> None:
    """Images are compared by path and size."""
    for _ in range(2):
        assert run([folder / "0.png"], cache=tmp_path / "visual.npy").features.tolist() == [[255.0, 0.0, 0.0]]
    Image.new("RGB", (50, 50), (1, 2, 3)).save(folder / "0.png")
    with pytest.raises(ValueError, match=r"visual.npy' is from another run: inputs_hash="):
        run([folder / "0.png"], cache=tmp_path / "visual.npy")


@pytest.mark.parametrize(
    ("inputs", "kwargs", "error", "message"),
    [
        (["nothing.png", None], {}, ValueError, "^None of the 2 inputs can be encoded: .*'nothing.png'.*None"),
        ([__file__], dict(encoder=torch.nn.Identity()), TypeError, "encoder=Identity.* a name of ImageEncoder"),
    ],
)
def test_errors(inputs: Any, kwargs: Any, error: type[Exception], message: str) -> None:
    """The message says what was given, and what is needed."""
    with pytest.raises(error, match=message):
        run(inputs, **kwargs)


@pytest.mark.parametrize(("package", "encoder"), [("torchvision", None), ("PIL", MeanColour)])
def test_packages_are_optional(folder: Path, package: str, encoder: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a package, the error names it."""
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(ImportError, match=package):
        run([folder / "0.png"], encoder=encoder)


@pytest.mark.parametrize(
    ("model", "layer_name", "dim"),
    [("resnet18", None, 512), ("resnet18", "layer1.0.conv1", 64), ("mobilenet_v3_small", None, 1024)],
)
def test_torchvision(folder: Path, tmp_path: Path, model: str, layer_name: str | None, dim: int) -> None:
    """Models of torchvision, with parameters from a file."""
    models = pytest.importorskip("torchvision.models")
    weights = tmp_path / "weights.pth"
    network = models.get_model(model, weights=None).eval()
    torch.save(network.state_dict(), weights)
    kwargs: Any = dict(
        encoder="torchvision", encoder_kwargs=dict(model=model, weights=weights, layer_name=layer_name), batch_size=3
    )
    features = run(paths(folder), **kwargs)
    assert features.features.shape == (10, dim)
    assert features.mask.sum() == 4
    assert features.provenance.encoder_kwargs["weights"] == str(weights)
    # neither batches nor instances make a difference
    single = run([folder / "1.png"], encoder=TorchvisionImageEncoder(**kwargs["encoder_kwargs"]))
    assert np.allclose(single.features[0], features.features[3], atol=1e-5)
    if layer_name is None:
        # what the last layer makes of it is what the whole network would
        last = [module for module in network.modules() if isinstance(module, torch.nn.Linear)][-1]
        transforms = models.get_model_weights(model).DEFAULT.transforms()
        with Image.open(folder / "1.png") as image, torch.inference_mode():
            expected = network(transforms(image.convert("RGB")).unsqueeze(dim=0))
        assert torch.allclose(last(torch.as_tensor(single.features)), expected, atol=1e-4)


@pytest.mark.parametrize(
    ("kwargs", "message"),
    [
        (dict(model="nothing"), "(?i)unknown model nothing"),
        (dict(model="resnet18", weights="nothing"), "weights='nothing' is neither a file nor one of .'IMAGENET1K_V1"),
        (dict(model="resnet18", weights=None, layer_name="fc9"), r"node: 'fc9' is not present in model"),
    ],
)
def test_torchvision_errors(kwargs: Any, message: str) -> None:
    """The message says what was given, and what is allowed."""
    pytest.importorskip("torchvision")
    with pytest.raises(ValueError, match=message):
        TorchvisionImageEncoder(**kwargs)
