# SPDX-License-Identifier: ISC
"""
A Postfix with a second pass, as plain as it can be, and the same with all
settings that the rest of main.cf might disturb: files to change one thing in.
"""

SRS = "fwd.example"
PORT = 10027

MAIN = f"""\
compatibility_level = 3.6
mail_owner = news
setgid_group = uucp
myhostname = mx.{SRS}
mydomain = {SRS}
myorigin = {SRS}
mydestination = {SRS}, mx.{SRS}, localhost
mynetworks = 127.0.0.0/8
inet_interfaces = all
"""

# What the second pass adds to main.cf, for each form.
ENTRY = f"""\
default_transport = srsout:[127.0.0.1]:{PORT}
sender_dependent_default_transport_maps = inline:{{
\t{{ @{SRS} = smtp: }} {{ @mx.{SRS} = smtp: }} {{ <> = smtp: }} }}
address_verify_default_transport = smtp
"""
MAIN_OF = {
    "milter": ENTRY + f"""\
recipient_canonical_maps = regexp:{{
\t{{ /^("?(SRS[01][-+=]|SES=).*@fwd.example)$$/ $$1 }} }}
smtpd_milters = {{ inet:127.0.0.1:10007, protocol=6, default_action=tempfail, command_timeout=30s }}
non_smtpd_milters = $smtpd_milters
internal_mail_filter_classes = bounce
""",
    "cleanup": ENTRY + """\
recipient_canonical_maps = pipemap:{
\tregexp:{ { /^("?(SRS[01]|SES)[-+=].*)$$/ $$1 } },
\tsocketmap:inet:127.0.0.1:10003:srs_reverse }
""",
}
PLAIN_MILTERS = """\
smtpd_milters = inet:127.0.0.1:10007
non_smtpd_milters = inet:127.0.0.1:10007
milter_default_action = tempfail
"""

# Options of each service that no form works without.
OPTIONS = {
    "srsout": {
        "syslog_name": "postfix/srsout",
        "smtp_generic_maps": "",
        "smtp_send_xforward_command": "yes",
        "smtp_tls_security_level": "none",
    },
    "server": {
        "syslog_name": "postfix/srs",
        "cleanup_service_name": "srsclean",
        "content_filter": "smtp:",
        "message_size_limit": "0",
        "mynetworks": "127.0.0.0/8",
        "smtpd_authorized_xforward_hosts": "127.0.0.0/8",
        "local_header_rewrite_clients": "",
        "smtpd_client_restrictions": "permit_mynetworks,reject",
        "smtpd_helo_restrictions": "",
        "smtpd_sender_restrictions": "",
        "smtpd_relay_restrictions": "permit_mynetworks,reject",
        "smtpd_recipient_restrictions": "permit_mynetworks,reject",
        "smtpd_data_restrictions": "",
        "smtpd_end_of_data_restrictions": "",
    },
    "srsclean": {
        "syslog_name": "postfix/srs",
        "message_size_limit": "0",
        "canonical_maps": "",
        "masquerade_domains": "",
    },
}
OPTIONS_OF = {
    "milter": {
        "server": {
            "smtpd_milters": "inet:127.0.0.1:10007",
            "milter_default_action": "tempfail",
            "receive_override_options": "no_address_mappings,"
            "no_header_body_checks,no_unknown_recipient_checks",
        },
        "srsclean": {"sender_canonical_maps": ""},
    },
    "cleanup": {
        "server": {
            "smtpd_milters": "",
            "receive_override_options": "no_header_body_checks,"
            "no_unknown_recipient_checks",
        },
        "srsclean": {
            "sender_canonical_maps":
                "socketmap:inet:127.0.0.1:10003:srs_forward",
            "sender_canonical_classes": "envelope_sender",
            "recipient_canonical_maps": "",
            "virtual_alias_maps": "",
            "always_bcc": "",
            "sender_bcc_maps": "",
            "recipient_bcc_maps": "",
        },
    },
}
# What makes it independent of the site.
HARDENED_MAIN = """\
srsout_destination_rate_delay = 0s
srsout_transport_rate_delay = 0s
default_filter_nexthop =
"""
HARDENED = {
    "srsout": {
        "smtp_bind_address": "127.0.0.1",
        "smtp_tls_wrappermode": "no",
        "smtp_tls_policy_maps": "",
        "smtp_tls_per_site": "",
        "smtp_sasl_auth_enable": "no",
        "smtp_fallback_relay": "",
        "smtp_reply_filter": "",
        "smtp_header_checks": "",
        "smtp_mime_header_checks": "",
        "smtp_nested_header_checks": "",
        "smtp_body_checks": "",
        "smtp_discard_ehlo_keywords": "",
    },
    "server": {
        "smtpd_milter_maps": "",
        "milter_protocol": "6",
        "smtpd_client_event_limit_exceptions": "127.0.0.0/8",
        "smtpd_recipient_limit": "1000",
        "smtpd_upstream_proxy_protocol": "",
        "smtpd_tls_security_level": "none",
        "smtpd_sasl_auth_enable": "no",
        "smtpd_proxy_filter": "",
        "smtpd_command_filter": "",
        "smtpd_discard_ehlo_keywords": "",
        "smtpd_discard_ehlo_keyword_address_maps": "",
    },
    "srsclean": {"hopcount_limit": "100"},
}

COLUMNS = {
    "srsout": "srsout unix - - n - - smtp",
    "server": f"127.0.0.1:{PORT} inet n - n - - smtpd",
    "srsclean": "srsclean unix n - n - 0 cleanup",
}
OTHERS = """\
smtp inet n - y - - smtpd
pickup unix n - y 60 1 pickup
cleanup unix n - y - 0 cleanup
qmgr unix n - n 300 1 qmgr
rewrite unix - - y - - trivial-rewrite
bounce unix - - y - 0 bounce
defer unix - - y - 0 bounce
trace unix - - y - 0 bounce
verify unix - - y - 1 verify
proxymap unix - - n - - proxymap
smtp unix - - y - - smtp
relay unix - - y - - smtp
error unix - - y - - error
retry unix - - y - - error
discard unix - - y - - discard
local unix - n n - - local
virtual unix - n n - - virtual
lmtp unix - - y - - lmtp
anvil unix - - y - 1 anvil
"""

CONFIGURATION = f"""\
[srs]
secret_file = {{directory}}/secret
fwdomain = {SRS}
own_domains = {SRS}, mx.{SRS}
[srsd]
listen = inet:10003@127.0.0.1
[srsmilter]
listen = inet:10007@127.0.0.1
rewrite = remote_domain
local_domains = {SRS}, mx.{SRS}
"""


def main_cf(form, is_hardened, before="", after=""):
    """main.cf: the site's lines are before ours, or after them."""
    text = MAIN_OF[form]
    if form == "milter" and not is_hardened:
        text = text[:text.index("smtpd_milters")] + PLAIN_MILTERS + \
            "internal_mail_filter_classes = bounce\n"
    return MAIN + before + text + HARDENED_MAIN * is_hardened + after


def master_cf(form, is_hardened, changes=None, columns=None, more=""):
    """master.cf; changes: {service: {option: value, or None: without it}}."""
    text = OTHERS
    for name, line in COLUMNS.items():
        options = dict(OPTIONS[name])
        options.update(OPTIONS_OF[form].get(name, {}))
        if is_hardened:
            options.update(HARDENED[name])
        options.update((changes or {}).get(name, {}))
        text += (columns or {}).get(name, line) + "\n"
        for option, value in options.items():
            if value is None:
                continue
            if " " in value:
                text += f"  -o {{ {option} = {value} }}\n"
            else:
                text += f"  -o {option}={value}\n"
    return text + more
