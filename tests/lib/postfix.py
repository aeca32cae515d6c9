"""A private Postfix for one domain, with the master.cf of Debian's package."""

import os
import re
import shutil
import subprocess

import sasl
import srsd
import tap
import places
import world

MAILFROM = places.program("mailfrom")
SETTINGS = places.source("etc", "postfix")
QUEUES = ["active", "bounce", "corrupt", "defer", "deferred", "flush", "hold",
          "incoming", "private", "saved", "trace"]

SIZE_LIMIT = 50000
# Maps that are packages of their own.
EXTRA_MAPS = ["cdb", "lmdb", "pcre", "sqlite"]
CONFIGURATION = """\
compatibility_level = 3.6
config_directory = {etc}
queue_directory = {spool}
data_directory = {data}
command_directory = {prefix}/usr/sbin
daemon_directory = {prefix}/usr/lib/postfix/sbin
shlib_directory = {prefix}/usr/lib/postfix
meta_directory = {meta}
sendmail_path = {prefix}/usr/sbin/sendmail
newaliases_path = {prefix}/usr/sbin/sendmail
mailq_path = {prefix}/usr/sbin/sendmail
default_privs = nobody
# Each daemon starts with a clean environment, but the libraries are private.
import_environment = MAIL_CONFIG LANG=C LD_LIBRARY_PATH={libraries} SASL_PATH
export_environment = MAIL_CONFIG LANG=C LD_LIBRARY_PATH={libraries}

myhostname = mx.{domain}
mydomain = {domain}
myorigin = {domain}
mydestination = {domain}, mx.{domain}, localhost
mynetworks = 127.0.0.1/32
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
alias_maps = hash:{etc}/aliases
alias_database =
virtual_alias_domains = virt.{domain}
virtual_alias_maps = texthash:{etc}/virtual
mail_spool_directory = {mail}/
maximal_backoff_time = 1s
minimal_backoff_time = 1s
queue_run_delay = 1s
smtpd_client_connection_count_limit = 0
smtp_tls_security_level = none
smtpd_tls_security_level = none
message_size_limit = {size_limit}
biff = no
"""


def settings(name, domain, **replaced):
    """
    The text of a file of etc/postfix as an administrator would adapt it:
    fwd.example becomes domain; replaced: {key: (old, new)} further changes.
    """
    with open(os.path.join(SETTINGS, name), encoding="utf-8") as file:
        text = file.read().replace("fwd.example", domain).replace(
            r"fwd\.example", re.escape(domain))
    for old, new in replaced.values():
        if old not in text:
            raise AssertionError(f"{name} doesn't contain {old}")
        text = text.replace(old, new)
    return text


class Postfix:
    """
    Postfix for domain at 127.0.0.1; one at a time.  main_cf, master_cf: text that
    is added to these files.  aliases, virtual: text of these tables.  peer: the
    one in tests/peers that it is run from.  host: an address that it listens on.
    """

    def __init__(self, place, name, domain, main_cf, master_cf="", aliases="",
                 virtual="", peer="postfix", host="127.0.0.1"):
        self.place, self.name, self.host = place, name, host
        self.prefix = place.path("peers", peer)
        place.make_dir("run", name)
        self.etc = place.make_dir("run", name, "etc")
        self.spool = place.make_dir("run", name, "spool")
        self.mail = place.make_dir("run", name, "mail", mode=0o1777)
        self.data = place.make_dir("run", name, "data", mode=0o700,
                                   owner="postfix")
        self.domain = domain
        libraries = world.libraries(self.prefix, "usr/lib/postfix")
        self.environment = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin",
                            "MAIL_CONFIG": self.etc,
                            "LD_LIBRARY_PATH": libraries,
                            "SASL_PATH": sasl.plugins(place)}
        self.process = None
        self.make_spool()
        self.meta = self.register_maps()
        self.write("aliases", aliases)
        self.write("virtual", virtual)
        self.change(main_cf, master_cf)
        self.command("postalias", f"hash:{self.etc}/aliases")

    def change(self, main_cf, master_cf):
        """Other settings, while it isn't running."""
        self.write("main.cf", self.base_main_cf() + main_cf)
        self.write("master.cf", self.debian_master_cf() + master_cf)

    def base_main_cf(self):
        return CONFIGURATION.format(
            etc=self.etc, spool=self.spool, data=self.data, prefix=self.prefix,
            libraries=self.environment["LD_LIBRARY_PATH"], domain=self.domain,
            mail=self.mail, size_limit=SIZE_LIMIT, meta=self.meta)

    def register_maps(self):
        """As the packages of the maps do; meta_directory."""
        libraries = {name: os.path.join(
            self.prefix, f"usr/lib/postfix/postfix-{name}.so")
            for name in EXTRA_MAPS}
        self.write("dynamicmaps.cf", "".join(
            f"{name}\t{path}\tdict_{name}_open" +
            (f"\tmkmap_{name}_open\n" if name in ("cdb", "lmdb") else "\n")
            for name, path in libraries.items() if os.path.exists(path)))
        return self.etc

    def setup(self, form, config, *options):
        """The finished process of mailfrom setup for this Postfix."""
        path = os.path.join(self.prefix, "usr/sbin")
        return places.run(
            MAILFROM, "setup", form, "-c", config, "--config-dir", self.etc,
            *options, env={**self.environment,
                           "PATH": f"{path}:{self.environment['PATH']}"})

    def run_script(self, script):
        """With sh, as an administrator runs what mailfrom setup prints."""
        path = os.path.join(self.prefix, "usr/sbin")
        done = places.run("sh", "-e", input=script, env={
            **self.environment, "PATH": f"{path}:{self.environment['PATH']}"})
        tap.equal(done.returncode, 0, done.stderr)

    def all_settings(self):
        """What Postfix has: main.cf and master.cf."""
        return [sorted(line for line in
                       self.command("postconf", option).splitlines()
                       if "warning:" not in line) for option in ("-n", "-M")]

    def write(self, name, text):
        path = self.place.write("run", self.name, "etc", name, text=text)
        # Postfix programs wait until a configuration file is 2 s old.
        os.utime(path, (1, 1))

    def debian_master_cf(self):
        path = os.path.join(self.prefix, "usr/share/postfix/master.cf.dist")
        with open(path, encoding="utf-8") as file:
            text = file.read()
        for service in "smtp +inet", "cleanup +unix":
            if not re.search(rf"^{service} .* y  ", text, re.M):
                raise AssertionError(f"{service} isn't chrooted in {path}")
        return text

    def make_spool(self):
        """What Debian's postinst and start-up script do."""
        here = ("run", self.name, "spool")
        for queue in QUEUES:
            self.place.make_dir(*here, queue, mode=0o700, owner="postfix")
        self.place.make_dir(*here, "pid")
        for name, mode in ("maildrop", 0o730), ("public", 0o710):
            self.place.make_dir(*here, name, mode=mode, owner="postfix",
                                group="postdrop")
        self.place.make_dir(*here, "etc")
        for name in "resolv.conf", "hosts", "services", "nsswitch.conf":
            shutil.copy(f"/etc/{name}", os.path.join(self.spool, "etc", name))

    def start(self):
        # In the foreground, and without the checks of postfix-script, which take
        # seconds and find fault with a Postfix outside /usr.
        master = os.path.join(self.prefix, "usr/lib/postfix/sbin/master")
        output = open(self.place.path("run", self.name, "stdout"), "ab")
        with output:
            self.process = subprocess.Popen(
                [master, "-d"], env=self.environment, start_new_session=True,
                stdin=subprocess.DEVNULL, stdout=output, stderr=output)
        tap.wait_until(lambda: srsd.listens(25, self.host),
                       f"{self.name} to listen")
        return self

    def stop(self):
        self.process.terminate()
        self.process.wait(timeout=30)
        # Its children outlive it for a moment, with its sockets: whoever starts
        # the next one mustn't take them for that.
        tap.wait_until(lambda: not srsd.listens(25, self.host),
                       f"{self.name} to be gone")

    def command(self, name, *arguments):
        return subprocess.run(
            [os.path.join(self.prefix, "usr/sbin", name), *arguments],
            env=self.environment, stdin=subprocess.DEVNULL, check=True,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True).stdout

    def queue(self):
        return self.command("postqueue", "-p")

    def flush(self):
        self.command("postqueue", "-f")

    def idle(self):
        return "Mail queue is empty" in self.queue()

    def mailbox(self, user, token):
        """Texts of the messages with token that were delivered to user."""
        directory = os.path.join(self.mail, user, "new")
        texts = []
        for name in os.listdir(directory) if os.path.isdir(directory) else []:
            with open(os.path.join(directory, name), encoding="latin-1") as file:
                texts.append(file.read())
        return [t for t in texts if token in t]
