# SPDX-License-Identifier: ISC
"""features.txt"""

import sendmail_bed
import table


def read():
    def append(name):
        def add(site, rest):
            setattr(site, name, getattr(site, name) + rest + "\n")
        return add

    def rewritten(site, rest):
        form, names = rest.split(": ")
        site.srs[form] = names.split()

    def texts(name):
        return lambda site, rest: table.add_text(getattr(site, name), rest)
    return table.read(
        "features.txt", sendmail_bed.FORMS, sendmail_bed.Site,
        lambda site, line: setattr(site, "features", site.features + line), {
            "after": append("after"), "aliases": append("aliases"),
            "submit": append("submit"), "table": texts("tables"),
            "file": texts("files"), "srs": rewritten,
            "nomailers": lambda site, _: setattr(site, "mailers", False),
            "send": lambda site, rest: site.extra.append(rest)})
