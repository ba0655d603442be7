"""The datasets DB15K, MKG-W, and MKG-Y."""

from collections.abc import Mapping
from typing import ClassVar

from docdata import parse_docdata

from .base import REPOSITORY, PublishedDataset

__all__ = ["DB15K", "MKGW", "MKGY"]

COMMIT = "02d8de0d321016798717fc1fce7c3b41f544eee5"
BASE_URL = f"https://raw.githubusercontent.com/{REPOSITORY}/{COMMIT}/benchmarks"


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
    base_url: ClassVar[str | None] = BASE_URL
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


@parse_docdata
class MKGW(PublishedDataset):
    """The multimodal part of Wikidata by Xu *et al.*, in the split of multimodal knowledge graph completion.

    ---
    name: MKG-W
    citation:
        author: Xu
        year: 2022
        link: https://doi.org/10.1145/3503161.3548388
        github: ngl567/DHNS
    statistics:
        entities: 15000
        relations: 169
        training: 34196
        testing: 4274
        validation: 4276
        triples: 42746
    """

    folder_name: ClassVar[str] = "MKG-W"
    base_url: ClassVar[str | None] = BASE_URL
    sha256: ClassVar[Mapping[str, str]] = {
        "entity2id.txt": "d94b546efcb535d8253821626dd32f3ee876b2f263b727a4a446bc74697785df",
        "relation2id.txt": "204203e03a92d4f973ee815449695bcfaae1b6917fcb08b65f3b0fb071a47f61",
        "train2id.txt": "a9f316506a20a7b5bef7de3ceaaa1e82de554b8e92e6aa26e7cb54bcd8ada53d",
        "valid2id.txt": "34dd556893b8e4832600298864dbd18012529a1f172793c21e45ad7bdee9d189",
        "test2id.txt": "0e1294b1f95c8ef80ad422aeefafea321d16c1d127570e6bb566882b2e053989",
    }


@parse_docdata
class MKGY(PublishedDataset):
    """The multimodal part of YAGO by Xu *et al.*, in the split of multimodal knowledge graph completion.

    ---
    name: MKG-Y
    citation:
        author: Xu
        year: 2022
        link: https://doi.org/10.1145/3503161.3548388
        github: ngl567/DHNS
    statistics:
        entities: 15000
        relations: 28
        training: 21310
        testing: 2663
        validation: 2665
        triples: 26638
    """

    folder_name: ClassVar[str] = "MKG-Y"
    base_url: ClassVar[str | None] = BASE_URL
    sha256: ClassVar[Mapping[str, str]] = {
        "entity2id.txt": "416f6f77c13d0cf0c5cae9625a62b9f7d26320c27ae408f5ce4e7eae3206b8d9",
        "relation2id.txt": "78d468edc02688f742c9b5a1030a071789ab24784dd2e48897643fe108ff4e4d",
        "train2id.txt": "71310c2c274e5ba2ce550433ef5c8496920bd03f50fd6057e64fc9c34e1e1aac",
        "valid2id.txt": "6c82db2d2b809aabf72f94bc19be3080b53ffba1caec12b81510354a7fe3470e",
        "test2id.txt": "8602cbbe7e3aef2c857df66eec5f7e4a2d6b02b19f58feff085688fb28980158",
    }
