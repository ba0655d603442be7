"""A graph of your own: triples from a TSV file, descriptions of entities from a CSV file.

Without arguments, the example writes both files itself: a small graph of countries. Look at them, and bring your own:
``--triples triples.tsv --descriptions descriptions.csv``. Not every entity needs a description, and the rows can be in
any order: labels bring features into the order of entities.

Two models are trained, without the descriptions and with them. On the graph of the example, the descriptions do no
good, although they contain some of the answers: its triples say enough. On yours, see which model is better, and repeat
it with other seeds (``--seed``).
"""

import argparse
import logging
import warnings
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
from pykeen.pipeline import pipeline
from pykeen.triples import TriplesFactory

from pykeen_dhns.features import align, encode_texts

METRICS = {"MRR": "inverse_harmonic_mean_rank", "Hits@1": "hits_at_1", "Hits@10": "hits_at_10"}

#: Country, capital, continent, languages, and neighbours that are in the list, too
COUNTRIES = """
Argentina|Buenos Aires|South America|Spanish|Bolivia,Brazil,Chile,Paraguay,Uruguay
Austria|Vienna|Europe|German|Czechia,Germany,Hungary,Italy,Slovakia,Slovenia,Switzerland
Belgium|Brussels|Europe|Dutch,French,German|France,Germany,Luxembourg,Netherlands
Benin|Porto-Novo|Africa|French|Burkina Faso,Niger,Nigeria,Togo
Bolivia|Sucre|South America|Spanish|Argentina,Brazil,Chile,Paraguay,Peru
Brazil|Brasilia|South America|Portuguese|Argentina,Bolivia,Colombia,Paraguay,Peru,Uruguay
Burkina Faso|Ouagadougou|Africa|French|Benin,Ghana,Ivory Coast,Mali,Niger,Togo
Chile|Santiago|South America|Spanish|Argentina,Bolivia,Peru
Colombia|Bogota|South America|Spanish|Brazil,Ecuador,Peru
Czechia|Prague|Europe|Czech|Austria,Germany,Poland,Slovakia
Ecuador|Quito|South America|Spanish|Colombia,Peru
France|Paris|Europe|French|Belgium,Germany,Italy,Luxembourg,Spain,Switzerland
Germany|Berlin|Europe|German|Austria,Belgium,Czechia,France,Luxembourg,Netherlands,Poland,Switzerland
Ghana|Accra|Africa|English|Burkina Faso,Ivory Coast,Togo
Guinea|Conakry|Africa|French|Ivory Coast,Liberia,Mali,Senegal,Sierra Leone
Hungary|Budapest|Europe|Hungarian|Austria,Slovakia,Slovenia
Italy|Rome|Europe|Italian|Austria,France,Slovenia,Switzerland
Ivory Coast|Yamoussoukro|Africa|French|Burkina Faso,Ghana,Guinea,Liberia,Mali
Liberia|Monrovia|Africa|English|Guinea,Ivory Coast,Sierra Leone
Luxembourg|Luxembourg City|Europe|French,German|Belgium,France,Germany
Mali|Bamako|Africa|French|Burkina Faso,Guinea,Ivory Coast,Niger,Senegal
Netherlands|Amsterdam|Europe|Dutch|Belgium,Germany
Niger|Niamey|Africa|French|Benin,Burkina Faso,Mali,Nigeria
Nigeria|Abuja|Africa|English|Benin,Niger
Paraguay|Asuncion|South America|Spanish|Argentina,Bolivia,Brazil
Peru|Lima|South America|Spanish|Bolivia,Brazil,Chile,Colombia,Ecuador
Poland|Warsaw|Europe|Polish|Czechia,Germany,Slovakia
Portugal|Lisbon|Europe|Portuguese|Spain
Senegal|Dakar|Africa|French|Guinea,Mali
Sierra Leone|Freetown|Africa|English|Guinea,Liberia
Slovakia|Bratislava|Europe|Slovak|Austria,Czechia,Hungary,Poland
Slovenia|Ljubljana|Europe|Slovene|Austria,Hungary,Italy
Spain|Madrid|Europe|Spanish|France,Portugal
Switzerland|Bern|Europe|French,German,Italian|Austria,France,Germany,Italy
Togo|Lome|Africa|French|Benin,Burkina Faso,Ghana
Uruguay|Montevideo|South America|Spanish|Argentina,Brazil
"""


def iterate_triples() -> Iterator[tuple[str, str, str]]:
    """Yield the triples of the example."""
    for line in COUNTRIES.split("\n")[1:-1]:
        country, capital, continent, languages, neighbours = line.split("|")
        yield country, "has capital", capital
        yield capital, "is in country", country
        yield country, "is in continent", continent
        yield from ((country, "has language", language) for language in languages.split(","))
        yield from ((country, "is next to", neighbour) for neighbour in neighbours.split(","))


def iterate_descriptions() -> Iterator[tuple[str, str]]:
    """Yield descriptions: of countries and cities, but not of continents and languages."""
    for line in COUNTRIES.split("\n")[1:-1]:
        country, capital, continent, languages, _ = line.split("|")
        yield capital, f"{capital} is a city in {continent}, the seat of the government of {country}."
        yield country, f"{country}, a state in {continent}. Spoken there: {languages.replace(',', ', ')}."
    # a description may be of something that is not in the graph, and it may be empty
    yield "Atlantis", "A city below the sea."
    yield "Europe", ""


def write_example(folder: Path) -> tuple[Path, Path]:
    """Write the files of the example.

    :param folder: the folder to write to

    :returns: the paths of the triples and of the descriptions
    """
    folder.mkdir(parents=True, exist_ok=True)
    triples, descriptions = folder / "triples.tsv", folder / "descriptions.csv"
    pd.DataFrame(iterate_triples()).to_csv(triples, sep="\t", header=False, index=False)
    pd.DataFrame(iterate_descriptions(), columns=["entity", "description"]).to_csv(descriptions, index=False)
    print(f"{triples} and {descriptions} are written")
    return triples, descriptions


def main() -> None:
    """Train on triples and descriptions, and compare with triples only."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--triples", type=Path, help="a TSV file without header: head, relation, tail")
    parser.add_argument("--descriptions", type=Path, help="a CSV file with header: entity, description")
    parser.add_argument("--encoder", default="lexical", help="lexical, transformer, or another one of PyKEEN's")
    parser.add_argument("--epochs", type=int, default=100)
    parser.add_argument("--embedding-dim", type=int, default=32)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--output", type=Path, default=Path("own_graph"), help="a folder for files that are written")
    args = parser.parse_args()
    if (args.triples is None) != (args.descriptions is None):
        parser.error("--triples and --descriptions must be given both, or neither of them")
    logging.disable(logging.INFO)
    logging.getLogger("torch_max_mem").setLevel(logging.ERROR)
    warnings.filterwarnings("ignore", module="torch.utils.data")
    triples_path, descriptions_path = (
        write_example(args.output) if args.triples is None else (args.triples, args.descriptions)
    )

    factory = TriplesFactory.from_path(triples_path)
    training, testing, validation = factory.split([0.8, 0.1, 0.1], random_state=args.seed)
    print(
        f"{factory.num_entities} entities, {factory.num_triples} triples, {training.num_triples} of them for training"
    )

    table = pd.read_csv(descriptions_path, dtype=str).set_index("entity")
    features = encode_texts(table["description"], encoder=args.encoder)
    # rows are in the order of the file: bring them into the order of IDs, and report which are missing
    path = args.output / "textual.npy"
    path.parent.mkdir(parents=True, exist_ok=True)
    np.save(path, align(features, table.index, factory, name="descriptions"))

    print(f"\n{'modalities':12}" + "".join(f"{name:>9}" for name in METRICS))
    for name, modalities in (("none", {}), ("textual", dict(textual=str(path)))):
        result = pipeline(
            training=training,
            testing=testing,
            validation=validation,
            model="multimodal",
            model_kwargs=dict(interaction="rotate", embedding_dim=args.embedding_dim, modalities=modalities),
            training_loop="dhns",
            # on a graph with fewer entities than this, these are all entities
            training_loop_kwargs=dict(num_shared_negs=1024),
            loss="crossentropy",
            optimizer_kwargs=dict(lr=0.02),
            training_kwargs=dict(num_epochs=args.epochs, batch_size=128, use_tqdm=False),
            evaluation_kwargs=dict(batch_size=32, use_tqdm=False),
            random_seed=args.seed,
            device="cpu",
        )
        values = (100 * result.get_metric(f"both.realistic.{metric}") for metric in METRICS.values())
        print(f"{name:12}" + "".join(f"{value:9.1f}" for value in values))


if __name__ == "__main__":
    main()
