"""The format of the published files: a count, then one item per line."""

import codecs
from collections.abc import Iterator
from pathlib import Path

import torch
from pykeen.typing import MappedTriples

__all__ = [
    "read_labels",
    "read_triples",
]

#: How many digits a number may have. No count is as large, and Python refuses to read very long ones.
MAX_DIGITS = 18


def read_labels(path: Path, content: bytes) -> dict[str, int]:
    """Read labels, from lines with a label and its ID.

    :param path: the file, for messages
    :param content: its content

    :returns: the IDs, by label. Each ID from 0 on occurs once.

    :raises ValueError: if a line is malformed, a label or an ID is repeated or out of range, or the number of lines is
        not what the first one says. The message names the file and the line.
    """
    count, lines = _read_lines(path, content)
    label_to_id: dict[str, int] = {}
    first_lines: dict[int, int] = {}
    for number, line in lines:
        # a label may contain spaces
        parts = line.rsplit(maxsplit=1)
        if len(parts) != 2 or not _is_number(parts[1]):
            raise ValueError(f"{path}, line {number}: {_show(line)} is malformed, it must be a label and its ID.")
        index = int(parts[1])
        if index >= count:
            raise ValueError(f"{path}, line {number}: the ID is {index}, but it must be less than {count}, the count.")
        if index in first_lines:
            raise ValueError(f"{path}, line {number}: the ID {index} was already in line {first_lines[index]}.")
        first_lines[index] = number
        try:
            label = parts[0].decode("utf8")
        except UnicodeDecodeError as error:
            raise ValueError(f"{path}, line {number}: {_show(line)} is malformed, it must be UTF-8. {error}") from error
        if label in label_to_id:
            other = first_lines[label_to_id[label]]
            raise ValueError(f"{path}, line {number}: the label {label!r} was already in line {other}.")
        label_to_id[label] = index
    _check_count(path, count, len(label_to_id))
    return label_to_id


def read_triples(path: Path, content: bytes, *, num_entities: int, num_relations: int) -> MappedTriples:
    """Read triples, from lines with the IDs of head, tail, and relation, in this order.

    :param path: the file, for messages
    :param content: its content
    :param num_entities: the number of entities
    :param num_relations: the number of relations

    :returns: shape: (num_triples, 3) the triples, as head, relation, and tail, in the order of the file

    :raises ValueError: if a line is malformed, an ID is out of range, or the number of lines is not what the first one
        says. The message names the file and the line.
    """
    count, lines = _read_lines(path, content)
    triples = []
    for number, line in lines:
        parts = line.split()
        if len(parts) != 3 or not all(map(_is_number, parts)):
            raise ValueError(
                f"{path}, line {number}: {_show(line)} is malformed, it must be the IDs of head, tail, and relation."
            )
        head, tail, relation = map(int, parts)
        if max(head, tail) >= num_entities or relation >= num_relations:
            raise ValueError(
                f"{path}, line {number}: head {head} and tail {tail} must be less than {num_entities}, the number of "
                f"entities, and relation {relation} less than {num_relations}, the number of relations."
            )
        triples.append((head, relation, tail))
    _check_count(path, count, len(triples))
    return torch.tensor(triples, dtype=torch.long)


def _read_lines(path: Path, content: bytes) -> tuple[int, Iterator[tuple[int, bytes]]]:
    """Read the count, and number the lines after it."""
    # Only line feeds end lines: labels may contain some of what Unicode regards as an end of a line, too.
    # Some editors write a mark at the beginning that says that it is UTF-8.
    count, *lines = content.removeprefix(codecs.BOM_UTF8).rstrip().split(b"\n")
    if not _is_number(count.strip()) or not int(count):
        raise ValueError(
            f"{path}, line 1: {_show(count)} is malformed, it must be the number of lines that follow, at least 1."
        )
    return int(count), ((number, line.strip()) for number, line in enumerate(lines, start=2))


def _is_number(part: bytes) -> bool:
    # of bytes, only ASCII digits are digits
    return part.isdigit() and len(part) <= MAX_DIGITS


def _show(line: bytes, limit: int = 80) -> str:
    """Show a line, or the beginning of what may be a whole file."""
    return repr(line) if len(line) <= limit else f"{line[:limit]!r}... ({len(line)} bytes)"


def _check_count(path: Path, count: int, found: int) -> None:
    if found != count:
        raise ValueError(
            f"{path}, line 1: {count} lines must follow, but there are {found}. The last one is line {found + 1}. "
            f"The file may be cut off."
        )
