"""Measure what a batch of the sampler costs on graphs with a hub, as RDF dumps have them.

Nearly all entities have a triple (entity, type, Thing). So nearly every corruption of such a triple's head is known,
and the sampler has to find the few that are not. The cost must not grow with the number of entities.
"""

import argparse
import statistics
import time
from pathlib import Path
from typing import Any

import torch
from common import RESULTS, describe, save_result, to_markdown
from pykeen.sampling import NegativeSampler, negative_sampler_resolver
from torch import Tensor

import pykeen_dhns  # noqa: F401  (so that its sampler is known by name)

#: The samplers, with their arguments
ARMS: dict[str, tuple[str, dict[str, Any]]] = {
    "basic": ("basic", {}),
    "dhns": ("dhns", {}),
    "dhns, half generated": ("dhns", dict(hard_fraction=0.5)),
}


def make_hub(num_entities: int, share: float) -> Tensor:
    """Make a graph in which a share of the entities has a type, and twice as many other triples as entities.

    :param num_entities: the number of entities
    :param share: the share of entities with a type

    :returns: shape: (num_triples, 3) the triples, shuffled
    """
    generator = torch.Generator().manual_seed(0)
    typed = torch.randperm(num_entities, generator=generator)[: int(share * num_entities)]
    relation = torch.randint(1, 11, size=(2 * num_entities,), generator=generator)
    head, tail = torch.randint(num_entities, size=(2, 2 * num_entities), generator=generator)
    zeros = torch.zeros_like(typed)
    triples = torch.cat([torch.stack([typed, zeros, zeros], dim=-1), torch.stack([head, relation, tail], dim=-1)])
    return triples[torch.randperm(len(triples), generator=generator)]


def time_batch(sampler: NegativeSampler, triples: Tensor, args: argparse.Namespace) -> float:
    """Return the median time of a batch, in milliseconds of CPU time, which other processes hardly change."""
    times = []
    for positives in triples.split(args.batch_size)[: args.batches]:
        start = time.process_time()
        sampler.corrupt_batch(positives)
        times.append(time.process_time() - start)
    return 1000 * statistics.median(times)


def table(result: dict[str, Any]) -> str:
    """Make a table.

    :param result: a result

    :returns: the table, in Markdown
    """
    header = ["entities", "with the type", *ARMS]
    cells = [
        [f"{row['num_entities']:,}", f"{row['share']:.0%}", *(f"{row[arm]:.1f} ms" for arm in ARMS)]
        for row in result["rows"]
    ]
    return to_markdown(header, cells, num_text=0)


def main() -> None:
    """Measure and report."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--entities", type=int, nargs="+", default=[10_000, 200_000])
    parser.add_argument("--shares", type=float, nargs="+", default=[0.0, 0.9, 1.0])
    parser.add_argument("--batch-size", type=int, default=512)
    parser.add_argument("--batches", type=int, default=50)
    parser.add_argument("--num-negs", type=int, default=16)
    parser.add_argument("--output", type=Path, default=RESULTS / "speed_hubs" / "hubs.json", help="a file")
    args = parser.parse_args()
    torch.set_num_threads(1)
    rows = []
    for num_entities in args.entities:
        for share in args.shares:
            triples = make_hub(num_entities, share)
            row: dict[str, Any] = dict(num_entities=num_entities, share=share)
            for arm, (name, kwargs) in ARMS.items():
                sampler = negative_sampler_resolver.make(
                    name, mapped_triples=triples, num_entities=num_entities, num_negs_per_pos=args.num_negs, **kwargs
                )
                row[arm] = time_batch(sampler, triples, args)
            rows.append(row)
    print(table(save_result(args.output, describe(args), rows)))


if __name__ == "__main__":
    main()
