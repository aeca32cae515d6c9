# SPDX-License-Identifier: ISC
"""
Hosts and programs that a site has around its mail server: next hosts that speak
TLS and ask for a password, an LMTP server, a content filter, a policy server.
"""

import base64
import smtplib
import socket
import socketserver
import ssl
import threading

import places
import smtp

CERTIFICATE = places.source("tests", "sites", "snakeoil.pem")
LOGIN, PASSWORD = "site", "of the site"


def server_tls():
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(CERTIFICATE)
    return context


class NextHost(smtp.Sink):
    """
    A next host with STARTTLS, or with TLS from the start.  All of a bed keep what
    they get in one list; each message has also: at, the name of the host; tls;
    login, who has logged in.
    """

    def __init__(self, name, address, messages, wrapped=False):
        self.name, self.wrapped, self.tls = name, wrapped, server_tls()
        super().__init__(address)
        self.messages = messages
        self.RequestHandlerClass = NextHostHandler

    def handle_error(self, request, client_address):
        pass                    # a client that doesn't like our TLS


class NextHostHandler(smtp.SinkHandler):
    login = None
    is_tls = False

    def setup(self):
        if self.server.wrapped:
            self.request = self.server.tls.wrap_socket(self.request,
                                                       server_side=True)
            self.is_tls = True
        super().setup()

    @property
    def extensions(self):
        return smtp.SinkHandler.extensions + ["AUTH PLAIN LOGIN"] + \
            ["STARTTLS"] * (not self.is_tls)

    def obey(self, verb, line):
        if verb == "STARTTLS" and not self.is_tls:
            self.reply("220 2.0.0 go ahead")
            self.request = self.server.tls.wrap_socket(self.request,
                                                       server_side=True)
            self.is_tls = True
            super().setup()
            self.serve()
            raise ConnectionError("that was all of the session")
        elif verb.startswith("AUTH PLAIN "):
            words = base64.b64decode(line.split()[2]).decode().split("\0")
            good = words[1:] == [LOGIN, PASSWORD]
            self.login = LOGIN if good else None
            self.reply("235 2.7.0 welcome" if good else "535 5.7.8 no")
        else:
            super().obey(verb, line)

    def keep(self, message):
        message.at, message.tls = self.server.name, self.is_tls
        message.login = self.login
        super().keep(message)


class LmtpHandler(smtp.SinkHandler):
    """One reply for each recipient (RFC 2033)."""

    def obey(self, verb, line):
        super().obey(*(("EHLO x", line) if verb.startswith("LHLO") else
                       (verb, line)))

    def keep(self, message):
        message.at, message.tls, message.login = self.server.name, False, None
        super().keep(message)

    def accepted(self, recipients):
        self.reply(*["250 2.0.0 kept"] * len(recipients))


class Lmtp(smtp.Sink):
    """A mail store, such as Dovecot."""

    def __init__(self, name, address, messages):
        self.name = name
        super().__init__(address)
        self.messages = messages
        self.RequestHandlerClass = LmtpHandler


class FilterHandler(smtp.SinkHandler):
    """Passes on what it gets, with what was said of sender and recipients."""

    def keep(self, message):
        with smtplib.SMTP(*self.server.next, local_hostname="filter.test") as out:
            out.ehlo()
            out.mail(message.sender, [w for w in message.mail_args.split()
                                      if not w.startswith("SIZE=")])
            for recipient, args in zip(message.recipients, message.rcpt_args):
                out.rcpt(recipient, args.split())
            out.data(("X-Filtered: yes\r\n" + message.text).encode("latin-1"))


class ContentFilter(smtp.Sink):
    """Such as amavisd: takes mail at address, and hands it to next."""

    def __init__(self, address, next_hop):
        self.next = next_hop
        super().__init__(address)
        self.RequestHandlerClass = FilterHandler


class PolicyHandler(socketserver.StreamRequestHandler):
    def handle(self):
        for line in iter(self.rfile.readline, b""):
            if line == b"\n":
                self.wfile.write(b"action=DUNNO\n\n")


class Policy(socketserver.ThreadingTCPServer):
    """A policy service that has no objections."""
    allow_reuse_address = daemon_threads = True

    def __init__(self, address):
        super().__init__(address, PolicyHandler)
        threading.Thread(target=self.serve_forever, daemon=True).start()


class Client(smtp.Session):
    """A client with the manners that a setting of the site asks for."""

    def __init__(self, host, source, manners=(), port=25, **options):
        self.manners, self.port = manners, port
        super().__init__(host, source, **options)

    def connect(self, greeting_sec=120):
        if "proxy" in self.manners:
            self.smtp = ProxiedSMTP(local_hostname=self.helo)
            self.smtp.source_address = (self.source, 0)
            self.smtp.connect(self.host, self.port)
            self.smtp.ehlo()
        else:
            super().connect(greeting_sec, self.port)
        if "tls" in self.manners:
            context = ssl.create_default_context()
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
            self.smtp.starttls(context=context)
            self.smtp.ehlo()


class ProxiedSMTP(smtplib.SMTP):
    """A client by way of a load balancer."""

    def _get_socket(self, host, port, timeout):
        sock = socket.create_connection((host, port), timeout or 120,
                                        self.source_address)
        sock.sendall(f"PROXY TCP4 {self.source_address[0]} {host} 40000 25"
                     "\r\n".encode())
        return sock
