"""Encoders that tell what they encode, and can be stopped."""

import os
import signal
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from pykeen.nn.text import TextEncoder
from torch import Tensor, nn

from pykeen_dhns.features import ImageEncoder

if TYPE_CHECKING:
    from PIL.Image import Image

#: The environment variables with the path of a record of what was encoded, and the number of inputs after which the
#: process is killed. No arguments, since these would make a resumed run another one.
RECORD, KILL_AFTER = "TEST_RECORD", "TEST_KILL_AFTER"


def record(inputs: Sequence[str]) -> None:
    """Record what is encoded, and kill the process when it is time."""
    if RECORD in os.environ:
        with Path(os.environ[RECORD]).open("a", encoding="utf8") as file:
            file.writelines(f"{value}\n" for value in inputs)
    if len(read_record()) >= float(os.environ.get(KILL_AFTER, "inf")):
        os.kill(os.getpid(), signal.SIGKILL)


def read_record() -> list[str]:
    """Return what was encoded, by all processes."""
    path = Path(os.environ.get(RECORD, "nowhere"))
    return path.read_text(encoding="utf8").splitlines() if path.is_file() else []


class RecordingTextEncoder(TextEncoder):
    """An encoder with random parameters, whose result also depends on the other texts of a batch."""

    def __init__(self, dim: int = 3) -> None:
        """Initialize the encoder."""
        super().__init__()
        self.weight = nn.Parameter(torch.randn(dim))

    def forward_normalized(self, texts: Sequence[str]) -> Tensor:
        """Encode a batch."""
        record(texts)
        lengths = torch.as_tensor([sum(map(ord, text)) for text in texts], dtype=torch.float32)
        return (lengths + lengths.mean()).sin().unsqueeze(dim=1) * self.weight


class RecordingImageEncoder(ImageEncoder):
    """An encoder whose result is the mean colour."""

    def __init__(self, scale: float = 1.0) -> None:
        """Initialize the encoder."""
        super().__init__()
        self.scale = scale

    def transform(self, image: "Image") -> Tensor:
        """Get the mean colour."""
        assert image.mode == "RGB"
        pixels = torch.frombuffer(bytearray(image.tobytes()), dtype=torch.uint8)
        return pixels.view(-1, 3).float().mean(dim=0)

    def forward(self, images: Tensor) -> Tensor:
        """Encode a batch."""
        record([str(image.tolist()) for image in images])
        return self.scale * images
