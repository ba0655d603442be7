"""Numbers as a modality: area and population of countries, which PyKEEN ships with Nations.

One entity has neither, so it lacks the modality. The names of countries are a second modality.
"""

import argparse
import logging
import warnings
from pathlib import Path

from pykeen.datasets import get_dataset
from pykeen.datasets.nations import NATIONS_LITERALS_PATH
from pykeen.pipeline import pipeline

from pykeen_dhns.features import encode_literals, encode_texts, entity_labels

METRICS = {"MRR": "inverse_harmonic_mean_rank", "Hits@1": "hits_at_1", "Hits@10": "hits_at_10"}


def main() -> None:
    """Compare modalities."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--epochs", type=int, default=40)
    parser.add_argument("--embedding-dim", type=int, default=32)
    parser.add_argument(
        "--scaler", default="power", help="how attributes are scaled: standard, robust, power, quantile"
    )
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    parser.add_argument("--output", type=Path, default=Path("numeric"), help="a folder for features")
    args = parser.parse_args()
    logging.disable(logging.INFO)
    logging.getLogger("torch_max_mem").setLevel(logging.ERROR)
    warnings.filterwarnings("ignore", module="torch.utils.data")

    training = get_dataset(dataset="nations").training
    literals = encode_literals(training, NATIONS_LITERALS_PATH, scaler=args.scaler)
    print(f"{len(literals.features)} entities, {', '.join(literals.provenance.columns)}")
    args.output.mkdir(parents=True, exist_ok=True)
    modalities = dict(
        numeric=str(literals.save(args.output / "numeric.npy")),
        textual=str(encode_texts(entity_labels(training)).save(args.output / "textual.npy")),
    )

    print(f"\n{'modalities':20}" + "".join(f"{name:>9}" for name in METRICS))
    for names in ([], ["numeric"], ["numeric", "textual"]):
        totals = dict.fromkeys(METRICS, 0.0)
        for seed in args.seeds:
            result = pipeline(
                dataset="nations",
                model="multimodal",
                model_kwargs=dict(
                    interaction="rotate",
                    embedding_dim=args.embedding_dim,
                    modalities={name: modalities[name] for name in names},
                ),
                training_loop="dhns",
                negative_sampler="dhns",
                loss="dhns",
                optimizer_kwargs=dict(lr=0.02),
                training_kwargs=dict(num_epochs=args.epochs, batch_size=256, use_tqdm=False),
                evaluation_kwargs=dict(batch_size=32, use_tqdm=False),
                random_seed=seed,
                device="cpu",
            )
            for name, metric in METRICS.items():
                totals[name] += 100 * result.get_metric(f"both.realistic.{metric}") / len(args.seeds)
        print(f"{' + '.join(names) or 'none':20}" + "".join(f"{value:9.1f}" for value in totals.values()))


if __name__ == "__main__":
    main()
