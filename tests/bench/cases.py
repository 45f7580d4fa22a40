"""The goals of git-dv alone: against a filter that drains, cp, Git LFS and plain git."""

import json
import os
import random
import shutil
import subprocess
import time

import registry
from harness import DV, GIB, LFS, MIB, PLAIN, Wrong, used

DRAIN = "drain"


def link(source, repo, name):
    os.link(source, os.path.join(repo, name))


def store_size(repo):
    return used(os.path.join(repo, ".git/dv"))


def add_file(b, case, source, sides):
    """Time `git add` of one file by each side in a new repository; returns the bytes
    that git-dv stored. Its content must come back, each time."""
    name = "data" + os.path.splitext(source)[1]
    stored = []

    def once(kind, last):
        repo = b.repo(kind, "*" + os.path.splitext(source)[1])
        link(source, repo, name)
        sample = b.run(["git", "add", name], repo, kind)
        b.pointer(repo, kind, name)
        if kind == DV:
            b.commit(repo, kind)
            stored.append(store_size(repo))
            b.restored(repo, kind, name, source)
        b.remove(repo)
        return sample

    b.rounds(sides, once)
    b.report.keep(case, sides, stored=stored, bytes=os.path.getsize(source))
    return stored[-1] if stored else None


def add_noise(b):
    sides = dv, drain, lfs = b.sides(DV, DRAIN, LFS)
    add_file(b, "add-noise", b.noise(), sides)
    b.report.ratio("add-noise", dv, drain, "<=", 3.2)
    b.report.ratio("add-noise", lfs, dv, ">=", 6)


def add_text(b, case, source, bound):
    sides = dv, lfs = b.sides(DV, LFS)
    stored = add_file(b, case, source, sides)
    b.report.ratio(case, lfs, dv, ">=", 3)
    b.report.row(case, "stored / raw", "<=", bound,
                 stored / os.path.getsize(source) if stored else None)
    b.forget(os.path.basename(source))


def add_json(b):
    add_text(b, "add-json", b.made("films.json", "json", 2, b.size(GIB)), 0.25)


def add_csv(b):
    add_text(b, "add-csv", b.made("flights.csv", "csv", 3, b.size(GIB)), 0.35)


def vega_files(b, ext, names):
    data = os.path.join(registry.package(b, "vega-datasets", "3.2.1"), "data")
    return b.made("vega." + ext, "vary", 4, b.size(GIB),
                  *(os.path.join(data, n + "." + ext) for n in names))


def vega_json(b):
    names = ("movies", "flights-200k", "football", "flights-20k")
    add_text(b, "vega-json", vega_files(b, "json", names), 0.25)


def vega_csv(b):
    names = ("zipcodes", "birdstrikes", "species", "airports", "weather", "sp500-2000")
    add_text(b, "vega-csv", vega_files(b, "csv", names), 0.35)


def add_many(b):
    count = b.size(20000)
    source = b.path("many")
    os.mkdir(source)
    b.run([b.data, "many", "5", str(count), str(10 * 1024), source])
    sides = dv, plain, drain, lfs = b.sides(DV, PLAIN, DRAIN, LFS)
    stored = []

    def once(kind, last):
        repo = b.repo(kind, "*.json")
        shutil.copytree(source, os.path.join(repo, "d"), copy_function=os.link)
        sample = b.run(["git", "add", "d"], repo, kind)
        if kind != PLAIN:
            b.pointer(repo, kind, "d/000/part-000000.json")
        if kind == DV:
            stored.append(store_size(repo))
        if kind == DV and last:
            b.commit(repo, kind)
            b.remove(os.path.join(repo, "d"))
            b.run(["git", "checkout", "-q", "--", "."], repo, kind)
            b.same_tree(source, os.path.join(repo, "d"))
            b.clean(repo, kind)
        b.remove(repo)
        return sample

    b.rounds(sides, once)
    b.report.keep("add-many", sides, stored=stored, files=count)
    b.report.ratio("add-many", dv, plain, "<", 1)
    b.report.ratio("add-many", dv, drain)
    b.report.ratio("add-many", lfs, dv)
    b.remove(source)


def readd(b):
    sides = dv, drain = b.sides(DV, DRAIN)
    source, repos, grown, seed = b.noise(), {}, [], random.Random(6)
    size = os.path.getsize(source)
    for side in sides:
        if b.has[side.name]:
            repo = repos[side.name] = b.repo(side.name, "*.bin")
            shutil.copyfile(source, os.path.join(repo, "data.bin"))
            b.run(["git", "add", "."], repo, side.name)
            b.commit(repo, side.name)

    def once(kind, last):
        repo = repos[kind]
        name = os.path.join(repo, "data.bin")
        with open(name, "r+b") as f:
            f.seek(size // 2 - MIB // 2)
            f.write(seed.randbytes(MIB))
        time.sleep(0.1)
        before = store_size(repo) if kind == DV else 0
        sample = b.run(["git", "add", "data.bin"], repo, kind)
        if kind == DV:
            b.commit(repo, kind)
            grown.append(store_size(repo) - before)
            copy = b.path("copy")
            os.link(name, copy)
            b.restored(repo, kind, "data.bin", copy)
            b.remove(name, copy)
            shutil.copyfile(source, name)
            b.run(["git", "add", "data.bin"], repo, kind)
            b.run(["git", "commit", "-q", "-m", "back"], repo, kind)
        return sample

    b.rounds(sides, once)
    b.report.keep("readd", sides, grown=grown)
    b.report.ratio("readd", dv, drain, "<=", 1.8)
    b.report.row("readd", "MiB stored", "<=", 1.5, max(grown) / MIB if grown else None)
    b.remove(*repos.values())


def checkout(b):
    sides = dv, cp, lfs = b.sides(DV, "cp", LFS)
    source, repos = b.noise(), {}
    for kind in (DV, LFS):
        if b.has[kind]:
            repo = repos[kind] = b.repo(kind, "*.bin")
            link(source, repo, "data.bin")
            b.run(["git", "add", "."], repo, kind)
            b.commit(repo, kind)
            os.unlink(os.path.join(repo, "data.bin"))
    copy = b.path("copy")

    def once(kind, last):
        if kind == "cp":
            sample = b.run(["cp", source, copy])
            b.remove(copy)
            return sample
        name = os.path.join(repos[kind], "data.bin")
        sample = b.run(["git", "checkout", "-q", "."], repos[kind], kind)
        b.same(name, source)
        b.clean(repos[kind], kind)
        b.remove(name)
        return sample

    b.rounds(sides, once)
    b.report.keep("checkout", sides)
    b.report.ratio("checkout", dv, cp, "<=", 2)
    b.report.ratio("checkout", lfs, dv)
    b.remove(*repos.values())


def memory(b):
    b.need_dv()
    sizes = (GIB // 8,) if b.quick else (GIB, 8 * GIB)
    for size in sizes:
        label = "%d MiB" % (size // MIB)
        repo = b.repo(DV, "*.bin", b.big(2 * size + GIB, label))
        try:
            name = os.path.join(repo, "data.bin")
            with open(name, "wb") as f:
                b.run([b.data, "noise", "7", str(size)], out=f)
            add = b.run(["git", "add", "."], repo, DV)
            b.commit(repo, DV)
            os.unlink(name)
            out = b.run(["git", "checkout", "-q", "--", "."], repo, DV)
            noise = subprocess.Popen([b.data, "noise", "7", str(size)], stdout=subprocess.PIPE)
            same = subprocess.run(["cmp", "-", name], stdin=noise.stdout, check=False,
                                  stdout=subprocess.DEVNULL)
            noise.stdout.close()
            noise.wait()
            if same.returncode or os.path.getsize(name) != size:
                raise Wrong("%s came back with other content" % label)
            b.clean(repo, DV)
        finally:
            b.remove(repo)
        for what, sample in (("add", add), ("checkout", out)):
            b.report.row("memory", "%s of %s, MiB" % (what, label), "<", 128,
                         sample.rss / MIB)
            b.report.raw.setdefault("memory", {})["%s %s" % (what, label)] = sample.raw()


def status_50k(b):
    b.need_dv()
    count, runs = b.size(50000), 10 if b.quick else 40
    repo = b.repo(DV, "*.json")
    b.run([b.data, "many", "8", str(count), "512", repo])
    first = b.run(["git", "add", "."], repo, DV)
    b.commit(repo, DV)
    plain = b.path("plain")
    # The very same commit where no filter is configured: pointers are just small files.
    b.run(["git", "clone", "-q", repo, plain])
    for name in os.listdir(repo):
        if name[0] != ".":
            b.remove(os.path.join(repo, name))
    back = b.run(["git", "checkout", "-q", "--", "."], repo, DV)
    once = {DV: b.run(["git", "status", "--porcelain"], repo, DV),
            PLAIN: b.run(["git", "status", "--porcelain"], plain)}
    b.clean(repo, DV)
    b.clean(plain, PLAIN)
    check = b.path("check")
    os.mkdir(check)
    b.run([b.data, "many", "8", str(count), "512", check])
    for name in os.listdir(check):
        b.same_tree(os.path.join(check, name), os.path.join(repo, name))
    b.remove(check)
    time.sleep(2)
    sides = with_dv, without, dv_status = b.sides("status with git-dv", "without",
                                                  "git dv status")
    for _ in range(runs):
        with_dv.add(b.run(["git", "status"], repo, DV))
        without.add(b.run(["git", "status"], plain))
    # git dv status apart from these, that no side finds the other's caches warm or cold
    after = b.sides("git status")[0]
    for _ in range(max(5, runs // 2)):
        dv_status.add(b.run(["git", "dv", "status"], repo, DV))
        after.add(b.run(["git", "status"], repo, DV))
    b.report.keep("status-50k", (*sides, after), files=count, add=first.raw(),
                  checkout=back.raw(), first={k: v.raw() for k, v in once.items()})
    b.report.note("first status after the checkout: %.3f s with git-dv, %.3f s without"
                  % (once[DV].wall, once[PLAIN].wall))
    b.report.ratio("status-50k", with_dv, without, "<=", 1.1, "least")
    b.report.ratio("status-50k", dv_status, after, "<=", 2, "least")
    b.remove(repo, plain)


def status_small(b):
    b.need_dv()
    repo = b.repo(DV, "*.bin")
    for i in range(3):
        with open(os.path.join(repo, "%d.bin" % i), "wb") as f:
            f.write(random.Random(i).randbytes(100000))
    b.run(["git", "add", "."], repo, DV)
    b.commit(repo, DV)
    sides = dv, git = b.sides("git dv status", "git status")
    for _ in range(20):
        dv.add(b.run(["git", "dv", "status"], repo, DV))
        git.add(b.run(["git", "status"], repo, DV))
    b.clean(repo, DV)
    b.report.keep("status-small", sides)
    b.report.row("status-small", "git dv status, CPU ms", "<", 10, dv.median("cpu") * 1e3,
                 dv, git)
    b.remove(repo)


def hooks_100k(b):
    """CPU of the hooks where there is nothing to do for them, beside their parts."""
    b.need_dv()
    count, runs = b.size(100000), 5 if b.quick else 20
    repo = b.repo(DV, "*.bin")
    for i in range(count):
        folder = os.path.join(repo, "d%03d" % (i // 100))
        os.makedirs(folder, exist_ok=True)
        with open(os.path.join(folder, "f%d.c" % i), "w", encoding="ascii") as f:
            f.write("int x%d;\n" % i)
    b.run(["git", "dv", "init", "-q"], repo, DV)
    b.run(["git", "add", "."], repo, DV)
    b.commit(repo, DV)
    hooks = os.path.join(repo, ".git/hooks")
    parts = b.sides("true", "sh and git-dv --version", "git cat-file", "git diff --cached")
    sides = b.sides("pre-commit", "post-checkout", "post-merge", "pre-push")
    for _ in range(runs):
        for side, argv in zip(parts, (["true"], ["sh", "-c", "git-dv --version; exit"],
                                      ["git", "cat-file", "--batch-command"],
                                      ["git", "diff", "--cached", "--raw"])):
            side.add(b.run(argv, repo, DV))
        for side in sides:
            side.add(b.run([os.path.join(hooks, side.name), "a", "b", "1"], repo, DV))
    b.report.keep("hooks-100k", (*parts, *sides), files=count)
    for side in (*parts, *sides):
        b.report.row("hooks-100k", side.name + ", CPU ms", "<" if side in sides else "",
                     5 if side in sides else None, side.median("cpu") * 1e3, side)
    b.remove(repo)


def peak_memory(pid):
    with open("/proc/%d/status" % pid, encoding="ascii") as f:
        return next(int(x.split()[1]) * 1024 for x in f if x.startswith("VmHWM"))


def told(log):
    """What the last line about each file says of its size."""
    sizes = {}
    with open(log, encoding="utf-8") as f:
        for line in f:
            event = json.loads(line)
            if event["change_type"] == "deleted":
                sizes.pop(event["file_path"], None)
            else:
                sizes[event["file_path"]] = event["size_bytes"]
    return sizes


def watch_load(b):
    """Files written at a steady rate under `git dv watch`: is each final state told?"""
    b.need_dv()
    count, folders, seconds = b.size(10000), b.size(1000), 2 if b.quick else 10
    repo, log = b.repo(DV, "*.bin"), b.path("watch.log")
    env = dict(b.env, HOME=b.home(DV))
    monitor = subprocess.Popen(["git-dv", "watch", "--log", log, "--log-max", "0"], cwd=repo,
                               env=env, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                               stderr=subprocess.PIPE, start_new_session=True)
    b.place.running(monitor.pid)
    try:
        if not monitor.stderr.readline().startswith(b"watching"):
            raise Wrong("git dv watch does not start")
        start = time.monotonic()
        want = {}
        for i in range(count):
            name = "data/d%d/f%d" % (i % folders, i)
            path = os.path.join(repo, name)
            os.makedirs(os.path.dirname(path), exist_ok=True)
            want[name] = i % 977 + 1
            with open(path, "wb") as f:
                f.write(b"x" * want[name])
            ahead = start + seconds * (i + 1) / count - time.monotonic()
            if ahead > 0.01:
                time.sleep(ahead)
        wrote = time.monotonic()
        while time.monotonic() < wrote + 60:
            if os.path.exists(log) and want.items() <= told(log).items():
                break
            time.sleep(0.2)
        settled = time.monotonic() - wrote
        most = peak_memory(monitor.pid)
        lost = len(want.items() - told(log).items())
    finally:
        monitor.terminate()
        monitor.wait()
        monitor.stderr.close()
        b.place.running(None)
    b.report.row("watch-load", "%d files in %d folders in %.1f s: lost"
                 % (count, folders, wrote - start), "<=", 0, lost)
    b.report.row("watch-load", "all told after the last, s", "", None, settled)
    b.report.row("watch-load", "peak memory, MiB", "<", 64, most / MIB)
    b.report.raw["watch-load"] = {"files": count, "lost": lost, "seconds": wrote - start,
                                  "settled": settled, "maxrss": most}
    b.remove(repo)
    if lost:
        raise Wrong("%d of %d final states are not in the log" % (lost, count))


def data_repo(b):
    """A repository that has committed the noise; what its store holds."""
    repo = b.repo(DV, "*.bin")
    link(b.noise(), repo, "data.bin")
    b.run(["git", "add", "."], repo, DV)
    b.commit(repo, DV)
    return repo, os.path.join(repo, ".git/dv/packs")


def push_dir(b):
    b.need_dv()
    sides = cp, push = b.sides("cp", "push")
    state = {}

    def once(kind, last):
        if kind == "cp":
            repo, packs = state["repo"] = data_repo(b)
            copy = b.path("copy")
            sample = b.run(["cp", "-r", packs, copy])
            b.remove(copy)
            return sample
        repo, packs = state["repo"]
        store = b.path("store")
        b.run(["git", "dv", "remote", "add", "store", store], repo, DV)
        sample = b.run(["git", "dv", "push"], repo, DV)
        if used(store) < os.path.getsize(b.noise()):
            raise Wrong("push left content behind: the store holds %d bytes" % used(store))
        if last:
            # without the local store all must come back from the remote
            b.run(["git", "add", "."], repo, DV)
            b.run(["git", "commit", "-q", "--allow-empty", "-m", "remote"], repo, DV)
            clone = b.path("clone")
            b.run(["git", "clone", "-q", "--no-local", "file://" + repo, clone], home=DV)
            b.same(os.path.join(clone, "data.bin"), b.noise())
            b.remove(clone)
        b.remove(repo, store)
        return sample

    b.rounds(sides, once)
    b.report.keep("push-dir", sides)
    b.report.ratio("push-dir", cp, push, ">=", 0.5)


def clone(b):
    b.need_dv()
    repo, packs = data_repo(b)
    bare, store = b.path("bare"), b.path("store")
    b.run(["git", "init", "-q", "--bare", bare], home=DV)
    b.run(["git", "dv", "remote", "add", "store", store], repo, DV)
    b.run(["git", "add", "."], repo, DV)
    b.run(["git", "commit", "-q", "--allow-empty", "-m", "remote"], repo, DV)
    b.run(["git", "remote", "add", "origin", bare], repo, DV)
    b.run(["git", "push", "-q", "origin", "HEAD:refs/heads/main"], repo, DV)
    if used(store) < os.path.getsize(b.noise()):
        raise Wrong("git push left content behind: the store holds %d bytes" % used(store))
    kept = b.path("packs")
    os.rename(packs, kept)
    b.remove(repo)
    sides = cp, cl = b.sides("cp", "clone")

    def once(kind, last):
        copy = b.path(kind)
        if kind == "cp":
            sample = b.run(["cp", "-r", kept, copy])
        else:
            sample = b.run(["git", "clone", "-q", bare, copy], home=DV)
            b.same(os.path.join(copy, "data.bin"), b.noise())
            b.clean(copy, DV)
        b.remove(copy)
        return sample

    b.rounds(sides, once)
    b.report.keep("clone", sides)
    b.report.ratio("clone", cp, cl, ">=", 0.25)
    b.remove(kept, bare, store)


CASES = {"add-noise": add_noise, "readd": readd, "checkout": checkout, "push-dir": push_dir,
         "clone": clone, "add-json": add_json, "add-csv": add_csv, "vega-json": vega_json,
         "vega-csv": vega_csv, "add-many": add_many, "status-50k": status_50k,
         "status-small": status_small, "hooks-100k": hooks_100k,
         "watch-load": watch_load, "memory": memory}
