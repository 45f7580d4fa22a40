"""The programs that the benchmark runs side by side: one class each, the same methods.

An object is one repository of its peer with a remote of its own, all below one folder.
Each step returns what it took, or None where the peer has no such step; what a user
would type for it is all that is timed. The remote is a plain folder beside the
repository for every peer: what is moved there is copied by the peer itself.
"""

import os
import shutil

from harness import DV, LFS, PLAIN, used


class Peer:
    """What they share: plain git, in effect, for all that git does for them."""

    name = kind = ""
    label = ""		# what the notes call it
    why_empty = ""	# why it has empty cells although it is there
    packs = False	# whether pack() does anything

    def __init__(self, b, top):
        self.b = b
        self.repo = os.path.join(top, "repo")
        self.remote = os.path.join(top, "remote")
        self.bare = os.path.join(self.remote, "git")
        self.store = os.path.join(self.remote, "store")
        self.copy = os.path.join(top, "clone")
        os.makedirs(self.remote)

    def run(self, *argv, cwd=None):
        return self.b.run(list(argv), cwd or self.repo, self.kind)

    def _git(self, pattern=None):
        """An empty repository, or the harness's with its attributes; a bare one beside."""
        if pattern:
            self.b.repo(self.kind, pattern, self.repo)
        else:
            self.run("git", "init", "-q", self.repo, cwd=self.b.work)
        self.run("git", "init", "-q", "--bare", self.bare, cwd=self.b.work)
        self.run("git", "remote", "add", "origin", "file://" + self.bare)

    def setup(self, pattern):
        """Make the repository; pattern is what the large files are called."""
        self._git(pattern)

    def add(self, name):
        return self.run("git", "add", "-A", "--", name)

    def commit(self):
        return self.run("git", "commit", "-q", "-m", "data")

    def status(self):
        return self.run("git", "status")

    def checkout(self):
        """Bring back the files of the last commit, which were removed."""
        return self.run("git", "checkout", "-q", "--", ".")

    def past(self, number):
        """Bring back the files of the commit of that number, the last of all being 0."""
        return self.run("git", "checkout", "-q", "HEAD~%d" % number)

    def push(self):
        return self.run("git", "push", "-q", "origin", "HEAD:refs/heads/main")

    def clone(self):
        """All files into self.copy, from the remote alone."""
        return self.run("git", "clone", "-q", "file://" + self.bare, self.copy,
                        cwd=self.b.work)

    def pack(self):
        """What makes the store smaller afterwards."""
        return None

    def stored_bytes(self):
        return used(os.path.join(self.repo, ".git"))

    def remote_bytes(self):
        return used(self.remote)


class GitDv(Peer):
    name = kind = DV
    label = "git-dv"

    @classmethod
    def version(cls, b):
        return b.first_line("git-dv", "--version") if b.has[DV] else None

    def setup(self, pattern):
        self._git(pattern)
        self.run("git", "dv", "remote", "add", "store", self.store)
        self.run("git", "add", ".")
        self.run("git", "commit", "-q", "--allow-empty", "-m", "remote")


class GitLfs(Peer):
    """Its file:// remotes go through its own standalone agent (Git LFS 3.0 and later)."""

    name = kind = LFS
    label = "Git LFS"

    @classmethod
    def version(cls, b):
        return b.first_line("git-lfs", "version")

    def setup(self, pattern):
        self._git(pattern)
        self.run("git", "lfs", "install", "--local")


class Git(Peer):
    name = "git"
    kind = PLAIN
    label = "plain git"
    packs = True

    @classmethod
    def version(cls, b):
        return b.first_line("git", "--version")

    def pack(self):
        return self.run("git", "gc", "-q", "--prune=now")


class GitAnnex(Peer):
    """As `git annex init` sets it up: SHA256E, files locked, that is symbolic links. The
    remote is a special remote of type directory, neither encrypted nor in chunks."""

    name = kind = "annex"
    label = "git-annex"
    why_empty = "its checkout and status deal with symbolic links"

    @classmethod
    def version(cls, b):
        return b.first_line("git-annex", "version")

    def setup(self, pattern):
        self._git()
        self.run("git", "config", "remote.origin.annex-ignore", "true")
        self.run("git", "commit", "-q", "--allow-empty", "-m", "set up")
        self.run("git", "annex", "init", "-q", "bench")
        os.mkdir(self.store)
        self.run("git", "annex", "initremote", "-q", "store", "type=directory",
                 "directory=" + self.store, "encryption=none")

    def add(self, name):
        return self.run("git", "annex", "add", "-q", name)

    def commit(self):
        # -a: files that are gone
        return self.run("git", "commit", "-q", "-a", "-m", "data")

    def push(self):
        return (self.run("git", "annex", "copy", "-q", "--to", "store")
                + self.run("git", "push", "-q", "origin", "HEAD:refs/heads/main", "git-annex"))

    def clone(self):
        took = super().clone()
        for argv in (("config", "remote.origin.annex-ignore", "true"),
                     ("annex", "init", "-q", "copy"),
                     ("annex", "enableremote", "-q", "store", "directory=" + self.store),
                     ("annex", "get", "-q", ".")):
            took += self.run("git", *argv, cwd=self.copy)
        return took


class Restic(Peer):
    """A backup is add and commit in one. Its repository is on the same file system, so
    that there is no push: what it stores is what it moved. No cache beside it: it would
    hold a second copy of what is as near."""

    name = kind = "restic"
    label = "restic"
    why_empty = "no commit, status and push: a backup is all of it"

    @classmethod
    def version(cls, b):
        return b.first_line("restic", "version")

    def run(self, *argv, cwd=None):
        return self.b.run(["restic", "-q", "--no-cache", "-r", self.store, *argv],
                          cwd or self.repo, self.kind, env={"RESTIC_PASSWORD": "bench"})

    def setup(self, pattern):
        self.count = 0
        os.mkdir(self.repo)
        self.run("init")

    def add(self, name):
        self.count += 1
        return self.run("backup", "--tag", "v%d" % self.count, name)

    def commit(self):
        return None

    def status(self):
        return None

    def checkout(self):
        return self.past(0)

    def past(self, number):
        # it leaves what the snapshot does not have
        self.b.remove(*(os.path.join(self.repo, name) for name in os.listdir(self.repo)))
        return self.run("restore", "latest", "--tag", "v%d" % (self.count - number),
                        "--target", self.repo)

    def push(self):
        return None

    def clone(self):
        os.mkdir(self.copy)
        return self.run("restore", "latest", "--target", self.copy, cwd=self.b.work)

    def stored_bytes(self):
        return used(self.store)


class Dvc(Peer):
    name = kind = "dvc"
    label = "DVC"

    @classmethod
    def version(cls, b):
        said = b.first_line("dvc", "--version")
        return "dvc " + said if said else None

    def run(self, *argv, cwd=None):
        # else it keeps a data base of each repository in a folder of the system
        site = os.path.join(self.b.work, "dvc-site")
        return self.b.run(list(argv), cwd or self.repo, self.kind,
                          env={"DVC_SITE_CACHE_DIR": site, "DVC_NO_ANALYTICS": "1"})

    def setup(self, pattern):
        self._git()
        self.run("dvc", "init", "-q")
        # what `dvc config` and `dvc remote add -d` write, each of which takes a while
        with open(os.path.join(self.repo, ".dvc/config"), "w", encoding="utf-8") as f:
            f.write("[core]\n    analytics = false\n    check_update = false\n"
                    "    remote = store\n['remote \"store\"']\n    url = %s\n" % self.store)
        self.run("git", "add", ".")
        self.run("git", "commit", "-q", "-m", "set up")

    def add(self, name):
        return self.run("dvc", "add", "-q", name)

    def commit(self):
        return self.run("git", "add", "-A", ".") + super().commit()

    def status(self):
        return self.run("dvc", "status")

    def checkout(self):
        return self.run("dvc", "checkout", "-q")

    def past(self, number):
        return super().past(number) + self.run("dvc", "checkout", "-q")

    def push(self):
        return self.run("dvc", "push", "-q") + super().push()

    def clone(self):
        return super().clone() + self.run("dvc", "pull", "-q", cwd=self.copy)

    def stored_bytes(self):
        return super().stored_bytes() + used(os.path.join(self.repo, ".dvc"))


PEERS = {cls.name: cls for cls in (GitDv, GitLfs, Git, GitAnnex, Restic, Dvc)}


def choose(b, wanted):
    """Set b.peers to those that are wanted and there; say which are not."""
    for name, cls in PEERS.items():
        if wanted is not None and name != DV and name not in wanted:
            b.report.note("%s was not asked for: its columns are empty" % cls.label)
        elif not cls.version(b):
            b.report.note("%s is not %s: its columns are empty"
                          % (cls.label, "built" if name == DV else "installed"))
        else:
            b.peers[name] = cls
            if cls.why_empty:
                b.report.note("%s: %s" % (cls.label, cls.why_empty))
    b.has[LFS] = LFS in b.peers


def place(source, repo, name):
    """Put a new version of a file or folder there, as a program writes it: a new file."""
    to = os.path.join(repo, name)
    if os.path.isdir(source):
        if os.path.isdir(to):
            shutil.rmtree(to)
        shutil.copytree(source, to)
    else:
        if os.path.lexists(to):
            os.unlink(to)
        shutil.copyfile(source, to)
