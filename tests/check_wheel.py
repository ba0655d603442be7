"""Check what a wheel has installed. This runs as a script, without the checkout on the path."""

import importlib.metadata
import re
import sys
from pathlib import Path

from pykeen.pipeline import pipeline

import pykeen_dhns


def main() -> None:
    """Check where the package is, what PyPI shows of it, and train by name."""
    assert Path(pykeen_dhns.__file__).is_relative_to(sys.prefix), pykeen_dhns.__file__
    assert Path(pykeen_dhns.__file__).with_name("py.typed").exists()
    description = importlib.metadata.metadata("pykeen-dhns")["Description"]
    links = re.findall(r"\]\((.*?)\)", description)
    assert links
    assert all(link.startswith(("https://", "#")) for link in links), links
    result = pipeline(
        dataset="nations",
        model="RotatE",
        negative_sampler="dhns",
        random_seed=0,
        device="cpu",
        training_kwargs=dict(num_epochs=1, use_tqdm=False),
        evaluation_kwargs=dict(use_tqdm=False),
    )
    sampler = result.training_loop.negative_sampler  # type: ignore[attr-defined]
    assert sampler is pykeen_dhns.DHNSNegativeSampler, sampler


if __name__ == "__main__":
    main()
