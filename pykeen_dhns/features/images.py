"""Features from images."""

import functools
import logging
import os
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import NoneType
from typing import TYPE_CHECKING, cast

import numpy as np
import torch
from class_resolver import ClassResolver, HintOrType, OptionalKwargs
from torch import Tensor, nn
from typing_extensions import override

from .arrays import expand_path
from .encoded_features import EncodedFeatures
from .encoding import describe, encode
from .labels import split_labels
from ..utils.validation import check_kwargs, check_type

if TYPE_CHECKING:
    from PIL.Image import Image

__all__ = ["ImageEncoder", "TorchvisionImageEncoder", "encode_images", "image_encoder_resolver"]

logger = logging.getLogger(__name__)


class ImageEncoder(nn.Module, ABC):
    """An encoder for images."""

    @abstractmethod
    def transform(self, image: "Image") -> Tensor:
        """Prepare an image.

        :param image: an image, in RGB

        :returns: shape: `(*image_shape)` the encoder's input for it. All images have the same shape.
        """

    @abstractmethod
    def forward(self, images: Tensor) -> Tensor:
        """Encode a batch of images.

        :param images: shape: `(batch_size, *image_shape)` the images

        :returns: shape: `(batch_size, dim)` their features
        """


class TorchvisionImageEncoder(ImageEncoder):
    """One of torchvision's classification models, without its last layer.

    PyKEEN's :class:`pykeen.nn.vision.VisualRepresentation` (1.11.1) uses the same models, but crops images at random,
    has random parameters if the model is given by name, and cannot join batches.
    """

    def __init__(
        self,
        model: str = "resnet50",
        weights: str | Path | None = "DEFAULT",
        layer_name: str | None = None,
        model_kwargs: OptionalKwargs = None,
    ) -> None:
        """Initialize the encoder.

        :param model: the model's name, cf. :func:`torchvision.models.list_models`
        :param weights: its parameters: the name of those that torchvision downloads (``DEFAULT`` are the best), the
            path of a file with a state dict, or None for random ones
        :param layer_name: the layer whose output is used, averaged over all dimensions but the first two, cf.
            :func:`torchvision.models.feature_extraction.get_graph_node_names`. If None, it is the last but one.
        :param model_kwargs: additional keyword-based parameters of the model

        :raises ValueError: if there are no such parameters
        """
        super().__init__()
        check_type("model", model, str, "the name of a model")
        check_type("weights", weights, (str, os.PathLike, NoneType), "a name, a path, or None")
        check_type("layer_name", layer_name, (str, NoneType), "the name of a layer, or None")
        check_kwargs("model_kwargs", model_kwargs)
        from torchvision import models
        from torchvision.models import feature_extraction as extraction

        presets = models.get_model_weights(model)
        preset = weights if weights in presets.__members__ else None
        backbone = models.get_model(model, weights=preset, **(model_kwargs or {})).eval()
        if preset is None and weights is not None:
            path = expand_path(weights)
            if not path.is_file():
                raise ValueError(f"weights={str(weights)!r} is neither a file nor one of {list(presets.__members__)}.")
            backbone.load_state_dict(torch.load(path, map_location="cpu", weights_only=True))
        # images are prepared as they were when the model was trained
        self._transform = presets[preset or "DEFAULT"].transforms()
        layer_name = layer_name or extraction.get_graph_node_names(backbone)[1][-2]
        self.model, self.weights, self.layer_name = model, weights, layer_name
        self.backbone = extraction.create_feature_extractor(backbone, return_nodes={layer_name: "features"})
        self.to(torch.device("cuda" if torch.cuda.is_available() else "cpu"))

    @override
    def transform(self, image: "Image") -> Tensor:
        return cast(Tensor, self._transform(image))

    @override
    def forward(self, images: Tensor) -> Tensor:
        features: Tensor = self.backbone(images.to(next(self.parameters()).device))["features"]
        return features if features.ndim == 2 else features.flatten(start_dim=2).mean(dim=2)

    @override
    def extra_repr(self) -> str:
        return f"model={self.model!r}, weights={self.weights!r}, layer_name={self.layer_name!r}"


#: A resolver for encoders of images
image_encoder_resolver: ClassResolver[ImageEncoder] = ClassResolver.from_subclasses(
    base=ImageEncoder, default=TorchvisionImageEncoder
)


def encode_images(
    paths: Sequence[str | os.PathLike[str] | None] | Mapping[str, str | os.PathLike[str] | None],
    *,
    labels: Sequence[str] | None = None,
    encoder: HintOrType[ImageEncoder] = "torchvision",
    encoder_kwargs: OptionalKwargs = None,
    random_seed: int = 0,
    batch_size: int = 32,
    cache: str | os.PathLike[str] | None = None,
    progress: bool = True,
) -> EncodedFeatures:
    """Encode images of entities.

    :param paths: length: n, the paths of the images, one for each row, or a mapping from labels to paths. None, paths
        that are not files, and images that cannot be read become missing rows.
    :param labels: length: n, the labels of the entities to which the rows belong. If None, these are the keys of the
        mapping. Without either, nothing can check that rows are those of the entities of a triples factory.
    :param encoder: the encoder. ``torchvision``, the default, needs ``pip install torchvision``, cf.
        :class:`pykeen_dhns.features.TorchvisionImageEncoder`.
    :param encoder_kwargs: additional keyword-based parameters of the encoder, e.g., ``dict(model="vit_b_16")``
    :param random_seed: the seed of the encoder's initialisation, if this is random
    :param batch_size: how many images to encode at once. With too little memory, stop, and continue with less.
    :param cache: the path of a file, with suffix ``.npy``. The result is saved there, with its provenance, and the same
        call loads it later. If a run is stopped, the same call continues it. Images are compared by path and size.
    :param progress: whether to show a progress bar

    :returns: shape: (n, k) the features, with rows of NaN for missing images
    """
    items, labels = split_labels("paths", paths, labels)
    for path in items:
        check_type("paths", path, (str, os.PathLike, NoneType), "paths, or None where an image is missing")
    files = [None if path is None else expand_path(path) for path in items]
    sizes = [path.stat().st_size if path is not None and path.is_file() else None for path in files]
    inputs = [[str(path), size] for path, size in zip(files, sizes, strict=True)]
    request = describe("images", inputs, labels, image_encoder_resolver, encoder, encoder_kwargs, random_seed)
    make_encoder = functools.partial(image_encoder_resolver.make, encoder, encoder_kwargs)
    return encode(files, labels, request, make_encoder, _encode_batch, batch_size, cache, progress=progress)


def _encode_batch(encoder: ImageEncoder, paths: list[Path]) -> Tensor:
    """Encode a batch, with rows of NaN for images that cannot be read, shape: (batch_size, k)."""
    from PIL import Image

    images = [_read_image(path) for path in paths]
    # a black image stands in for one that cannot be read
    black = Image.new("RGB", (64, 64))
    features: Tensor = encoder(torch.stack([encoder.transform(image or black) for image in images]))
    features[[image is None for image in images]] = torch.nan
    return features


def _read_image(path: Path) -> "Image | None":
    """Read an image, or log why it cannot be read."""
    from PIL import Image

    try:
        with Image.open(path) as image:
            if image.mode.startswith("I;16"):
                # Pillow would make everything white that is not black
                return Image.fromarray((np.asarray(image) >> 8).astype(np.uint8)).convert("RGB")
            return image.convert("RGB")
    except Exception:
        # each format has its own kinds of errors
        logger.info("%s cannot be read", path, exc_info=True)
        return None
