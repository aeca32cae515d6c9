# SPDX-License-Identifier: ISC
"""Zones for the pages: a large one, and one with markup wherever text may be."""

PROVIDERS = 8

LARGE = {
    "example.com": [
        {"TXT": "v=spf1 mx " + " ".join(
            f"include:_spf.esp{n}.example" for n in range(PROVIDERS)) +
            " exists:%{i}._spf.%{d} include:_spf.esp3.example "
            "ip4:192.0.2.0/25 ip4:192.0.2.128/25 ~all"},
        {"MX": [10, "mail.example.com"]}],
    "mail.example.com": [{"A": "192.0.2.10"}, {"AAAA": "2001:db8::10"}],
}
for _n in range(PROVIDERS):
    LARGE[f"_spf.esp{_n}.example"] = [{"TXT": f"v=spf1 " + " ".join(
        f"ip4:10.{_n}.{k * 16}.0/20" for k in range(8)) +
        f" include:_more.esp{_n}.example ?all"}]
    LARGE[f"_more.esp{_n}.example"] = [{
        "TXT": f"v=spf1 ip6:2001:db8:{_n:x}::/48 a:gone.esp{_n}.example ~all"}]

MARKUP = ("<script>alert(1)</script>", "<img/src=x/onerror=alert(2)>",
          "</code></pre></style><svg/onload=alert(3)>", "\"onmouseover='x'",
          "&lt;b&gt;", "<!--", "]]>")

HOSTILE = {
    "hostile.example": [{"TXT": "v=spf1 " + " ".join(
        f"m{n}={markup}" for n, markup in enumerate(MARKUP)) +
        " include:<b>.hostile.example include:none.<i>.example "
        "exists:%{i}.<u>.example mx:\"><s>.example include:broken.example "
        "-all"}],
    "<b>.hostile.example": [{"TXT": "v=spf1 ip4:192.0.2.0/24 x=<u> -all"}],
    "broken.example": [{"TXT": "v=spf1 <script>alert(4)</script> -all"}],
    "\"><s>.example": [{"MX": [10, "<img/src=y>.example"]}],
    "<img/src=y>.example": [{"A": "192.0.2.1"}],
}
