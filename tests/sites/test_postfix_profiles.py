#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""
Whole sites of the shapes that people install, with the lines that `mailfrom setup`
prints for them, for both forms with a second pass, end to end.
"""

import sys

import around
import bed
import compare
import hosts
import outside
import pairs
import profiles
import tap

# A user who logs in, and a mail store that forwards what it got.
USER = f"local@{bed.DOMAIN}"


class ProfileBed(bed.Bed):
    def __init__(self):
        super().__init__()
        # Aliases of the system are of users here.
        self.filters = {10024: self.content_filter}

    def start_filters(self, profile):
        for port, following in profile.reinject.items():
            if port not in self.filters:
                self.filters[port] = hosts.ContentFilter(("127.0.0.1", port),
                                                         None)
            self.filters[port].next = ("127.0.0.1", following)

    def dozen(self, with_srs, both, extra=(), host=outside.HOST, manners=()):
        return {**super().dozen(with_srs, both, extra, host, manners),
                "user": self.send_as_user(),
                "redirect": self.submit("-f", around.SENDER)}

    def send_as_user(self):
        token = self.token()

        def deliver():
            with hosts.Client(outside.HOST, outside.CLIENT, ["tls"],
                              port=587) as session:
                code, text = session.log_in(USER, hosts.PASSWORD)
                tap.equal(code, 235, text)
                return session.send(USER, ["vera@dest.test"], token)
        reply = self.outside.call(deliver)
        return token, around.Sent([f"{c} {t}" for c, t in
                                   [reply.mail, *reply.rcpt, reply.data]])


def run(site_bed, profile):
    profiles.make_database(profile, site_bed.mta.etc)
    site_bed.start_filters(profile)
    site_bed.configure(profile)
    before = site_bed.observe(profile, False)
    problems = [f"{name}: {sent.reply[-1:]}" for name, sent in before[0].items()
                if not sent.deliveries and not name.startswith("nobody")]
    tap.equal((problems, before[1]), ([], True),
              f"the site without SRS; {before[2]}")
    return {form: run_form(site_bed, profile, form, before)
            for form in bed.FORMS}


def run_form(site_bed, profile, form, before):
    site_bed.configure(profile)
    tap.equal([site_bed.setup(form, part).stdout for part in
               ("--main", "--master")], site_bed.printed(form)[1],
              "the same in parts")
    setup = site_bed.add_lines(profile, form)
    after = site_bed.observe(profile, True)
    found = compare.Comparison(
        site_bed, [*compare.FORWARDED, "redirect"]).differences(before, after)
    return pairs.result(found, setup.stderr, setup.returncode, after[2])


if __name__ == "__main__":
    sites = [profiles.read(name) for name in profiles.NAMES]
    for each in sites:
        each.quick = True
    sys.exit(pairs.main(sites, bed.FORMS, bed.PEERS, ProfileBed, run))
