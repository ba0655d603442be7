"""Features from images."""

import logging
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
import torch
from class_resolver import HintOrType, OptionalKwargs

from .encoded_features import EncodedFeatures, FloatArray
from .encoder_factory import EncoderFactory
from .encoding import Inputs, encode, to_array
from .image_encoders import ImageEncoder, image_encoder_resolver
from .inputs import hash_strings, is_missing, split_labels, to_path

if TYPE_CHECKING:
    from PIL.Image import Image

__all__ = ["ImagePaths", "encode_images"]

logger = logging.getLogger(__name__)

#: One path for each row, or by label. None is missing.
ImagePaths: TypeAlias = Sequence[str | os.PathLike[str] | None] | Mapping[str, str | os.PathLike[str] | None]


def encode_images(
    paths: ImagePaths,
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
        mapping, else the paths.
    :param encoder: the encoder. ``torchvision``, the default, needs ``pip install torchvision``, cf.
        :class:`pykeen_dhns.features.TorchvisionImageEncoder`.
    :param encoder_kwargs: additional keyword-based parameters of the encoder, e.g., ``dict(model="vit_b_16")``
    :param random_seed: the seed of the encoder's initialisation, if this is random
    :param batch_size: how many images to encode at once. With too little memory, stop, and continue with less.
    :param cache: the path of a file, with suffix ``.npy``. The result is saved there, with its provenance, and the same
        call loads it later. If a run is stopped, the same call continues it. Images are compared by path and size.
    :param progress: whether to show a progress bar

    :returns: shape: (n, k) the features, with rows of NaN for missing images

    :raises ImportError: if a package is not installed
    :raises TypeError: if there is something else than a path
    :raises ValueError: if no image can be read, or the cache is from another run, e.g., of other images
    """  # noqa: DOC502
    rows, labels = split_labels("paths", paths, labels)
    files = {row: to_path(f"paths[{row}]", path) for row, path in enumerate(rows) if not is_missing(path)}
    sizes = {row: path.stat().st_size for row, path in files.items() if path.is_file()}
    inputs = Inputs(
        kind="images",
        labels=labels,
        items={row: files[row] for row in sizes},
        missing={
            "no path": [row for row in range(len(rows)) if row not in files],
            "not a file": [row for row in files if row not in sizes],
        },
        inputs_hash=hash_strings(f"{sizes.get(row)} {files.get(row)}" for row in range(len(rows))),
    )
    factory = EncoderFactory(image_encoder_resolver, encoder, encoder_kwargs, random_seed)
    return encode(inputs, factory, _encode_batch, batch_size=batch_size, cache=cache, progress=progress)


def _encode_batch(encoder: ImageEncoder, paths: Sequence[Path]) -> FloatArray | None:
    """Encode a batch, with rows of NaN for images that cannot be read."""
    images = {
        position: encoder.transform(image)
        for position, path in enumerate(paths)
        if (image := _read_image(path)) is not None
    }
    if not images:
        return None
    encoded = to_array(encoder(torch.stack(list(images.values()))), [paths[position] for position in images])
    result = np.full((len(paths), encoded.shape[1]), np.nan, dtype=np.float32)
    result[list(images)] = encoded
    return result


def _read_image(path: Path) -> "Image | None":
    """Read an image, or log why it cannot be read."""
    try:
        from PIL import Image
    except ImportError as error:
        raise ImportError("Reading images needs Pillow: pip install pillow") from error
    try:
        with Image.open(path) as image:
            if image.mode.startswith("I;16") or (image.mode == "I" and image.format == "PNG"):
                # 16 bits per pixel: Pillow would make everything white that is not black
                return Image.fromarray((np.asarray(image) >> 8).astype(np.uint8)).convert("RGB")
            # through RGBA, since Pillow warns of palettes with a transparent colour
            return (image.convert("RGBA") if image.mode == "P" else image).convert("RGB")
    except MemoryError:
        raise
    except Exception as error:
        # each format has its own kinds of errors
        logger.info("%s cannot be read: %s", path, error, exc_info=logger.isEnabledFor(logging.DEBUG))
        return None
