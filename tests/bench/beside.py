"""git-dv side by side with its peers: the same inputs, the same steps, in turns."""

import os

from harness import GIB, Wrong
from peers import PEERS, place


class Table:
    """One case's rows: what each peer took for each step, and the bytes."""

    def __init__(self, b, case):
        self.b = b
        self.case = case
        self.wrong = []

    def took(self, what, peer, sample):
        self.b.report.peer(self.case, what, peer.name, sample=sample)

    def size(self, what, peer, size):
        """Bytes, or a number that is not one of bytes if it is a float."""
        self.b.report.peer(self.case, what, peer.name, size=size)

    def rounds(self, once, most=3):
        """A B C A B C ...: once(peer, number) with each peer in a new folder. One that
        fails is left out from there on: the figures of the others are not lost."""
        most = 1 if self.b.quick else min(self.b.n_rounds, most)
        for number in range(most):
            for name, cls in self.b.peers.items():
                if name in self.wrong:
                    continue
                top = self.b.path(name)
                os.mkdir(top)
                try:
                    once(cls(self.b, top), number)
                except Wrong as e:
                    self.wrong.append(name)
                    self.b.report.note("%s: %s: WRONG: %s" % (self.case, cls.label, e))
                self.b.remove(top)
        if self.wrong:
            raise Wrong("failed for " + ", ".join(PEERS[n].label for n in self.wrong))


def few(b, full):
    """What stands for a full-sized figure in a quick run: less than for the goals, as
    six programs go through it."""
    return full // 32 if b.quick else full


def same(b, source, other):
    (b.same_tree if os.path.isdir(source) else b.same)(source, other)


def life(b, case, source, name, pattern):
    """From add to a clone of one file or folder."""
    table = Table(b, case)

    def once(peer, number):
        path = os.path.join(peer.repo, name)
        peer.setup(pattern)
        place(source, peer.repo, name)
        add = peer.add(name)
        table.took("add", peer, add)
        table.took("add and commit", peer, add + peer.commit())
        table.took("status", peer, peer.status())
        table.size("stored, MB", peer, peer.stored_bytes())
        b.remove(path)
        table.took("checkout", peer, peer.checkout())
        same(b, source, path)
        table.took("push", peer, peer.push())
        table.size("on the remote, MB", peer, peer.remote_bytes())
        b.remove(peer.repo)
        table.took("clone", peer, peer.clone())
        same(b, source, os.path.join(peer.copy, name))

    table.rounds(once)


def peers_noise(b):
    size = few(b, GIB // 2)
    b.need(6 * size, "six copies")
    life(b, "peers-noise", b.made("half.bin", "noise", 1, size), "data.bin", "*.bin")
    b.forget("half.bin")


def peers_csv(b):
    size = few(b, GIB // 4)
    b.need(6 * size, "six copies")
    life(b, "peers-csv", b.made("quarter.csv", "csv", 3, size), "data.csv", "*.csv")
    b.forget("quarter.csv")


def peers_many(b):
    source = b.path("many")
    os.mkdir(source)
    b.run([b.data, "many", "5", str(few(b, 10000)), str(10 * 1024), source])
    life(b, "peers-many", source, "d", "*.json")


def peers_edits(b):
    """A file is added again after each of several edits of its first version."""
    size = few(b, GIB // 8)
    b.need(8 * size, "eight copies")
    table = Table(b, "peers-edits")
    sources = (("data.bin", b.made("edit.bin", "noise", 9, size), (
                    ("1 MiB overwritten", "overwrite"), ("1000 bytes inserted", "insert"),
                    ("1 MiB appended", "append"))),
               ("data.csv", b.made("edit.csv", "csv", 10, size), (
                    ("0.1% of rows changed", "rows"),)))

    def once(peer, number):
        peer.setup("data.*")
        for name, source, _ in sources:
            place(source, peer.repo, name)
            peer.add(name)
        peer.commit()
        for name, source, edits in sources:
            for what, edit in edits:
                # each round another edit, and the same one for every peer
                edited = b.edited(edit, number, source)
                place(edited, peer.repo, name)
                before = peer.stored_bytes()
                add = peer.add(name)
                table.took(what + ": add", peer, add)
                table.took(what + ": and commit", peer, add + peer.commit())
                table.size(what + ": stored, MB", peer, peer.stored_bytes() - before)
                b.remove(os.path.join(peer.repo, name))
                peer.checkout()
                same(b, edited, os.path.join(peer.repo, name))
                b.remove(edited)

    table.rounds(once)
    b.forget("edit.bin")
    b.forget("edit.csv")


CASES = {"peers-noise": peers_noise, "peers-csv": peers_csv, "peers-many": peers_many,
         "peers-edits": peers_edits}
