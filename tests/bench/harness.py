"""Measuring for tests/bench/run: programs, repositories of each kind, results."""

import json
import os
import platform
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
MIB = 1 << 20
GIB = 1 << 30
# One process's ru_maxrss is in KiB on Linux, in bytes on macOS.
RSS_UNIT = 1 if sys.platform == "darwin" else 1024
# What a run may take of a memory file system.
SHM_MOST = 8 * GIB
DV, LFS, PLAIN = "git-dv", "lfs", "plain"


class Wrong(Exception):
    """A result that is not what it must be: this, and only this, fails the run."""


class Skip(Exception):
    """A case that cannot run here, with the reason."""


class Sample:
    """One timed command: wall and CPU seconds, and the largest process in bytes.

    wait4 counts the command and every descendant that was waited for; git waits
    for its filters, so ru_maxrss is that of the largest of git and its filters.
    It counts mapped file pages too, and is never below this interpreter's own
    size (about 15 MiB), which the child starts from.
    """

    def __init__(self, wall, cpu, rss):
        self.wall = wall
        self.cpu = cpu
        self.rss = rss

    def __add__(self, other):
        """Both, one after the other; None is a step that there is not."""
        if not other:
            return self
        return Sample(self.wall + other.wall, self.cpu + other.cpu, max(self.rss, other.rss))

    __radd__ = __add__

    def raw(self):
        return {"wall": self.wall, "cpu": self.cpu, "maxrss": self.rss}


class Side:
    """All samples of one side of a comparison."""

    def __init__(self, name):
        self.name = name
        self.samples = []

    def add(self, sample):
        self.samples.append(sample)

    def __bool__(self):
        return bool(self.samples)

    def median(self, what="wall"):
        return statistics.median(getattr(s, what) for s in self.samples)

    def least(self, what="wall"):
        return min(getattr(s, what) for s in self.samples)

    def rss(self):
        return max(s.rss for s in self.samples)


class Report:
    """Rows of the table and all that was measured."""

    def __init__(self):
        self.rows = []
        self.beside = {}
        self.raw = {}
        self.notes = []

    def row(self, case, what, op, bound, value, a=None, b=None, pick="median"):
        """One goal: `value op bound`, or a figure without one; a and b are its sides."""
        met = None
        if value is not None and op:
            met = value <= bound if op == "<=" else value >= bound if op == ">=" else value < bound
        row = {"case": case, "what": what, "bound": "%s %g" % (op, bound) if op else "",
               "value": value, "met": met}
        for key, side in (("a", a), ("b", b)):
            if side:
                row[key] = getattr(side, pick)()
                row[key + "_rss"] = side.rss()
        self.rows.append(row)

    def ratio(self, case, a, b, op="", bound=None, pick="median"):
        """The goal `a / b op bound` in wall time; a side without samples leaves it open."""
        value = getattr(a, pick)() / getattr(b, pick)() if a and b else None
        self.row(case, "%s / %s" % (a.name, b.name), op, bound, value, a, b, pick)

    def failed(self, case, why):
        """The case stays in the table, with the reason instead of figures."""
        self.row(case, why, "", None, None)

    def peer(self, case, what, name, sample=None, size=None):
        """One figure of one peer: a timed sample, or bytes, or another number (a float).
        Without either, the row is there and the peer's cell in it empty."""
        sides = self.beside.setdefault((case, what), {})
        if sample:
            sides.setdefault(name, Side(name)).add(sample)
        elif size is not None:
            sides[name] = size

    def peer_value(self, case, what, name):
        """Median seconds or bytes; None for an empty cell."""
        cell = self.beside.get((case, what), {}).get(name)
        return cell.median() if isinstance(cell, Side) else cell

    def keep(self, case, sides, **more):
        self.raw.setdefault(case, {}).update(
            {s.name: [x.raw() for x in s.samples] for s in sides if s}, **more)

    def note(self, text):
        if text in self.notes:
            return
        self.notes.append(text)
        print("   " + text, file=sys.stderr, flush=True)

    def goals(self):
        head = ("case", "measured", "goal", "got", "met", "A s", "B s", "A MiB", "B MiB")
        lines = []
        for r in self.rows:
            got = "-" if r["value"] is None else "%.3g" % r["value"]
            met = {None: "-", True: "yes", False: "NO"}[r["met"]]
            secs = ["%.3f" % r[k] if k in r else "-" for k in ("a", "b")]
            rss = ["%.0f" % (r[k] / MIB) if k in r else "-" for k in ("a_rss", "b_rss")]
            lines.append((r["case"], r["what"], r["bound"], got, met, *secs, *rss))
        return head, lines

    def table(self):
        return columns(*self.goals(), 5)

    def sections(self, names):
        """The same rows three times: the figures, how many times git-dv's they are, and
        the memory; each a title, a head and lines. An empty cell is a peer that is
        absent, or has no such step."""
        def figure(cell, key):
            if isinstance(cell, Side):
                return "%.3f" % cell.median()
            return "" if cell is None else "%.3f" % (cell if isinstance(cell, float)
                                                     else cell / 1e6)

        def times(cell, key):
            own, other = self.peer_value(*key, DV), cell
            if isinstance(cell, Side):
                other = cell.median()
            return "%.3g" % (other / own) if own and other is not None else ""

        def memory(cell, key):
            return "%.0f" % (cell.rss() / MIB) if isinstance(cell, Side) else ""

        out = []
        for title, show in (("side by side: median seconds, and bytes in MB (10^6)", figure),
                            ("times what git-dv takes", times),
                            ("largest single process, MiB", memory)):
            lines = [(*key, *(show(sides.get(n), key) for n in names))
                     for key, sides in self.beside.items()]
            if show is memory:
                lines = [x for x in lines if any(x[2:])]
            out.append((title, ("case", "measured", *names), lines))
        return out

    def peer_tables(self, names):
        return "\n\n".join(title + "\n\n" + columns(head, lines, 2)
                           for title, head, lines in self.sections(names))

    def markdown(self, names):
        """Everything that the run shows, for a README."""
        out = []
        if self.rows:
            out.append("Medians; MiB is the largest single process, git's filters included.\n\n"
                       + pipes(*self.goals()))
        if self.beside:
            out += [title[0].upper() + title[1:] + ":\n\n" + pipes(head, lines)
                    for title, head, lines in self.sections(names)]
        if self.notes:
            out.append("\n".join("- " + note for note in self.notes))
        return "\n\n".join(out) + "\n"

    def peer_json(self):
        out = []
        for (case, what), sides in self.beside.items():
            cells = {}
            for name, cell in sides.items():
                if isinstance(cell, Side):
                    cells[name] = {"median": cell.median(), "maxrss": cell.rss(),
                                   "samples": [x.raw() for x in cell.samples]}
                else:
                    cells[name] = {"number" if isinstance(cell, float) else "bytes": cell}
            out.append({"case": case, "what": what, "peers": cells})
        return out

    def save(self, path, facts):
        with open(path, "w", encoding="utf-8") as f:
            json.dump({"facts": facts, "goals": self.rows, "beside": self.peer_json(),
                       "raw": self.raw, "notes": self.notes}, f, indent=1)
            f.write("\n")


def columns(head, lines, left):
    """Text in columns, the first `left` of them aligned to the left."""
    lines = [head, *lines]
    width = [max(len(line[i]) for line in lines) for i in range(len(head))]
    out = []
    for line in lines:
        cells = [c.ljust(w) if i < left else c.rjust(w)
                 for i, (c, w) in enumerate(zip(line, width))]
        out.append("  ".join(cells).rstrip())
    out.insert(1, "  ".join("-" * w for w in width))
    return "\n".join(out)


def pipes(head, lines):
    """A table of Markdown."""
    lines = [head, ["---"] * len(head), *lines]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


class Work:
    """Two folders to work in, which are gone at the end however that comes: a shell
    waits for this process to close its pipe, ends what it was running and removes them.
    """

    REAPER = """trap '' INT TERM HUP
while read -r line; do group=$line; done
[ -z "$group" ] || kill -9 -- "-$group" 2>/dev/null
for try in 1 2 3; do
	chmod -R u+rwX "$@" 2>/dev/null
	rm -rf "$@" 2>/dev/null && exit
	sleep 1
done
"""

    def __init__(self, top, disk):
        self.top = tempfile.mkdtemp(prefix="git-dv-bench-", dir=top)
        self.disk = os.path.join(disk, os.path.basename(self.top) + "-disk")
        self._group = None
        self._reaper = subprocess.Popen(
            ["sh", "-c", self.REAPER, "sh", self.top, self.disk], stdin=subprocess.PIPE,
            start_new_session=True)

    def __enter__(self):
        # a terminated run must not leave gigabytes in memory behind
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            if signal.getsignal(number) != signal.SIG_IGN:
                signal.signal(number, lambda n, frame: sys.exit(128 + n))
        return self

    def __exit__(self, *what):
        self._reaper.stdin.close()
        self._reaper.wait()

    def running(self, group):
        """Tell which group of processes is to be ended with this one; None: none."""
        self._reaper.stdin.write(b"%d\n" % group if group else b"\n")
        self._reaper.stdin.flush()


class Bench:
    """The work directory, the programs, and what the cases need to make and to measure."""

    def __init__(self, place, quick, rounds, cache):
        self.place = place
        self.work = work = place.top
        self.quick = quick
        self.n_rounds = rounds
        self.cache = cache
        self.peers = {}
        self.report = Report()
        self.log = os.path.join(work, "log")
        self.build_dir = os.environ.get("DV_BUILD_DIR", "")
        self.env = {k: v for k, v in os.environ.items()
                    if not k.startswith(("GIT_", "DV_", "DVC_", "RESTIC_", "XDG_"))}
        self.env.update(GIT_CONFIG_NOSYSTEM="1", GIT_TERMINAL_PROMPT="0", LC_ALL="C")
        if self.build_dir:
            # what `./bootstrap bench` installed comes last: it is not to hide anything
            top = os.path.abspath(self.build_dir)
            self.env["PATH"] = os.pathsep.join((top, self.env["PATH"], top + "/peers/bin"))
        path = self.env["PATH"]
        self.has = {
            DV: bool(shutil.which("git-dv", path=path)
                           and shutil.which("git-dv-filter", path=path)),
            LFS: bool(shutil.which("git-lfs", path=path)),
            "drain": True, PLAIN: True}
        self.drain = self._program("drain-filter")
        self.data = self._program("bench-data")
        self._serial = 0
        self._homes = {}
        self._made = {}
        self._paths = []
        self._wall = self._foreign = 0
        self._fs_used = self.fs_most = 0
        self._fs_used = self.fs_used()

    # programs

    def _program(self, name):
        built = os.path.join(self.build_dir, "tests/bench", name) if self.build_dir else ""
        if built and os.access(built, os.X_OK):
            return os.path.abspath(built)
        made = os.path.join(self.work, name)
        subprocess.run([os.environ.get("CC", "cc"), "-std=gnu11", "-O2", "-o", made,
                        os.path.join(HERE, name + ".c")], check=True)
        return made

    def run(self, argv, cwd=None, home=PLAIN, out=None, env=None):
        """Run to the end and measure; the first failure says what the program said."""
        env = dict(self.env, HOME=self.home(home), **(env or {}))
        busy = busy_seconds()
        with open(self.log, "wb") as log:
            start = time.perf_counter()
            p = subprocess.Popen(argv, cwd=cwd or self.work, env=env,
                                 stdin=subprocess.DEVNULL, stdout=out or log, stderr=log,
                                 start_new_session=True)
            self.place.running(p.pid)
            _, status, usage = os.wait4(p.pid, 0)
            wall = time.perf_counter() - start
            self.place.running(None)
        sample = Sample(wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss * RSS_UNIT)
        self.fs_most = max(self.fs_most, self.fs_used())
        self._wall += wall
        self._foreign += busy_seconds() - busy - sample.cpu
        p.returncode = os.waitstatus_to_exitcode(status)
        if p.returncode:
            with open(self.log, "rb") as log:
                said = log.read()[-2000:].decode(errors="replace").strip()
            raise Wrong("'%s' ended with %d: %s" % (" ".join(argv), p.returncode, said))
        return sample

    def disturbed(self):
        """How much of one CPU other programs took while ours ran, since the last call."""
        share = self._foreign / self._wall if self._wall else 0
        self._wall = self._foreign = 0
        return share

    def output(self, argv, cwd, home):
        env = dict(self.env, HOME=self.home(home))
        return subprocess.run(argv, cwd=cwd, env=env, stdin=subprocess.DEVNULL, check=True,
                              stdout=subprocess.PIPE, stderr=subprocess.DEVNULL).stdout

    # places

    def path(self, name):
        self._serial += 1
        self._paths.append(os.path.join(self.work, "%s-%d" % (name, self._serial)))
        return self._paths[-1]

    def fs_used(self):
        """Bytes that the file system worked on holds more than at the start."""
        vfs = os.statvfs(self.work)
        return (vfs.f_blocks - vfs.f_bfree) * vfs.f_frsize - self._fs_used

    def need(self, size, what):
        """Skip what would not fit in the work directory."""
        if not self._fits(size):
            raise Skip("no room for %s: %.1f GiB" % (what, size / GIB))

    def _fits(self, size):
        most = room(self.work)
        if filesystem(self.work) == "tmpfs":
            most = min(most, SHM_MOST - used(self.work))
        return size <= most

    def big(self, size, what):
        """A new folder with room for that many bytes: on the disk, if need be."""
        if self._fits(size):
            return self.path("big")
        top = self.place.disk
        os.makedirs(top, exist_ok=True)
        if room(top) < size + GIB:
            raise Skip("no room for %s: %.1f GiB" % (what, size / GIB))
        self._serial += 1
        self._paths.append(os.path.join(top, "big-%d" % self._serial))
        return self._paths[-1]

    def sweep(self):
        """Remove what a case left behind, so that a failed one does not starve the next."""
        self.remove(*self._paths)
        self._paths.clear()

    def home(self, kind):
        """A HOME of its own for each kind, so that no set-up leaks into another side."""
        if kind in self._homes:
            return self._homes[kind]
        home = os.path.join(self.work, "home-" + kind)
        os.mkdir(home)
        self._homes[kind] = home
        empty = os.path.join(self.work, "template")
        os.makedirs(empty, exist_ok=True)
        config = {"init.templateDir": empty, "user.name": "Bench", "user.email": "bench@example.org", "gc.auto": "0",
                  "maintenance.auto": "false", "init.defaultBranch": "main",
                  "advice.detachedHead": "false", "protocol.file.allow": "always"}
        if kind == LFS:
            config.update({"filter.lfs.process": "git-lfs filter-process",
                           "filter.lfs.clean": "git-lfs clean -- %f",
                           "filter.lfs.smudge": "git-lfs smudge -- %f",
                           "filter.lfs.required": "true"})
        if kind == "drain":
            config.update({"filter.drain.process": self.drain,
                           "filter.drain.required": "true"})
        for key, value in config.items():
            self.run(["git", "config", "--global", key, value], home=kind)
        if kind == DV:
            self.run(["git", "dv", "install"], home=kind)
        return home

    def repo(self, kind, pattern, where=None):
        """A repository with one commit, in which `pattern` is handled by that kind."""
        repo = where or self.path("repo")
        self.run(["git", "init", "-q", repo], home=kind)
        if kind == DV:
            self.run(["git", "dv", "init"], repo, kind)
            self.run(["git", "dv", "track", pattern], repo, kind)
        else:
            text = "" if kind == PLAIN else " filter=" + kind
            with open(os.path.join(repo, ".gitattributes"), "w", encoding="utf-8") as f:
                f.write("%s%s -text\n" % (pattern, text))
        self.run(["git", "add", "."], repo, kind)
        self.run(["git", "commit", "-q", "-m", "set up"], repo, kind)
        return repo

    def remove(self, *paths):
        for path in paths:
            if os.path.isdir(path) and not os.path.islink(path):
                # git-annex protects its folders even from their owner
                subprocess.run(["chmod", "-R", "u+rwX", path], stderr=subprocess.DEVNULL,
                               check=False)
                shutil.rmtree(path)
            elif os.path.lexists(path):
                os.unlink(path)

    def size(self, full):
        """A full-sized figure, or what stands for it in a quick run."""
        return full // 8 if self.quick else full

    def made(self, name, *argv):
        """A file of generated data, made once and kept."""
        if name not in self._made:
            path = os.path.join(self.work, name)
            with open(path, "wb") as f:
                self.run([self.data, *map(str, argv)], out=f)
            os.chmod(path, 0o644)
            self._made[name] = path
        return self._made[name]

    def edited(self, kind, seed, source):
        """A copy of a file with one edit, of those in edit.py."""
        path = self.path("edited")
        self.run([sys.executable, os.path.join(HERE, "edit.py"), kind, str(seed), source,
                  path])
        return path

    def forget(self, name):
        self.remove(self._made.pop(name, ""))

    def noise(self):
        return self.made("noise.bin", "noise", 1, self.size(GIB))

    # rounds

    def sides(self, *names):
        return [Side(n) for n in names]

    def rounds(self, sides, once):
        """A B A B ...: once(side, last) returns that side's sample. Git LFS, a figure
        to beat rather than ours, has three rounds at most; a missing program none."""
        for i in range(self.n_rounds):
            for side in sides:
                n = min(self.n_rounds, 3) if side.name == LFS else self.n_rounds
                if self.has.get(side.name, True) and i < n:
                    side.add(once(side.name, i == n - 1))
        for side in sides:
            if not self.has.get(side.name, True):
                self.report.note("%s is not %s" % (
                    side.name, "built" if side.name == DV else "used: not there, or not asked for"))

    def need_dv(self):
        if not self.has[DV]:
            raise Skip("git-dv is not built (set DV_BUILD_DIR)")

    # what must be true

    def same(self, a, b):
        if subprocess.run(["cmp", "--", a, b], stdout=subprocess.DEVNULL).returncode:
            raise Wrong("'%s' and '%s' differ" % (a, b))

    def same_tree(self, a, b):
        if subprocess.run(["diff", "-rq", "--", a, b], stdout=subprocess.DEVNULL).returncode:
            raise Wrong("'%s' and '%s' differ" % (a, b))

    def clean(self, repo, kind):
        said = self.output(["git", "status", "--porcelain"], repo, kind)
        if said:
            raise Wrong("status of '%s' is not clean: %s"
                        % (repo, said[:500].decode(errors="replace")))

    def pointer(self, repo, kind, name):
        """What git stored for a file that was added must be small."""
        size = int(self.output(["git", "cat-file", "-s", ":" + name], repo, kind))
        if size > 1024:
            raise Wrong("'%s' was stored in git as it is (%d bytes)" % (name, size))

    def commit(self, repo, kind):
        self.run(["git", "commit", "-q", "-m", "data"], repo, kind)

    def restored(self, repo, kind, name, source):
        """After a commit, the file comes back from the store as it was."""
        os.unlink(os.path.join(repo, name))
        sample = self.run(["git", "checkout", "-q", "--", "."], repo, kind)
        self.same(os.path.join(repo, name), source)
        self.clean(repo, kind)
        return sample

    def first_line(self, *argv):
        """What a program says about itself; None where it is not there."""
        try:
            return self.output(list(argv), self.work, PLAIN).decode().split("\n")[0].strip()
        except (OSError, subprocess.CalledProcessError):
            return None

    def facts(self):
        return {"system": platform.platform(), "cpus": os.cpu_count(),
                "load": os.getloadavg(), "quick": self.quick, "rounds": self.n_rounds,
                "peers": {name: cls.version(self) for name, cls in self.peers.items()},
                "work": filesystem(self.work)}


def busy_seconds():
    """CPU seconds that all programs together have had; 0 where nothing tells."""
    try:
        with open("/proc/stat", encoding="ascii") as f:
            user, nice, system = map(int, f.readline().split()[1:4])
    except OSError:
        return 0
    return (user + nice + system) / os.sysconf("SC_CLK_TCK")


def filesystem(path):
    """The type of the file system that holds path, '' where nothing tells."""
    best, kind = "", ""
    path = os.path.realpath(path)
    try:
        with open("/proc/self/mounts", encoding="utf-8", errors="replace") as f:
            for line in f:
                at, fs = line.split()[1:3]
                if (path + "/").startswith(at.rstrip("/") + "/") and len(at) >= len(best):
                    best, kind = at, fs
    except OSError:
        pass
    return kind


def room(path):
    """Bytes that may be written below path: on a tmpfs memory is the limit."""
    vfs = os.statvfs(path)
    free = vfs.f_bavail * vfs.f_frsize
    if filesystem(path) == "tmpfs":
        with open("/proc/meminfo", encoding="ascii") as f:
            for line in f:
                if line.startswith("MemAvailable:"):
                    free = min(free, int(line.split()[1]) * 1024)
    return free


def used(path):
    """Bytes of all files below path; a sparse file counts what it holds."""
    total = 0
    for top, _, names in os.walk(path):
        for name in names:
            st = os.lstat(os.path.join(top, name))
            total += min(st.st_size, st.st_blocks * 512)
    return total
