"""Tests for which process trains on which triples."""

import itertools

import pytest
import torch

from pykeen_dhns.lightning.shards import Shards


@pytest.mark.parametrize("min_size", [1, 2])
@pytest.mark.parametrize("num_processes", [1, 2, 3, 5])
def test_shares(num_processes: int, min_size: int) -> None:
    """Each triple is in one share of one batch, and no share is empty, or too small."""
    for num_triples, batch_size in itertools.product((10, 11, 12, 29, 30, 31, 100), (2, 3, 7, 100)):
        shards = [Shards(num_triples, batch_size, num_processes, rank, min_size) for rank in range(num_processes)]
        assert len({x.num_batches for x in shards}) == 1
        order = torch.randperm(num_triples)
        seen = []
        for batch in range(shards[0].num_batches):
            shares = [x.share(order, batch) for x in shards]
            sizes = [len(share) for share in shares]
            assert sum(sizes) == shards[0].total_size(batch)
            assert max(sizes) - min(sizes) <= 1
            assert min_size <= min(sizes) <= max(sizes) <= batch_size + min_size
            if batch < shards[0].num_batches - 1:
                assert set(sizes) == {batch_size}
            seen += shares
        assert torch.cat(seen).sort().values.equal(torch.arange(num_triples))


def test_half_the_batch() -> None:
    """Two processes share what is one batch of twice the size for one."""
    order = torch.randperm(31)
    one, two = Shards(31, 8), [Shards(31, 4, num_processes=2, rank=rank) for rank in range(2)]
    assert one.num_batches == two[0].num_batches
    for batch in range(one.num_batches):
        shares = torch.cat([x.share(order, batch) for x in two])
        assert shares.sort().values.equal(one.share(order, batch).sort().values)


def test_too_few_triples() -> None:
    """The error says how many triples and processes there are."""
    with pytest.raises(ValueError, match=r"only 3 triples for 4 processes.*Use fewer devices"):
        Shards(3, 8, num_processes=4)
    with pytest.raises(ValueError, match="batch_size=1 must be at least 2"):
        Shards(30, 1, min_size=2)
    with pytest.raises(ValueError, match="batch_size=0 must be at least 1"):
        Shards(30, 0)
