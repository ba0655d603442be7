"""Profile the sampler by itself, on one epoch of batches: which of PyTorch's operations take its time."""

from pathlib import Path
from typing import Any

import torch
from common import RESULTS, describe, load_graph, make_parser, save_result, to_markdown
from torch.profiler import profile

from pykeen_dhns import DHNSNegativeSampler


def table(result: dict[str, Any]) -> str:
    """Make a table.

    :param result: a result

    :returns: the table, in Markdown
    """
    cells = []
    for row in result["rows"]:
        share, calls = row["microseconds"] / result["total"], row["calls"] / result["num_batches"]
        cells.append([f"`{row['operation']}`", f"{share:.1%}", f"{calls:.0f}"])
    return to_markdown(["operation", "share of the sampler's time", "calls in a batch"], cells)


def main() -> None:
    """Profile and report."""
    parser = make_parser(__doc__, num_negs=32)
    parser.add_argument("--output", default=RESULTS / "speed_profile", type=Path, help="a folder")
    args = parser.parse_args()
    torch.set_num_threads(1)
    dataset = load_graph(args.graph)
    triples = dataset.training.mapped_triples
    sampler = DHNSNegativeSampler(
        mapped_triples=triples,
        num_entities=dataset.num_entities,
        num_relations=dataset.num_relations,
        num_negs_per_pos=args.num_negs,
    )
    batches = triples.split(args.batch_size)
    sampler.corrupt_batch(batches[0])
    with profile() as profiler:
        for positives in batches:
            sampler.corrupt_batch(positives)
    events = sorted(profiler.key_averages(), key=lambda event: event.self_cpu_time_total, reverse=True)
    total = sum(event.self_cpu_time_total for event in events)
    rows = [
        dict(operation=event.key, microseconds=round(event.self_cpu_time_total), calls=event.count)
        for event in events[:10]
    ]
    path = args.output / f"{args.graph}.json"
    print(table(save_result(path, describe(args), rows, total=round(total), num_batches=len(batches))))


if __name__ == "__main__":
    main()
