# SPDX-License-Identifier: ISC
"""srsmilter under test, and the addresses that it has signed."""

import os
import subprocess
import time

import places
from milter_daemon import Daemon


SRS = places.program("srs")
SECRET = "a secret of the milter tests"
DAY = 86400

CONFIGURATION = """\
[srs]
secret_file = {secret}
fwdomain = {fwdomain}
ses = ses.test
sign = sign.test
own_domains = own.test
{srs}
[srsmilter]
listen = {listen}
user = {user}
{srsmilter}
[log]
to = stderr
level = info
{more}
"""
MODE = "rewrite = remote_domain\nlocal_domains = own.test"


class Srsmilter(Daemon):
    """srs, srsmilter: lines of those sections."""
    name, template = "srsmilter", CONFIGURATION

    def __init__(self, directory, srsmilter=MODE, srs="", more="",
                 fwdomain="fwd.test", secrets=(SECRET,), **options):
        self.secret_path = os.path.join(directory, "secret")
        super().__init__(directory, {
            "secret": self.secret_path, "srs": srs, "srsmilter": srsmilter,
            "fwdomain": fwdomain, "more": more}, **options)
        self.write_secrets(*secrets)

    def write_secrets(self, *secrets):
        self.write("secret", "".join(f"{s}\n" for s in secrets), 0o600)

    def srs(self, command, address, *options, days=0):
        """What the command makes of the address, days ago."""
        result = subprocess.run(
            [SRS, command, "--secret-file", self.secret_path, "--now",
             str(int(time.time()) - days * DAY), *options, address],
            capture_output=True, text=True, check=False)
        if result.returncode:
            raise AssertionError(f"srs {command} {address}: {result.stdout}"
                                 f"{result.stderr}")
        return result.stdout.strip()

    def encode(self, address, domain="fwd.test", **more):
        return self.srs("encode", address, "--domain", domain, **more)

    def sign(self, address, **more):
        return self.srs("sign", address, **more)

    def ses(self, address, number=1, **more):
        return self.srs("ses-sign", address, "--sequence", str(number),
                        "--max-age", "21", **more)
