"""The format of OpenKE's benchmarks: a line with the number of lines that follow, then one item per line."""

import codecs
from pathlib import Path

import torch
from pykeen.typing import MappedTriples

__all__ = ["read_labels", "read_triples"]


def read_labels(path: Path, content: bytes) -> dict[str, int]:
    """Read labels, from lines with a label and its ID.

    :param path: the file, for messages
    :param content: its content

    :returns: the IDs, by label. Each ID from 0 on occurs once.

    :raises ValueError: if something is wrong with a line, or the number of lines is not what the first one says. The
        message names the file and the line.
    """
    lines = _read_lines(path, content)
    label_to_id: dict[str, int] = {}
    remaining = set(range(len(lines)))
    for number, line in enumerate(lines, start=2):
        try:
            # a label may contain spaces
            raw_label, raw_id = line.rsplit(maxsplit=1)
            label, index = raw_label.strip().decode("utf8"), int(raw_id)
            is_valid = label not in label_to_id and index in remaining
        except ValueError:
            is_valid = False
        if not is_valid:
            raise ValueError(
                f"{path}, line {number}: {line[:80]!r} must be a label, in UTF-8, and its ID, which is less than "
                f"{len(lines)}, the number of lines. No other line may have the same label or ID."
            )
        remaining.remove(index)
        label_to_id[label] = index
    return label_to_id


def read_triples(path: Path, content: bytes, *, num_entities: int, num_relations: int) -> MappedTriples:
    """Read triples, from lines with the IDs of head, tail, and relation, in this order.

    :param path: the file, for messages
    :param content: its content
    :param num_entities: the number of entities
    :param num_relations: the number of relations

    :returns: shape: (num_triples, 3) the triples, as head, relation, and tail, in the order of the file

    :raises ValueError: if something is wrong with a line, or the number of lines is not what the first one says. The
        message names the file and the line.
    """
    triples = []
    for number, line in enumerate(_read_lines(path, content), start=2):
        try:
            head, tail, relation = map(int, line.split())
            is_valid = (
                max(head, tail) in range(num_entities) and min(head, tail) >= 0 and relation in range(num_relations)
            )
        except ValueError:
            is_valid = False
        if not is_valid:
            raise ValueError(
                f"{path}, line {number}: {line[:80]!r} must be the IDs of head, tail, and relation. Those of entities "
                f"are less than {num_entities}, that of the relation is less than {num_relations}."
            )
        triples.append((head, relation, tail))
    return torch.tensor(triples, dtype=torch.long)


def _read_lines(path: Path, content: bytes) -> list[bytes]:
    """Return the lines after the first one, if there are as many as that one says."""
    # Only line feeds end lines, since labels may contain what Unicode regards as the end of a line.
    # Some editors write a mark at the beginning of a file that says that it is UTF-8.
    first, *lines = content.removeprefix(codecs.BOM_UTF8).rstrip().split(b"\n")
    if not lines or first.strip() != b"%d" % len(lines):
        raise ValueError(
            f"{path}, line 1: {first[:80]!r} must be the number of lines that follow. There are {len(lines)}. The file "
            f"may be cut off, or be in another format."
        )
    return lines
