"""An encoder that records what it encodes, and that can stop a run."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import ClassVar

import pytest
import torch
from pykeen.nn.text import TextEncoder
from torch import Tensor, nn
from typing_extensions import override

from pykeen_dhns.features import EncodedFeatures, encode_texts, encoding

#: 23 texts, 20 of which are not empty
TEXTS = ["", *(f"text number {i}" for i in range(10)), " ", *(f"{i} is the number" for i in range(10)), ""]
PRESENT = [text for text in TEXTS if text.strip()]


class StoppedError(BaseException):
    """Stops a run. Nothing handles it, so files are left as if the process had been killed."""


class RecordingTextEncoder(TextEncoder):
    """An encoder with random parameters. It records its inputs, and stops a run when it is time."""

    inputs: ClassVar[list[str]] = []
    stop_after: ClassVar[float] = float("inf")

    def __init__(self, dim: int = 3) -> None:
        """Initialize the encoder."""
        super().__init__()
        self.weight = nn.Parameter(torch.randn(dim))

    @override
    def forward_normalized(self, texts: Sequence[str]) -> Tensor:
        if len(self.inputs) + len(texts) > self.stop_after:
            raise StoppedError
        self.inputs.extend(texts)
        lengths = torch.as_tensor([sum(map(ord, text)) for text in texts], dtype=self.weight.dtype)
        return lengths.sin().unsqueeze(dim=1) * self.weight


@pytest.fixture(name="recorder")
def make_recorder(monkeypatch: pytest.MonkeyPatch) -> Iterator[type[RecordingTextEncoder]]:
    """Start a record, and save unfinished rows after each batch."""
    monkeypatch.setattr(encoding, "SAVE_INTERVAL", 0.0)
    RecordingTextEncoder.inputs.clear()
    yield RecordingTextEncoder
    RecordingTextEncoder.stop_after = float("inf")


def encode(path: Path | None = None, texts: object = TEXTS, **kwargs: object) -> EncodedFeatures:
    """Encode texts, by default the ones above, in batches of 4."""
    defaults = dict(encoder=RecordingTextEncoder, batch_size=4, progress=False)
    return encode_texts(texts, cache=path, **(defaults | kwargs))  # type: ignore[arg-type]
