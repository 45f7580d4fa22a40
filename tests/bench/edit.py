#!/usr/bin/env python3
"""One edit of a file, the same for the same seed: edit.py KIND SEED SOURCE TARGET

A program of its own, because a process that holds the file would count as memory of
what the harness starts after it. Of a table or of JSON, one record is one line.
"""

import random
import re
import sys

MIB = 1 << 20


def overwrite(data, seed):
    at = len(data) // 2
    return data[:at] + seed.randbytes(MIB) + data[at + MIB:]


def insert(data, seed):
    at = len(data) // 3
    return data[:at] + seed.randbytes(1000) + data[at:]


def append(data, seed):
    return data + seed.randbytes(MIB)


def rows(data, seed):
    """One row in a thousand gets another distance."""
    lines = data.split(b"\n")
    for i in seed.sample(range(1, len(lines) - 1), len(lines) // 1000):
        cells = lines[i].split(b",")
        cells[-2] = b"%d" % seed.randrange(100, 2600)
        lines[i] = b",".join(cells)
    return b"\n".join(lines)


def votes(data, seed, share=1000):
    """One record in a thousand gets other votes."""
    lines = data.split(b"\n")
    count = len(lines) // share if share else 1
    for i in seed.sample(range(1, len(lines) - 2), count):
        lines[i] = re.sub(rb'("IMDB Votes": )\d+', rb"\g<1>%d" % seed.randrange(100, 100100),
                          lines[i])
    return b"\n".join(lines)


def vote(data, seed):
    return votes(data, seed, 0)


def main():
    kind, seed, source, target = sys.argv[1:]
    edits = {f.__name__: f for f in (overwrite, insert, append, rows, votes, vote)}
    with open(source, "rb") as f:
        data = f.read()
    with open(target, "wb") as f:
        # of the kind too: else what one edit brought in is there for the next
        f.write(edits[kind](data, random.Random(kind + seed)))


if __name__ == "__main__":
    main()
