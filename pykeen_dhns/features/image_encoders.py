"""Encoders for images."""

import logging
from abc import ABC, abstractmethod
from pathlib import Path
from typing import TYPE_CHECKING, cast

import torch
from class_resolver import ClassResolver, OptionalKwargs
from torch import Tensor, nn
from typing_extensions import override

from .inputs import to_path

if TYPE_CHECKING:
    from PIL.Image import Image

__all__ = [
    "ImageEncoder",
    "TorchvisionImageEncoder",
    "image_encoder_resolver",
]

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

        :raises ImportError: if torchvision is not installed
        :raises ValueError: if there is no such model, parameters, or layer
        """  # noqa: DOC503
        super().__init__()
        self.model, self.weights, self.layer_name = model, weights, layer_name
        try:
            from torchvision import models
            from torchvision.models import feature_extraction as extraction
        except ImportError as error:
            raise ImportError("This encoder needs torchvision: pip install torchvision") from error
        presets = models.get_model_weights(model)
        is_preset = weights in presets.__members__
        backbone = models.get_model(model, weights=weights if is_preset else None, **(model_kwargs or {})).eval()
        if not is_preset:
            _initialize(backbone, weights, known=list(presets.__members__))
        # images are prepared as they were when the model was trained
        self._transform = presets[weights if is_preset else "DEFAULT"].transforms()
        _, layers = extraction.get_graph_node_names(backbone)
        self.layer_name = layers[-2] if layer_name is None else layer_name
        self.backbone = extraction.create_feature_extractor(backbone, return_nodes={self.layer_name: "features"})
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


def _initialize(backbone: nn.Module, weights: str | Path | None, known: list[str]) -> None:
    """Initialise a model from a file, or leave it as it is."""
    if weights is None:
        logger.warning("The parameters of the encoder are random, so its features are hardly of any use.")
        return
    path = to_path("weights", weights)
    if not path.is_file():
        raise ValueError(f"weights={str(weights)!r} is neither a file nor one of {', '.join(known)}.")
    try:
        backbone.load_state_dict(torch.load(path, map_location="cpu", weights_only=True))
    except Exception as error:
        # without PyTorch's own message, which may suggest to run the code in the file
        raise ValueError(
            f"weights={str(path)!r} cannot be loaded: it must be a file with the parameters of this model, as "
            f"torch.save(model.state_dict(), path) writes it."
        ) from error


#: A resolver for encoders of images
image_encoder_resolver: ClassResolver[ImageEncoder] = ClassResolver.from_subclasses(
    base=ImageEncoder, default=TorchvisionImageEncoder
)
