"""Encoders that record what they encode, and that can stop a run."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

import pytest
import torch
from pykeen.nn.text import TextEncoder
from torch import Tensor, nn
from typing_extensions import override

from pykeen_dhns.features import EncodedFeatures, ImageEncoder, encode_texts, encoding

if TYPE_CHECKING:
    from PIL.Image import Image

#: 23 texts, 20 of which are not empty
TEXTS = ["", *(f"text number {i}" for i in range(10)), " ", *(f"{i} is the number" for i in range(10)), ""]
PRESENT = [text for text in TEXTS if text.strip()]


class StoppedError(BaseException):
    """Stops a run. Nothing handles it, so files are left as if the process had been killed."""


class Recorder(nn.Module):
    """Records the inputs of encoders, and stops a run when it is time."""

    inputs: ClassVar[list[str]] = []
    stop_after: ClassVar[float] = float("inf")

    def record(self, inputs: Sequence[str]) -> None:
        """Record a batch."""
        if len(Recorder.inputs) + len(inputs) > Recorder.stop_after:
            raise StoppedError
        Recorder.inputs.extend(inputs)


class RecordingTextEncoder(Recorder, TextEncoder):
    """An encoder with random parameters."""

    def __init__(self, dim: int = 3) -> None:
        """Initialize the encoder."""
        super().__init__()
        self.weight = nn.Parameter(torch.randn(dim))

    @override
    def forward_normalized(self, texts: Sequence[str]) -> Tensor:
        self.record(texts)
        lengths = torch.as_tensor([sum(map(ord, text)) for text in texts], dtype=self.weight.dtype)
        return lengths.sin().unsqueeze(dim=1) * self.weight


class RecordingImageEncoder(Recorder, ImageEncoder):
    """An encoder whose result is the mean colour."""

    @override
    def transform(self, image: "Image") -> Tensor:
        assert image.mode == "RGB"
        pixels = torch.frombuffer(bytearray(image.tobytes()), dtype=torch.uint8)
        return pixels.view(-1, 3).float().mean(dim=0)

    @override
    def forward(self, images: Tensor) -> Tensor:
        self.record([str(image.tolist()) for image in images])
        return images


@pytest.fixture(name="recorder")
def make_recorder(monkeypatch: pytest.MonkeyPatch) -> Iterator[type[Recorder]]:
    """Start a record, and save unfinished rows after each batch."""
    monkeypatch.setattr(encoding, "SAVE_INTERVAL", 0.0)
    Recorder.inputs.clear()
    yield Recorder
    Recorder.stop_after = float("inf")


def run_in_process(path: Path, batch_size: int) -> None:
    """Encode the texts in a process of its own."""
    encoding.SAVE_INTERVAL = 0.0
    encode(path, batch_size=batch_size)


def encode(path: Path | None = None, texts: object = TEXTS, **kwargs: object) -> EncodedFeatures:
    """Encode texts, by default the ones above, in batches of 4."""
    defaults = dict(encoder=RecordingTextEncoder, batch_size=4, progress=False)
    return encode_texts(texts, cache=path, **(defaults | kwargs))  # type: ignore[arg-type]
