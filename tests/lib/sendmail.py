"""A private sendmail, from Debian's packages, for one domain."""

import os
import re
import stat
import subprocess

import srsd
import tap
import places
import world

OUR_M4 = places.source("etc", "sendmail", "mailfrom-srs.m4")

CONFIGURATION = """\
define(`MAIL_SETTINGS_DIR', `@etc@/')dnl
include(`@cf@/m4/cf.m4')dnl
VERSIONID(`mailfrom end-to-end test')dnl
include(`@cf@/debian/autoconf.m4')dnl
OSTYPE(`debian')dnl
define(`confDOMAIN_NAME', `mx.@domain@')dnl
define(`QUEUE_DIR', `@run@/mqueue')dnl
define(`ALIAS_FILE', `@etc@/aliases')dnl
define(`STATUS_FILE', `@run@/statistics')dnl
define(`HELP_FILE', `')dnl
define(`confPID_FILE', `@run@/sendmail.pid')dnl
define(`confHOST_STATUS_DIRECTORY', `')dnl
define(`confDEAD_LETTER_DROP', `')dnl
define(`confSERVICE_SWITCH_FILE', `@etc@/service.switch')dnl
define(`confDELIVERY_MODE', `interactive')dnl
define(`confMIN_QUEUE_AGE', `0')dnl
define(`confTO_IDENT', `0s')dnl
define(`confTO_RESOLVER_RETRANS', `1s')dnl
define(`confDONT_PROBE_INTERFACES', `True')dnl
define(`confLOG_LEVEL', `9')dnl
define(`confQUEUE_LA', `1000')dnl
define(`confREFUSE_LA', `1000')dnl
define(`confDELAY_LA', `1000')dnl
define(`LOCAL_MAILER_PATH', `@etc@/deliver')dnl
define(`LOCAL_MAILER_ARGS', `deliver $g $u')dnl
FEATURE(`no_default_msa')dnl
FEATURE(`virtusertable', `hash -o @etc@/virtusertable')dnl
FEATURE(`mailertable', `hash -o @etc@/mailertable')dnl
DAEMON_OPTIONS(`Name=MTA, Family=inet, Addr=@address@, Port=25')dnl
CLIENT_OPTIONS(`Family=inet, Addr=@address@')dnl
LOCAL_DOMAIN(`@domain@')dnl
@features@
@mailers@
@srs@
"""

# The envelope sender, then the message, in a file of its own a delivery.
DELIVER = """\
#!/bin/sh
box=@mail@/$2
mkdir -p "$box" && file=$(mktemp "$box/.XXXXXX") &&
{ printf 'Envelope-From: %s\\n' "$1"; cat; } >"$file" &&
mv "$file" "$box/${file##*/.}.msg"
"""


def documented_lines(place="/etc/mail/mailfrom-srs.m4"):
    """The lines that our m4 tells an administrator to put into sendmail.mc."""
    with open(OUR_M4, encoding="utf-8") as file:
        lines = re.findall(r"^dnl\t((?:define|include)\(.*)$", file.read(), re.M)
    if len(lines) != 2 or place not in lines[1]:
        raise AssertionError(f"unexpected lines in the m4's header: {lines}")
    return "\n".join(lines)


def srs_lines(socket, options=""):
    lines = documented_lines()
    lines = lines.replace("inet:10003@127.0.0.1", socket)
    return options + lines.replace("/etc/mail/mailfrom-srs.m4", OUR_M4)


class Sendmail:
    """
    A sendmail for domain on address.  srs: the lines of its .mc that switch
    SRS on; features: lines before MAILER().  aliases: text of that file;
    tables: {name: text} of others.  mailers: what delivers here.
    """

    def __init__(self, place, name, domain, address, srs, aliases="",
                 tables=None, features="", mailers="MAILER(`local')dnl"):
        self.place, self.name, self.address = place, name, address
        self.domain = domain
        self.prefix = place.path("peers", "sendmail")
        self.run = place.make_dir("run", name)
        self.etc = place.make_dir("run", name, "etc")
        self.mail = place.make_dir("run", name, "mail", mode=0o1777)
        place.make_dir("run", name, "mqueue", mode=0o700)
        self.environment = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin",
                            "LD_LIBRARY_PATH": world.libraries(self.prefix)}
        self.process = None
        self.write_tables(aliases, tables or {})
        self.write_cf(srs, features, mailers)

    def program(self, name="sendmail"):
        path = os.path.join(self.prefix, "usr/libexec/sendmail", name)
        mode = os.stat(path).st_mode
        if mode & stat.S_ISGID:
            # A setgid program would ignore LD_LIBRARY_PATH.
            os.chmod(path, stat.S_IMODE(mode) & ~stat.S_ISGID)
        return path

    def config_file(self, name, text, mode=0o644):
        return self.place.write("run", self.name, "etc", name, text=text,
                                mode=mode)

    def write_tables(self, aliases, tables):
        self.config_file("service.switch", "hosts\tdns files\naliases\tfiles\n"
                         "passwd\tfiles\n")
        for name in ("local-host-names", "trusted-users", "relay-domains"):
            self.config_file(name, "")
        self.config_file("deliver", DELIVER.replace("@mail@", self.mail), 0o755)
        self.config_file("aliases", f"postmaster: root\n{aliases}")
        self.place.write("run", self.name, "statistics")
        for table in {"virtusertable", "mailertable", "access", *tables}:
            source = self.config_file(table + ".txt", tables.get(table, ""))
            with open(source, encoding="utf-8") as file:
                subprocess.run(
                    [self.program("makemap"), "-C", "/dev/null", "hash",
                     os.path.join(self.etc, table)], stdin=file, check=True,
                    env=self.environment)

    def write_cf(self, srs, features, mailers):
        values = {"etc": self.etc, "run": self.run, "domain": self.domain,
                  "address": self.address, "srs": srs, "features": features, "mailers": mailers,
                  "cf": os.path.join(self.prefix, "usr/share/sendmail/cf")}
        text = CONFIGURATION
        for key, value in values.items():
            text = text.replace(f"@{key}@", value)
        source = self.config_file("sendmail.mc", text)
        made = subprocess.run(
            [os.path.join(self.prefix, "usr/bin/m4"),
             f"-D_CF_DIR_={values['cf']}/", source], check=False,
            capture_output=True, text=True, env=self.environment)
        if made.returncode != 0 or "ERROR" in made.stderr:
            raise AssertionError(f"m4 says: {made.stderr}")
        self.cf = self.config_file("sendmail.cf", made.stdout)
        self.command("-bi")

    def arguments(self, *arguments):
        # A UTS namespace of its own: each sendmail believes in its own name.
        script = f'hostname mx.{self.domain} && exec "$@"'
        return ["unshare", "--uts", "sh", "-c", script, "sh", self.program(),
                "-C", self.cf, *arguments]

    def command(self, *arguments, text=None):
        """Run sendmail to its end; returns what it prints."""
        return subprocess.run(
            self.arguments(*arguments), input=text, env=self.environment,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
            check=False).stdout

    def start(self, *arguments):
        output = self.place.path("run", self.name, "stdout")
        with open(output, "a", encoding="utf-8") as file:
            self.process = subprocess.Popen(
                self.arguments("-bD", *arguments), env=self.environment,
                stdin=subprocess.DEVNULL, stdout=file, stderr=file)
        tap.wait_until(lambda: srsd.listens(25, self.address),
                       f"{self.name} to listen; see {output}")
        return self

    def stop(self):
        self.process.terminate()
        self.process.wait(timeout=30)

    def run_queue(self, *arguments):
        """Try everything in the queue now, and return when that is done."""
        return self.command("-qf", "-v", *arguments)

    def queue(self):
        """The control files of the messages in the queue: {name: text}."""
        directory = os.path.join(self.run, "mqueue")
        found = {}
        for name in os.listdir(directory):
            if name.startswith("qf"):
                path = os.path.join(directory, name)
                try:
                    with open(path, encoding="latin-1") as file:
                        found[name] = file.read()
                except FileNotFoundError:
                    pass        # delivered meanwhile
        return found

    def is_delivering(self):
        """Whether a process of sendmail has a message of the queue locked."""
        directory = os.path.join(self.run, "mqueue")
        with open("/proc/locks", encoding="ascii") as file:
            locked = set(re.findall(r":(\d+) \d+ \S+$", file.read(), re.M))
        return any(str(entry.inode()) in locked
                   for entry in os.scandir(directory))

    def mailbox(self, user, token):
        """Texts of the messages with token that were delivered to user."""
        directory = os.path.join(self.mail, user)
        texts = []
        for name in os.listdir(directory) if os.path.isdir(directory) else []:
            if name.endswith(".msg"):
                with open(os.path.join(directory, name), encoding="latin-1") as f:
                    texts.append(f.read())
        return [t for t in texts if token in t]
