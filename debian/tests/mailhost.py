# SPDX-License-Identifier: ISC
"""
A host with the packages and an MTA, as its administrator would set it up: it
forwards ann@fwd.test to bob@remote.test, and refuses fail.test's senders.

The outside is a server at 127.0.0.10, which has all other domains, and a client
at 192.0.2.99; /etc/hosts stands in for DNS.  Without systemd, in a container,
the daemons are started by hand.
"""

import os
import re
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                "..", "..", "tests", "lib"))
import smtp                                             # noqa: E402
import tap                                              # noqa: E402
import world                                            # noqa: E402

CONF = "/etc/mailfrom/mailfrom.conf"
MX = "127.0.0.1"
HAS_SYSTEMD = os.path.isdir("/run/systemd/system")
HOSTS = f"""
127.0.0.1 mx.fwd.test mx
{world.OUTSIDE} sender.test
{world.OUTSIDE} remote.test
{world.OUTSIDE} fail.test
{world.FAR_CLIENT} client.test
"""
RECORDS = """\
sender.test v=spf1 +all
client.test v=spf1 +all
fail.test   v=spf1 -all
"""


def run(*command):
    done = subprocess.run(command, stdin=subprocess.DEVNULL, text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          check=False)
    if done.returncode != 0:
        raise AssertionError(f"{' '.join(command)}: {done.stdout}")
    return done.stdout


def write(path, text, mode="w"):
    with open(path, mode, encoding="utf-8") as file:
        file.write(text)


def read(path):
    with open(path, encoding="utf-8") as file:
        return file.read()


def edit(path, pattern, replacement):
    """Replace the one place that matches."""
    text, count = re.subn(pattern, lambda _: replacement, read(path), flags=re.M)
    tap.equal(count, 1, f"places in {path} that match {pattern}")
    write(path, text)


def set_key(section, key, value):
    """Give a key of the packaged configuration a value."""
    before, head, rest = read(CONF).partition(f"\n[{section}]\n")
    tap.equal(head, f"\n[{section}]\n", f"sections [{section}]")
    here, mark, after = rest.partition("\n[")
    here, count = re.subn(rf"^#?{key} = .*$", lambda _: f"{key} = {value}", here,
                          flags=re.M)
    tap.equal(count, 1, f"lines of {key} in [{section}]")
    write(CONF, before + head + here + mark + after)


def prepare_names():
    if "mx.fwd.test" not in read("/etc/hosts"):
        write("/etc/hosts", HOSTS, "a")
    run("hostname", "mx.fwd.test")
    run("ip", "link", "set", "lo", "up")
    run("ip", "address", "replace", f"{world.FAR_CLIENT}/32", "dev", "lo")


def expect_unconfigured(daemon):
    """It isn't running, hasn't failed, and says what it waits for."""
    said = subprocess.run([daemon, "--configured"], text=True, check=False,
                          stdout=subprocess.PIPE)
    tap.equal(said.returncode, 1, f"{daemon} --configured: {said.stdout}")
    if HAS_SYSTEMD:
        status = subprocess.run(
            ["systemctl", "status", "--no-pager", "-l", daemon], text=True,
            check=False, stdout=subprocess.PIPE).stdout
        if "is not configured yet" not in status or "inactive" not in status:
            raise AssertionError(status)


def configure(spf_listen):
    set_key("srs", "fwdomain", "srs.fwd.test")
    set_key("srs", "own_domains", "fwd.test, mx.fwd.test")
    set_key("spf", "record_file", "/etc/mailfrom/records")
    set_key("spf", "nameservers", "127.0.0.1:9")
    set_key("spf", "timeout", "1")
    set_key("spfmilter", "access", "/etc/mailfrom/access")
    set_key("spfmilter", "listen", spf_listen)
    write("/etc/mailfrom/records", RECORDS)
    write("/etc/mailfrom/access", "spf-fail: REJECT\n")


def start(daemon):
    run(daemon, "-n")
    if HAS_SYSTEMD:
        run("systemctl", "restart", daemon)
        tap.equal(run("systemctl", "is-active", daemon).strip(), "active", daemon)
    else:
        run(daemon)


def setup(form, part):
    """What `mailfrom setup` prints; its warnings are on our standard error."""
    return subprocess.run(["mailfrom", "setup", form, part, "--bare"], text=True,
                          check=True, stdout=subprocess.PIPE).stdout


# --- what mail does ---

def forward(sink, token):
    """A message for ann reaches bob, with an SRS sender, which is returned."""
    reply = smtp.send(MX, "joe@sender.test", ["ann@fwd.test"], token,
                      source=world.FAR_CLIENT)
    if not reply.accepted:
        raise AssertionError(f"a message to forward: {reply}")
    message = sink.only(token)
    tap.equal(message.recipients, ["bob@remote.test"], "recipients")
    if not re.fullmatch(r"SRS0=[^@]*=sender\.test=joe@srs\.fwd\.test",
                        message.sender):
        raise AssertionError(f"sender {message.sender}")
    return message.sender


def bounce(sink, token, address):
    reply = smtp.send(MX, "", [address], token, source=world.FAR_CLIENT)
    if not reply.accepted:
        raise AssertionError(f"a bounce: {reply}")
    message = sink.only(token)
    tap.equal((message.sender, message.recipients), ("", ["joe@sender.test"]),
              "the bounce's envelope")


def refusal():
    reply = smtp.send(MX, "eve@fail.test", ["ann@fwd.test"], "refused",
                      source=world.FAR_CLIENT)
    code, text = (reply.rcpt or [reply.mail])[-1]
    if code != 550 or "5.7.23" not in text:
        raise AssertionError(f"a sender that SPF fails: {reply}")


def forgery():
    reply = smtp.send(MX, "", ["SRS0=AAAAAA=AA=sender.test=joe@srs.fwd.test"],
                      "forged", source=world.FAR_CLIENT)
    code, text = reply.rcpt[-1]
    if code // 100 != 5:
        raise AssertionError(f"a forged bounce: {code} {text}")


def doctor():
    """There is no DNS here."""
    if "doctor" in run("mailfrom", "--help"):
        tap.diagnose(run("mailfrom", "doctor", "--no-dns"))


def main(set_up_mta, spf_listen):
    """The test, of an MTA that set_up_mta() configures and starts."""
    report = tap.Report()
    case = {}

    def begin():
        prepare_names()
        for daemon in "srsd", "srsmilter", "spfmilter":
            expect_unconfigured(daemon)

    def begin_mail():
        configure(spf_listen)
        start("srsd")
        start("spfmilter")
        run("srs", "ask", "--wait", "10", "inet:10003@127.0.0.1", "probe", "x")
        set_up_mta()
        case["sink"] = smtp.Sink()

    def send_forward():
        case["address"] = forward(case["sink"], "forward")

    def send_bounce():
        bounce(case["sink"], "bounce", case["address"])

    for name, function in (
            ("daemons wait for their configuration", begin),
            ("configured, daemons and MTA start", begin_mail),
            ("a forwarded message has an SRS sender", send_forward),
            ("its bounce comes back", send_bounce),
            ("a forged bounce is rejected", forgery),
            ("a sender that SPF fails is rejected", refusal),
            ("mailfrom doctor finds nothing that fails", doctor)):
        tap.run_case(report, name, function, [], lambda: [])
        if report.failed:
            break
    return report.end()
