"""
Who is who to both filters, for whichever MTA: users who log in (real AUTH, by
Cyrus SASL), programs of this host, and strangers.

A site has: spfmilter, srsmilter (the daemons), submit() and sink of
exchange.Exchange; box(token): the delivered message of that token; local_ways:
{name: function(sender, recipient, token)}, by which programs submit mail.

srsmilter has rewrite = all, so that each message shows by its return path whose
it was taken for.
"""

import base64
import itertools
import os
import re
import signal

import sasl
import smtp
import tap
import world

import spfmilter
from srsmilter import Srsmilter

suite = tap.Suite()
case = suite.case
PEERS = ["nsd", "sasl"]
RCPT = "local@fwd.test"
PASSWORD = "pass word"
REALM = "mx.fwd.test"           # both MTAs': their host name
OTHER_REALM = "users.test"
# Addresses that both MTAs take mail for.
SRS_DOMAIN, SIGNED = "virt.fwd.test", "local@sign.test"
SRSMILTER = "rewrite = all\nreject_spoofed = yes"
USER, OTHER_USER = "dora", f"dora@{OTHER_REALM}"

# MTAs look senders' domains up by themselves.
world.WILDCARDS.update(["fail.test", "pass.test", "ses.test", "sign.test"])

ACCESS = """\
smtp-auth:dora@owned.fail.test	OK
smtp-auth:dora@users.test@realm.fail.test	OK
smtp-auth:dora@temp.fail.test	TEMPFAIL
smtp-auth:dora@text.fail.test	ERROR:5.7.9:554 not with that
smtp-auth:dora@skip.fail.test	SKIP
smtp-auth:dora@odd.fail.test	BOUNCE
smtp-auth:.fail.test	REJECT
smtp-auth:local@	REJECT
spf-fail:owned.fail.test	REJECT
"""


def start_filters(site, place):
    """Both daemons, and the accounts."""
    site.dns = spfmilter.name_server()
    site.spfmilter = spfmilter.Spfmilter(
        place.make_dir("run", "spfmilter", owner="mailfrom"), site.dns.name,
        ACCESS, user="mailfrom", listen="inet:10006@127.0.0.1").start()
    site.srsmilter = Srsmilter(
        place.make_dir("run", "srsmilter", owner="mailfrom"),
        SRSMILTER, fwdomain=SRS_DOMAIN,
        user="mailfrom", listen="inet:10007@127.0.0.1")
    os.chown(site.srsmilter.secret_path, *os.stat(
        site.srsmilter.directory)[4:6])
    site.srsmilter.start()
    for user, realm in (USER, REALM), ("local", REALM), (USER, OTHER_REALM):
        sasl.add_account(place, user, realm, PASSWORD)


def evidence(site, place):
    return place.recent_log() + [
        "spfmilter:", site.spfmilter.log_tail(),
        "srsmilter:", site.srsmilter.log_tail()]


def log_in(session, user=USER, mechanism="PLAIN"):
    code, text = session.log_in(user, PASSWORD, mechanism)
    tap.equal(code, 235, f"AUTH {mechanism} of {user}: {text}")


def send(site, sender, recipient=RCPT, user=None, **options):
    """One message, by that user if any; (token, reply)."""
    token = site.new_token()
    with smtp.Session(site.host) as session:
        if user:
            log_in(session, user)
        return token, session.send(sender, [recipient], token, **options)


def return_path(text):
    """Of a delivered message, as the MTA writes it."""
    return re.search(r"^(?:Return-Path|Envelope-From): <?([^>\s]*)>?$", text,
                     re.M)[1]


def spf_fields(text):
    return re.findall("^(?:Received-SPF|Authentication-Results):.*", text, re.M)


def expect_user(site, token, reply, sender, user=USER):
    """The message was taken as that of a user: unchecked, and not rewritten."""
    tap.equal(reply.accepted, True, f"{sender} by {user}: {reply}")
    text = site.box(token)
    tap.equal(return_path(text), sender, "return path")
    tap.equal(spf_fields(text), [], "fields about SPF")
    for line in lines_of(site, sender):
        tap.equal(line.get("user"), user, "user in the log")


def expect_stranger(site, sender, send_it):
    """
    What send_it() sends is checked and refused; with a sender that passes, taken
    and rewritten.  send_it(sender) returns (token, reply).
    """
    _, reply = send_it(f"{sender}@fail.test")
    tap.equal(reply.rcpt[0][0], 550, "SPF fail")
    if "5.7.23" not in reply.rcpt[0][1]:
        raise AssertionError(reply.rcpt)
    token, reply = send_it(f"{sender}@pass.test")
    tap.equal(reply.accepted, True, "SPF pass")
    text = site.box(token)
    if not return_path(text).startswith("SRS0="):
        raise AssertionError(f"return path {return_path(text)}")
    if not spf_fields(text):
        raise AssertionError("no fields about SPF")
    for line in lines_of(site, f"{sender}@pass.test"):
        tap.equal(line.get("user"), None, "user in the log")


def lines_of(site, sender):
    return [daemon.line_of(f"from={re.escape(sender)} ")
            for daemon in (site.spfmilter, site.srsmilter)]


# --- who is a user ---

@case("without a login: checked, refused, rewritten")
def stranger(site):
    expect_stranger(site, "stranger", lambda sender: send(site, sender))


for each in sasl.MECHANISMS:
    @case(f"AUTH {each}: neither checked nor rewritten")
    def by_mechanism(site, mechanism=each):
        sender = f"by-{mechanism.lower()}@fail.test"
        token = site.new_token()
        with smtp.Session(site.host) as session:
            log_in(session, USER, mechanism)
            reply = session.send(sender, [RCPT], token)
        expect_user(site, token, reply, sender)


@case("a user's mail for other hosts leaves with its sender")
def relayed(site):
    token, reply = send(site, "relayed@pass.test", "ann@dest.test", USER)
    tap.equal(reply.accepted, True, f"{reply}")
    tap.equal(site.sink.only(token).sender, "relayed@pass.test")


@case("a login lasts for the session, through RSET and refusals, and no longer")
def for_the_session(site):
    with smtp.Session(site.host) as session:
        log_in(session)
        for number in range(3):
            sender = f"again{number}@pass.test"
            token = site.new_token()
            reply = session.send(sender, [RCPT], token)
            expect_user(site, token, reply, sender)
            session.send("bob@no.fail.test", [RCPT], token)
            session.command("RSET")
    expect_stranger(site, "after", lambda sender: send(site, sender))


@case("strangers and users at the same time are told apart")
def interleaved(site):
    tokens = {}
    sessions = [smtp.Session(site.host) for _ in range(6)]
    users = [session for session in sessions[::2]]
    for session in users:
        log_in(session)
    for session in sessions:
        session.command("MAIL FROM:<mixed@pass.test>")
    for session in sessions:
        session.command(f"RCPT TO:<{RCPT}>")
    for session in sessions:
        tokens[session] = site.new_token()
        tap.equal(session.command("DATA")[0], 354)
        tap.equal(session.command(f"Subject: x\r\n\r\n{tokens[session]}\r\n.")[0],
                  250)
    for session, token in tokens.items():
        path = return_path(site.box(token))
        tap.equal(path.startswith("SRS0="), session not in users, path)
        session.smtp.close()


# --- failed logins ---

@case("a failed login is none: wrong password, no such user, wrong realm")
def failed(site):
    for number, (user, password) in enumerate((
            (USER, "wrong"), (USER, ""), ("nobody", PASSWORD),
            (f"{USER}@nowhere.test", PASSWORD))):
        for mechanism in sasl.MECHANISMS:
            def attempt(sender):
                token = site.new_token()
                with smtp.Session(site.host) as session:
                    code, text = session.log_in(user, password, mechanism)
                    if code // 100 != 5:
                        raise AssertionError(f"{mechanism} {user}: {code} {text}")
                    return token, session.send(sender, [RCPT], token)
            expect_stranger(site, f"failed{number}-{mechanism.lower()}", attempt)


@case("a login that is broken off, malformed, or unknown is none")
def broken_off(site):
    dialogues = {
        "cancelled": ["AUTH LOGIN", base64.b64encode(b"dora").decode(), "*"],
        "garbage": ["AUTH PLAIN ===="],
        "short": ["AUTH PLAIN AA=="],
        "unknown": ["AUTH KERBEROS_V9 AGRvcmEAeA=="],
        "parameter": [],
    }
    for name, lines in dialogues.items():
        def attempt(sender):
            token = site.new_token()
            with smtp.Session(site.host) as session:
                for line in lines:
                    code, text = session.command(line)
                if lines and code // 100 not in (4, 5):
                    raise AssertionError(f"{name}: {code} {text}")
                # RFC 4954 5: who the message was submitted by elsewhere.
                return token, session.send(
                    sender, [RCPT], token,
                    mail_args="AUTH=dora@fwd.test" if not lines else "")
        expect_stranger(site, name, attempt)


@case("a failed login after one that worked doesn't undo it, nor get another's")
def failed_after(site):
    with smtp.Session(site.host) as session:
        log_in(session)
        code, _ = session.log_in("local", "wrong")
        tap.equal(code, 503, "a second AUTH")
        token = site.new_token()
        reply = session.send("second@pass.test", [RCPT], token)
        expect_user(site, token, reply, "second@pass.test")


@case("a login that works after one that failed counts")
def works_after(site):
    with smtp.Session(site.host) as session:
        tap.equal(session.log_in(USER, "wrong")[0], 535)
        log_in(session)
        token = site.new_token()
        reply = session.send("third@fail.test", [RCPT], token)
        expect_user(site, token, reply, "third@fail.test")


# --- smtp-auth ---

@case("smtp-auth: who may send for which domain, whatever SPF says")
def smtp_auth(site):
    for sender, user, pattern in (
            ("a@owned.fail.test", USER, None),
            ("a@owned.fail.test", OTHER_USER, r"550 5\.7\.1 .*dora@users\.test "
             r"is not authorised to send mail for owned\.fail\.test"),
            ("b@realm.fail.test", OTHER_USER, None),
            ("b@realm.fail.test", USER, r"550 5\.7\.1 .*dora is not "),
            ("c@other.fail.test", USER, r"550 5\.7\.1 .*dora is not "),
            ("d@temp.fail.test", USER, r"451 4\.7\.1 "),
            ("e@text.fail.test", USER, r"554 5\.7\.9 .*not with that"),
            ("f@skip.fail.test", USER, None),
            ("g@odd.fail.test", USER, None),
            ("h@pass.test", "local", r"550 5\.7\.1 .*local is not "),
            ("i@pass.test", USER, None)):
        token, reply = send(site, sender, RCPT, user)
        what = f"{sender} by {user}"
        if pattern is None:
            tap.equal(reply.accepted, True, f"{what}: {reply}")
            tap.equal(return_path(site.box(token)), sender, what)
        elif not re.match(pattern, "{} {}".format(*reply.rcpt[0])):
            raise AssertionError(f"{what}: {reply}")


@case("smtp-auth rows are nothing to strangers, and SPF's nothing to users")
def apart(site):
    _, reply = send(site, "x@owned.fail.test")
    tap.equal(reply.rcpt[0][0], 550, "a stranger")
    line = site.spfmilter.line_of("from=x@owned.fail.test ")
    tap.equal(line["key"], "spf-fail:owned.fail.test")
    send(site, "y@owned.fail.test", RCPT, USER)
    line = site.spfmilter.line_of("from=y@owned.fail.test ")
    tap.equal((line["user"], line["key"], line["action"], line.get("spf")),
              (USER, "smtp-auth:dora@owned.fail.test", "OK", None))


# --- remove_ar ---

FORGED = ("Authentication-Results: mx.fwd.test; spf=pass forged\r\n"
          "Authentication-Results: other.test; spf=pass genuine\r\n")


@case("remove_ar: in our name from nobody; others' only from strangers, with all")
def remove_ar(site):
    for setting, by_user, by_stranger in (
            ("own", ["genuine"], ["genuine"]),
            ("all", ["genuine"], []),
            ("none", ["forged", "genuine"], ["forged", "genuine"])):
        site.spfmilter.reload(spfmilter=f"remove_ar = {setting}")
        try:
            for user, left in (USER, by_user), (None, by_stranger):
                token, reply = send(site, "ar@pass.test", RCPT, user,
                                    header=FORGED)
                tap.equal(reply.accepted, True, f"{reply}")
                tap.equal(sorted(re.findall("forged|genuine", site.box(token))),
                          left, f"remove_ar = {setting}, user {user}")
        finally:
            site.spfmilter.reload(spfmilter="")


# --- srsmilter ---

@case("domains of sign and ses are signed for users too")
def signed(site):
    for domain, form in ("sign.test", r"SRS0=\S+==ann@sign\.test"), \
            ("ses.test", r"SES=\S+@ses\.test"):
        # spfmilter's DNS knows no such domains: result none.
        token, reply = send(site, f"ann@{domain}", RCPT, USER)
        tap.equal(reply.accepted, True, f"{reply}")
        path = return_path(site.box(token))
        if not re.match(form, path):
            raise AssertionError(f"{domain}: {path}")


@case("users aren't refused for forged and unsigned recipients, strangers are")
def recipients(site):
    for recipient, fate in ((f"SRS0=AAAAAA=JM=pass.test=bob@{SRS_DOMAIN}", "forged"),
                            (SIGNED, "spoofed")):
        for user in None, USER:
            with smtp.Session(site.host) as session:
                if user:
                    log_in(session, user)
                session.command("MAIL FROM:<>")
                code, text = session.command(f"RCPT TO:<{recipient}>")
                session.command("RSET")
            tap.equal(code, 250 if user else 550, f"{fate}, user {user}: {text}")
        line = site.srsmilter.line_of(f"refused_as={fate}")
        tap.equal((line["refused_rcpt"], line.get("user")), (recipient, None))


@case("max_forged: 421 and the end of the session; a new one is taken")
def guessing(site):
    """A genuine bounce gets through before, and in the next session."""
    guess = f"RCPT TO:<SRS0=AAAAAA=JM=pass.test=bob@{SRS_DOMAIN}>"
    genuine = site.srsmilter.encode("bob@pass.test", domain=SRS_DOMAIN)
    site.srsmilter.reload(srsmilter=SRSMILTER + "\nmax_forged = 3")
    try:
        for _ in range(2):
            with smtp.Session(site.host, world.FAR_CLIENT) as session:
                codes = []
                for command in ("MAIL FROM:<>", guess, guess,
                                f"RCPT TO:<{genuine}>", "RSET", "MAIL FROM:<>",
                                guess, guess):
                    codes.append(session.command(command)[0])
                tap.equal(codes, [250, 550, 550, 250, 250, 250, 550, 421])
                tap.equal(session.smtp.sock.recv(1), b"", "after the 421")
        # Users aren't counted.
        with smtp.Session(site.host, world.FAR_CLIENT) as session:
            log_in(session)
            session.command("MAIL FROM:<>")
            tap.equal([session.command(guess)[0] for _ in range(5)], [250] * 5)
        # Nor is a session over loopback ended, as an MTA has with itself.
        with smtp.Session(site.host) as session:
            session.command("MAIL FROM:<>")
            tap.equal([session.command(guess)[0] for _ in range(5)], [550] * 5)
    finally:
        site.srsmilter.reload(srsmilter=SRSMILTER)
    lines = site.srsmilter.wait_for_log("outcome=disconnected")
    tap.equal([" forged=2 " in line for line in lines], [True] * 2)


@case("a filter that crashes in a session: 4xx, never unchecked; restarted, it works")
def crashed(site):
    """At each step, as a peer can crash it by way of libmilter."""
    for filter_, step in itertools.product((site.spfmilter, site.srsmilter),
                                           range(4)):
        with smtp.Session(site.host) as session:
            codes = []
            for number, command in enumerate((
                    "MAIL FROM:<crash@pass.test>", f"RCPT TO:<{RCPT}>", "DATA",
                    "Subject: x\r\n\r\nnever unchecked\r\n.")):
                if number == step:
                    filter_.process.send_signal(signal.SIGSEGV)
                    filter_.process.wait(timeout=30)
                codes.append(session.command(command)[0])
                if codes[-1] >= 400:
                    break
        filter_.start()
        what = f"{filter_.name}, before step {step}: {codes}"
        tap.equal(len(codes) > step and codes[-1] // 100, 4, what)
    token, reply = send(site, "crash@pass.test")
    tap.equal(reply.accepted, True, f"{reply}")
    tap.equal(len(spf_fields(site.box(token))) > 0, True, "checked")


# --- programs of this host ---

def converse(file, write, sender, recipient, token):
    """SMTP over any pipe or socket, with a message; all replies."""
    steps = ["EHLO fail.test", f"MAIL FROM:<{sender}>", f"RCPT TO:<{recipient}>",
             "DATA", f"Subject: x\r\n\r\nbody {token}\r\n.", "QUIT"]
    replies = [read_reply(file)]
    for step in steps:
        write(f"{step}\r\n".encode())
        replies.append(read_reply(file))
    return replies


def read_reply(file):
    for line in iter(file.readline, b""):
        if line[3:4] != b"-":
            return line.decode("utf-8", "replace").strip()
    return "the end"


@case("programs of this host: neither checked nor rewritten, whichever way")
def local_programs(site):
    for number, (name, submit) in enumerate(site.local_ways.items()):
        sender, token = f"local{number}@fail.test", site.new_token()
        said = submit(sender, RCPT, token)
        try:
            text = site.box(token)
        except AssertionError as error:
            raise AssertionError(f"{name}: {said}") from error
        tap.equal((return_path(text), spf_fields(text)), (sender, []), name)
        ours, theirs = lines_of(site, sender)
        tap.equal((ours["reason"], theirs["origin"]), ("internal", "internal"),
                  name)
