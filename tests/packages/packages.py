# SPDX-License-Identifier: ISC
"""
Debian's packages of mailfrom, built, installed, used, upgraded, removed and purged
in bare systems of one release.

MAILFROM_PACKAGES=brief is for each run of .ci/run: it builds once, and tries one mail
server, without an upgrade.
"""

import os
import re
import shutil
import subprocess

import booted
import builds
import places
import system
import tap
from system import BRIEF

OURS = "mailfrom-srs mailfrom-spf mailfrom-tools"
APT = "DEBIAN_FRONTEND=noninteractive " + system.APT
# systemd's macros aren't in Debian.
RPMBUILD = """\
rm -rf /rpm; rpmbuild -tb --nodeps --define '_topdir /rpm' \
    --define 'debug_package %{{nil}}' \
    --define '_unitdir /usr/lib/systemd/system' \
    --define '_sysusersdir /usr/lib/sysusers.d' \
    --define '_tmpfilesdir /usr/lib/tmpfiles.d' \
    --define 'systemd_post() : %*' --define 'systemd_preun() : %*' \
    --define 'systemd_postun_with_restart() : %*' \
    /{archive} >/rpm.log 2>&1 || {{ tail -n 40 /rpm.log; exit 1; }}
find /rpm/RPMS -name '*.rpm' -printf '%f\\n'
"""
PRESEED = """\
mailfrom-tools mailfrom/fwdomain string srs.preseeded.example
mailfrom-tools mailfrom/own_domains string one.example, two.example
"""


class Machine:
    """A bare system in which a systemd is booted, or a chroot without one."""

    def __init__(self, release, name, mta, debs):
        self.system = release.machine(name)
        self.boot = None
        self.put("packages", debs)
        # So that all is installed without a network, from apt's cache.
        self.system.install(mta, "/packages/mailfrom-*.deb",
                            options="--download-only")
        tree = self.system.path("mailfrom")
        os.makedirs(tree)
        subprocess.run(
            ["sh", "-c", "tar -c debian tests/lib | tar -x -C \"$1\"", "sh", tree],
            cwd=places.TOP, check=True)

    def put(self, directory, debs):
        """Packages, into a directory of its own."""
        place = self.system.path(directory)
        os.makedirs(place)
        for deb in debs:
            shutil.copy(deb, place)

    def start(self):
        self.boot = booted.Booted('mount --bind "$2" "$2"', self.system.root,
                                  unit="multi-user.target")

    def run(self, script, check=True):
        if self.boot:
            return self.boot.run("sh", "-ec", script, check=check, timeout=600)
        return self.system.run(script)

    def install(self, *names):
        return self.run(f"{APT} install {' '.join(names)}")

    def exists(self, path):
        return os.path.lexists(self.system.path(path))

    def end(self):
        if self.boot:
            self.boot.end()
        shutil.rmtree(self.system.root, ignore_errors=True)


def make_suite(number):
    """All cases for a release of Debian; the site is its Site."""
    suite = tap.Suite()
    case = suite.case

    @case("build: make dist's archive builds in a bare system")
    def build(site):
        site.builds.begin()
        site.builds.unpack("one")
        site.builds.build("one")
        with open(places.source("debian", "control"), encoding="utf-8") as file:
            packages = re.findall("^Package:", file.read(), re.M)
        tap.equal(len(site.builds.debs("one")), len(packages), "packages")

    @case("lintian: no error and no warning")
    def lintian(site):
        said = site.builds.lintian("one")
        tap.diagnose(said)
        tap.equal(re.findall(r"^[EW]: .*", said, re.M), [], "lintian")

    if not BRIEF:
        @case("twice: another build, of the tree, gives the same packages")
        def twice(site):
            site.builds.copy_tree("elsewhere/two")
            site.builds.build("elsewhere/two", "-b")
            first = site.builds.hashes("one")
            for name, digest in sorted(first.items()):
                tap.diagnose(f"{digest}  {name}")
            tap.equal(site.builds.hashes("elsewhere/two"), first, "hashes")

        @case("old: the commit before builds too, with a lower version")
        def old(site):
            site.builds.copy_before("old")
            site.builds.set_version("old", f"{site.version}~before")
            site.builds.build("old", "-b")

        @case("rpm: rpmbuild makes packages of the archive")
        def rpm(site):
            archive = builds.dist(site.release.path("dist"))
            shutil.copy(archive, site.builds.builder.path("/"))
            said = site.builds.builder.run(RPMBUILD.format(
                archive=os.path.basename(archive)))
            tap.diagnose(said)
            tap.equal(len(said.split()), 5, "packages")

        @case("apparmor: its parser accepts the profiles, in complain mode")
        def apparmor(site):
            site.builds.builder.run(
                "cd /one/mailfrom/etc/apparmor && for profile in *; do "
                "apparmor_parser --skip-kernel-load --skip-cache $profile && "
                "grep -q 'flags=(complain)' $profile; done")

    # Brief, each with one of them.
    for mta in ("postfix", "sendmail"):
        if not BRIEF or mta == ("postfix" if number == "12" else "sendmail"):
            add_mta(case, mta)
    if not BRIEF:
        add_preseeding(case)
        add_libraries(case)
    return suite


def add_preseeding(case):
    @case("preseeded: srsd runs at once")
    def preseeded(site):
        with site.machine("postfix") as machine:
            machine.system.write("preseed", PRESEED)
            machine.run("debconf-set-selections /preseed")
            machine.install("/packages/mailfrom-*.deb")
            said = machine.run("srsd -n; grep -E '^(fwdomain|own_dom)' "
                               "/etc/mailfrom/mailfrom.conf")
            if "fwdomain = srs.preseeded.example\nown_domains = one.example, " \
               "two.example" not in said:
                raise AssertionError(said)
            if machine.boot:
                machine.run("systemctl is-active srsd")
            edited(machine)
            purge_with_secret(machine)


def add_libraries(case):
    @case("libraries: programs are built with them")
    def libraries(site):
        site.builds.builder.run(
            "dpkg -i /one/lib*.deb && /one/mailfrom/debian/tests/libraries")


def edited(machine):
    """An administrator's edits survive a reconfiguration with another sample."""
    machine.run("echo '# mine' >>/etc/mailfrom/mailfrom.conf; "
                "echo '# new key' >>/usr/share/mailfrom/mailfrom.conf; "
                "DEBIAN_FRONTEND=noninteractive dpkg-reconfigure mailfrom-tools")
    said = machine.run("tail -n 1 /etc/mailfrom/mailfrom.conf; "
                       "tail -n 1 /etc/mailfrom/mailfrom.conf.ucf-dist")
    tap.equal(said, "# mine\n# new key\n", "the file, and the new one beside it")


def purge_with_secret(machine):
    machine.run("echo mailfrom-srs mailfrom/purge_secret boolean true | "
                "debconf-set-selections")
    machine.run(f"{APT} purge {OURS}")
    tap.equal(machine.run("ls -A /etc/mailfrom 2>/dev/null || :"), "",
              "files in /etc/mailfrom")


def add_mta(case, mta):
    @case(f"{mta}: installed beside it, the packages do what they are for")
    def use(site):
        with site.machine(mta) as machine:
            machine.install(mta, f"/{site.first}/mailfrom-*.deb")
            if machine.boot:
                failed = machine.run("systemctl --failed --plain --no-legend")
                tap.equal(failed, "", "failed units")
            tap.diagnose(machine.run(f"/mailfrom/debian/tests/{mta}"))
            if machine.boot and not BRIEF:
                upgrade(site, machine)
            remove(machine)
            purge(machine)


def upgrade(site, machine):
    """With the socket systemd's, messages all the while."""
    for name in "srsd",:
        machine.run(f"systemctl stop {name}; systemctl enable --now {name}.socket; "
                    f"systemctl start {name}")
    inode = machine.run("ss -ltnHe sport = :10003")
    load = subprocess.Popen(
        ["nsenter", "-t", machine.boot.init, "-m", "-p", "-n", "-u", "-i", "-C",
         "env", "PYTHONPATH=/mailfrom/tests/lib:/mailfrom/debian/tests",
         "python3", "/mailfrom/debian/tests/load.py", "/ready", "/stop"],
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT, text=True)
    try:
        tap.wait_until(lambda: machine.exists("ready") or load.poll() is not None,
                       "the first messages", timeout=120)
        before = machine.run("systemctl show -P MainPID srsd spfmilter")
        machine.install("/packages/mailfrom-*.deb")
        after = machine.run("systemctl show -P MainPID srsd spfmilter; "
                            "systemctl is-active srsd spfmilter >/dev/null")
        machine.system.write("stop", "")
        said = load.communicate(timeout=600)[0]
    finally:
        load.kill()
        load.wait()
    tap.diagnose(said)
    tap.equal(load.returncode, 0, f"the load's exit status: {said}")
    tap.equal(set(before.split()) & set(after.split()), set(),
              "processes that an upgrade should replace")
    tap.equal(re.findall(r"ino:\d+", inode), re.findall(
        r"ino:\d+", machine.run("ss -ltnHe sport = :10003")), "srsd's socket")
    version = machine.run("dpkg-query -W -f '${Version}' mailfrom-srs")
    tap.equal(version, site.version, "version")


def remove(machine):
    machine.run(f"{APT} remove {OURS}")
    running = machine.run(
        "ps -eo comm= | grep -xE 'srsd|srsmilter|spfmilter' || :")
    if machine.boot:
        tap.equal(running, "", "daemons that run still")
        tap.equal(machine.run("ss -ltnH sport = :10003"), "", "sockets")
    for path in "etc/mailfrom/mailfrom.conf", "etc/mailfrom/secret":
        tap.equal(machine.exists(path), True, path)


def purge(machine):
    said = machine.run(f"{APT} purge {OURS}")
    if "keeping /etc/mailfrom/secret" not in said:
        raise AssertionError(f"purging doesn't say where the secret is: {said}")
    for path, expected in (("etc/mailfrom/secret", True),
                           ("etc/mailfrom/mailfrom.conf", False),
                           ("var/lib/mailfrom", False),
                           ("etc/apparmor.d/usr.sbin.srsd", False)):
        tap.equal(machine.exists(path), expected, path)
    left = machine.run("dpkg-query -W -f '${Package} ${Status}\\n' "
                       "'mailfrom*' 2>/dev/null | grep -v not-installed || :")
    tap.equal(left, "", "packages in dpkg's status")


class Site:
    def __init__(self, number):
        self.release = system.Release(number)
        self.builds = builds.Builds(self.release)
        self.version = re.search(r"\((.*?)\)", open(
            places.source("debian", "changelog"), encoding="utf-8").read())[1]
        self.first = "packages" if BRIEF else "before"

    def machine(self, mta):
        return Running(self, mta)


class Running:
    """A machine, for a with statement."""

    def __init__(self, site, mta):
        self.machine = Machine(site.release, f"with-{mta}", mta,
                               site.builds.debs("one"))
        if not BRIEF:
            self.machine.put("before", site.builds.debs("old"))
        if not booted.forbidden():
            self.machine.start()

    def __enter__(self):
        return self.machine

    def __exit__(self, *_):
        self.machine.end()


def main(number):
    if os.geteuid() != 0:
        return tap.cannot_run("needs root, to make a bare system")
    reason = booted.forbidden()
    if reason:
        tap.diagnose(f"no upgrade under load: {reason}")
        if tap.REQUIRE_ALL and os.environ.get("MAILFROM_CHROOT") != "1":
            return tap.cannot_run(f"systemd in namespaces: {reason}")
    return make_suite(number).run(Site(number))
