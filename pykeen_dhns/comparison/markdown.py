"""Tables, numbers, and marked blocks in Markdown."""

import re
import statistics
from collections.abc import Callable, Sequence

__all__ = ["MISSING", "find_blocks", "format_mean", "format_table", "replace_blocks"]

#: What stands for a number that does not exist
MISSING = "-"
#: What a block begins with: the name of a comparison, and the kind of table
BLOCK = re.compile(
    r"^(?P<start><!-- compare:(?P<name>[^:\s]+):(?P<kind>\w+) -->\n)(?P<content>.*?)"
    r"(?P<end>^<!-- /compare:(?P=name):(?P=kind) -->$)",
    flags=re.DOTALL | re.MULTILINE,
)
#: What looks like the begin, or the end, of a block
MARKER = re.compile(r"<!--\s*/?compare:.*?-->")


def format_table(header: Sequence[str], rows: Sequence[Sequence[str]], num_text: int = 1) -> str:
    """Make a table.

    :param header: the titles of the columns
    :param rows: the rows
    :param num_text: the number of columns that are aligned to the left, all others are numbers

    :returns: the table, in Markdown, or, without rows, a sentence
    """
    if not rows:
        return "There are no results yet."
    alignment = ["---" if i < num_text else "--:" for i in range(len(header))]
    lines = [_line(header), f"|{'|'.join(alignment)}|", *map(_line, rows)]
    return "\n".join(lines)


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |"


def format_mean(values: Sequence[float], factor: float = 1.0, digits: int = 1) -> str:
    """Format a mean, and a standard deviation, if there is one.

    :param values: the values
    :param factor: what to multiply them with
    :param digits: the number of digits after the point

    :returns: a text

    >>> format_mean([0.5, 0.6], factor=100)
    '55.0 ± 7.1'
    >>> format_mean([0.5], factor=100)
    '50.0'
    """
    if not values:
        return MISSING
    mean = f"{factor * statistics.fmean(values):.{digits}f}"
    return f"{mean} ± {factor * statistics.stdev(values):.{digits}f}" if len(values) > 1 else mean


def find_blocks(text: str) -> list[tuple[str, str, str]]:
    """Find the blocks of a page which hold tables.

    :param text: the page

    :returns: for each of them: the name of the comparison, the kind of table, and what is there now

    :raises ValueError: if a marker has no counterpart
    """
    blocks = [(match["name"], match["kind"], match["content"]) for match in BLOCK.finditer(text)]
    left = MARKER.findall(BLOCK.sub("", text))
    if left or any(MARKER.search(content) for *_, content in blocks):
        raise ValueError(f"Markers come in pairs, each on a line of its own. Not so: {left or 'one within a block'}")
    return blocks


def replace_blocks(text: str, make: Callable[[str, str], str]) -> str:
    """Replace what is in the blocks of a page.

    :param text: the page
    :param make: makes a table from the name of a comparison, and the kind of table

    :returns: the page, with new content between its markers
    """
    find_blocks(text)
    return BLOCK.sub(lambda match: f"{match['start']}{make(match['name'], match['kind'])}\n{match['end']}", text)
