# SPDX-License-Identifier: ISC
"""What a daemon says with -n, but for what is only missing on this host."""

import re
import subprocess

import places

# The accounts and directories of an installed daemon, which may not be here.
OF_THIS_HOST = re.compile(
    r'error: \S+ user: no user "mailfrom(-spf)?" on this system|'
    r"(error|warning): \S+ \w+: \S+ "
    r".*(No such file or directory|directory does not exist yet)")


def check_only(daemon, path, *options):
    """(exit status, stdout, stderr) of daemon -n with the configuration path."""
    done = subprocess.run(
        [places.program(daemon), "-n", "-c", path, *options], text=True,
        capture_output=True, stdin=subprocess.DEVNULL, check=False)
    lines = done.stderr.splitlines(keepends=True)
    rest = [line for line in lines if not OF_THIS_HOST.match(line)]
    if done.returncode == 1 and rest != lines and \
            not any(line.startswith("error: ") for line in rest):
        return 0, f"{done.stdout}{path}: ok\n", "".join(rest)
    return done.returncode, done.stdout, "".join(rest)
