# SPDX-License-Identifier: ISC
"""settings.txt"""

import bed
import table


def read():
    def append(name):
        return lambda site, rest: getattr(site, name).append(rest)

    def add_line(site, line):
        site.main += line
    return table.read("settings.txt", bed.FORMS, bed.Site, add_line, {
        "master": append("master"), "option": append("options"),
        "client": append("manners"), "send": append("extra"),
        "forward": append("forwards"),
        "host": lambda site, rest: setattr(site, "host", rest),
        "file": lambda site, rest: table.add_text(site.files, rest)})
