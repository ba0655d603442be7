"""The dataset DB15K."""

from collections.abc import Mapping
from typing import ClassVar

from docdata import parse_docdata

from .base import PublishedDataset

__all__ = ["DB15K"]


@parse_docdata
class DB15K(PublishedDataset):
    """The multimodal part of DBpedia by Liu *et al.*, in the split of multimodal knowledge graph completion.

    .. warning::

        The published validation triples are unfit for validation: almost all of them are also training or test triples.
        Nothing should be selected by them; ``validation="held-out"`` has others. Cf. ``docs/datasets.md``.

    ---
    name: DB15K
    citation:
        author: Liu
        year: 2019
        link: https://arxiv.org/abs/1903.05485
        arxiv: 1903.05485
        github: ngl567/DHNS
    statistics:
        entities: 12842
        relations: 279
        training: 79222
        testing: 9902
        validation: 9904
        triples: 99028
    """

    folder_name: ClassVar[str] = "DB15K"
    sha256: ClassVar[Mapping[str, str]] = {
        "entity2id.txt": "8f8d070f1bb24d07ed3050e4e4e780cb7f2245d0b14db3346e8db4fa55981728",
        "relation2id.txt": "25e5a975ee079dbd5b8d22ffe23575a9e3135d263e0a3763224777bf526c1a74",
        "train2id.txt": "d41f9b9ab5c0e6eed393e0f93febb4258dc02e5e4a4e2a99c49410d167522804",
        "valid2id.txt": "dc7ed39aa14e35a2f7ac09a0ff046067ee0e0d7953f8a204f04e7c09776095b1",
        "test2id.txt": "15f28535d04f3711b739a49d824f2346167384283cde57123376392d418ad6de",
    }
    validation_warning: ClassVar[str | None] = (
        "The published validation set of DB15K overlaps its training set by 88 % (8,719 of 9,904 validation triples), "
        "and its test set by 8 % (824 of 9,902 test triples). To select anything by validation, use "
        "validation='held-out'."
    )
