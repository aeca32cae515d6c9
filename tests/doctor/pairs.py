# SPDX-License-Identifier: ISC
"""
Settings of sites beside a second pass: those that break one of its forms, with
what cures that, and those that do no harm.
"""

import dataclasses

BOTH = ("milter", "cleanup")
MILTER, CLEANUP = ("milter",), ("cleanup",)
SRS_OK = 'check_recipient_access regexp:{ { /^"?(SRS[01][-+=]|SES=).*' \
    '@fwd.example$$/ OK } }'


@dataclasses.dataclass
class Pair:
    """
    main: the site's lines of main.cf.  cure: what has to be in the advice.
    hardened: whether the hardened lines alone are right; else cured_main and
    cured (options of services) are what makes them so; None: nothing does.
    """
    main: str
    cure: str
    forms: tuple = BOTH
    hardened: bool = True
    cured_main: str | None = None
    cured: dict | None = None
    more: str = ""              # of master.cf
    files: dict = dataclasses.field(default_factory=dict)
    own: str = ""               # lines of mailfrom.conf
    is_last: bool = True        # the site's lines are after ours


def bad(main, cure, **more):
    return Pair(main, cure, **more)


BROKEN = [
    bad("smtp_bind_address = 192.0.2.1", "smtp_bind_address=127.0.0.1"),
    bad("inet_interfaces = 192.0.2.1", "smtp_bind_address=127.0.0.1"),
    bad("inet_interfaces = 192.0.2.1, [2001:db8::1]",
        "smtp_bind_address=127.0.0.1"),
    bad("smtp_tls_security_level = encrypt\nsmtp_tls_wrappermode = yes",
        "smtp_tls_wrappermode=no"),
    bad("smtp_tls_policy_maps = static:encrypt", "smtp_tls_policy_maps="),
    bad("smtp_tls_policy_maps = inline:{ { [127.0.0.1]:10027 = encrypt } }",
        "smtp_tls_policy_maps="),
    bad("smtp_tls_policy_maps = regexp:{ { /./ verify } }",
        "smtp_tls_policy_maps="),
    bad("smtp_tls_per_site = static:MUST", "smtp_tls_per_site="),
    bad("smtp_tls_per_site = inline:{ 127.0.0.1=MUST }",
        "smtp_tls_per_site="),
    bad("smtpd_sasl_auth_enable = yes\nsmtp_sasl_auth_enable = yes\n"
        "smtp_sasl_password_maps = static:user:password",
        "smtp_sasl_auth_enable=no"),
    bad("smtp_fallback_relay = [backup.example]", "smtp_fallback_relay="),
    bad("fallback_relay = [backup.example]", "smtp_fallback_relay="),
    bad("smtp_reply_filter = regexp:{ { /^4(.*)/ 5$$1 } }",
        "smtp_reply_filter="),
    bad("smtp_header_checks = regexp:{ { /^X-A:/ IGNORE } }",
        "smtp_header_checks="),
    bad("smtp_mime_header_checks = regexp:{ { /^X-A:/ IGNORE } }",
        "smtp_mime_header_checks="),
    bad("smtp_nested_header_checks = regexp:{ { /^X-A:/ IGNORE } }",
        "smtp_nested_header_checks="),
    bad("smtp_body_checks = regexp:{ { /^a/ IGNORE } }",
        "smtp_body_checks="),
    bad("default_destination_rate_delay = 5s",
        "srsout_destination_rate_delay = 0s"),
    bad("default_transport_rate_delay = 1m",
        "srsout_transport_rate_delay = 0s"),
    bad("default_filter_nexthop = [127.0.0.1]:10024",
        "default_filter_nexthop =", is_last=False),
    bad("hopcount_limit = 3", "hopcount_limit=100"),
    bad("smtpd_client_event_limit_exceptions =\n"
        "smtpd_client_message_rate_limit = 10",
        "smtpd_client_event_limit_exceptions=127.0.0.0/8"),
    bad("smtpd_client_event_limit_exceptions = 192.0.2.0/24\n"
        "smtpd_client_connection_rate_limit = 5",
        "smtpd_client_event_limit_exceptions=127.0.0.0/8"),
    bad("smtpd_client_event_limit_exceptions =\n"
        "smtpd_client_recipient_rate_limit = 20",
        "smtpd_client_event_limit_exceptions=127.0.0.0/8"),
    bad("smtpd_client_event_limit_exceptions =\n"
        "smtpd_client_connection_count_limit = 1",
        "smtpd_client_event_limit_exceptions=127.0.0.0/8"),
    bad("smtpd_recipient_limit = 5", "smtpd_recipient_limit=1000"),
    bad("smtpd_upstream_proxy_protocol = haproxy",
        "smtpd_upstream_proxy_protocol="),
    bad("smtpd_tls_security_level = encrypt",
        "smtpd_tls_security_level=none"),
    bad("smtpd_enforce_tls = yes", "smtpd_tls_security_level=none"),
    bad("smtpd_proxy_filter = 127.0.0.1:10024", "smtpd_proxy_filter=",
        forms=CLEANUP),
    bad("smtpd_proxy_filter = 127.0.0.1:10024", "smtpd_proxy_filter=",
        forms=MILTER, more="""\
127.0.0.1:10025 inet n - n - - smtpd
  -o smtpd_proxy_filter=
  -o smtpd_recipient_restrictions=permit_mynetworks,reject
"""),
    bad("smtpd_proxy_filter = 127.0.0.1:10024", "add it to smtpd_milters",
        forms=MILTER, hardened=False, more="""\
127.0.0.1:10025 inet n - n - - smtpd
  -o smtpd_proxy_filter=
  -o smtpd_milters=
"""),
    bad("smtpd_proxy_filter = 127.0.0.1:10024", "no_milters", forms=MILTER,
        hardened=False, more="""\
127.0.0.1:10025 inet n - n - - smtpd
  -o smtpd_proxy_filter=
  -o receive_override_options=no_milters
  -o smtpd_recipient_restrictions=permit_mynetworks,reject
"""),
    bad("smtpd_discard_ehlo_keywords = dsn", "smtpd_discard_ehlo_keywords="),
    bad("smtpd_discard_ehlo_keywords = chunking, dsn, etrn",
        "smtpd_discard_ehlo_keywords="),
    bad("smtpd_discard_ehlo_keyword_address_maps = static:dsn",
        "smtpd_discard_ehlo_keyword_address_maps="),
    bad("smtpd_command_filter = regexp:{ { /^(RCPT TO:<.*>).*/ $$1 } }",
        "smtpd_command_filter="),
    bad("smtp_discard_ehlo_keywords = dsn", "smtp_discard_ehlo_keywords="),
    bad("smtpd_milter_maps = static:DISABLE", "smtpd_milter_maps=",
        forms=MILTER),
    bad("smtpd_milter_maps = cidr:{ { 127.0.0.0/8 DISABLE } }",
        "smtpd_milter_maps=", forms=MILTER),
    bad("milter_protocol = 2", "milter_protocol=6", forms=MILTER),
    bad("smtpd_recipient_restrictions = permit_mynetworks, "
        "reject_unauth_destination, reject_unverified_recipient",
        SRS_OK, forms=MILTER,
        hardened=False,
        cured_main="smtpd_recipient_restrictions = permit_mynetworks, "
        f"reject_unauth_destination, {SRS_OK}, reject_unverified_recipient"),
    bad("smtpd_reject_unlisted_recipient = no", "virtual_mailbox_domains",
        forms=CLEANUP, hardened=False),
    bad("local_recipient_maps =", "virtual_mailbox_domains", forms=CLEANUP,
        hardened=False,
        cured_main="local_recipient_maps =\n"
        "mydestination = mx.fwd.example, localhost\n"
        "virtual_mailbox_domains = fwd.example\n"
        "virtual_mailbox_maps = inline:{ a@fwd.example=a }"),
    bad("local_recipient_maps =\nluser_relay = all@dest.example",
        "virtual_mailbox_domains", forms=CLEANUP, hardened=False),
    bad("virtual_alias_maps = inline:{ @fwd.example=all@dest.example }",
        "virtual_mailbox_domains", forms=CLEANUP, hardened=False),
    # No option of the second pass cures these.
    bad("header_checks = regexp:{ { /^X-Spam:/ FILTER "
        "smtp:[quarantine.example] } }", "transport_maps", hardened=False),
    bad("smtpd_sender_restrictions = check_sender_access inline:{ { "
        "a.example = FILTER smtp:[192.0.2.9] } }", "transport_maps",
        hardened=False),
    bad("internal_mail_filter_classes = notify",
        "internal_mail_filter_classes = notify, bounce", forms=MILTER,
        hardened=False,
        cured_main="internal_mail_filter_classes = notify, bounce"),
    bad("receive_override_options = no_milters", "no_milters", forms=MILTER,
        hardened=False),
    bad("milter_macro_defaults = auth_authen=someone",
        "milter_macro_defaults=", forms=MILTER, hardened=False,
        cured={"server": {"milter_macro_defaults": ""}}),
    bad("canonical_maps = inline:{ @fwd.example=@other.example }",
        "canonical_maps", hardened=False),
    bad("smtp_generic_maps = inline:{ a@sender.example=b@c.example }",
        "own_domains", hardened=False),
    bad("smtp_generic_maps = inline:{ @fwd.example=@c.example }", "fwdomain",
        hardened=False),
    # To be merged with what the site has.
    bad("relayhost = [relay.example]:587",
        "content_filter=smtp:[relay.example]:587", hardened=False,
        cured={"server": {"content_filter": "smtp:[relay.example]:587"}}),
    bad("transport_maps = inline:{ { dest.example = smtp:[relay.example]:587 "
        "} }", "FILTER smtp:[relay.example]:587", hardened=False,
        cured_main="transport_maps = inline:{ { dest.example = "
        "srsout:[127.0.0.1]:10027 } }\n"
        "srsout_destination_recipient_limit = 1",
        cured={"server": {"smtpd_recipient_restrictions":
                          "check_recipient_access inline:{ { dest.example = "
                          "FILTER smtp:[relay.example]:587 } }, "
                          "permit_mynetworks, reject"}}),
    bad("transport_maps = hash:{directory}/transport",
        "FILTER relay:[192.0.2.5]", hardened=False,
        files={"transport": "# routes\ndest.example   relay:[192.0.2.5]\n"
               "fwd.example    local:\n"}),
    bad("transport_maps = inline:{ { * = smtp:[relay.example] } }",
        "relayhost = [relay.example]", hardened=False),
    bad("sender_dependent_relayhost_maps = inline:{ { @sender.example = "
        "[relay.example]:587 } }", "FILTER smtp:[relay.example]:587",
        hardened=False,
        cured={"server": {"smtpd_sender_restrictions":
                          "check_sender_access inline:{ { sender.example = "
                          "FILTER smtp:[relay.example]:587 } }"}}),
    bad("sender_dependent_default_transport_maps = inline:{ "
        "{ @sender.example = smtp:[relay.example] } { @fwd.example = smtp: } "
        "{ <> = smtp: } }", "FILTER smtp:[relay.example]", hardened=False),
    bad("mydestination = mx.fwd.example, localhost", "mydestination",
        hardened=False,
        cured_main="mydestination = mx.fwd.example, localhost\n"
        "virtual_mailbox_domains = fwd.example\n"
        "virtual_mailbox_maps = inline:{ a@fwd.example=a }"),
    bad("virtual_mailbox_domains = fwd.example\n"
        "virtual_mailbox_maps = inline:{ a@fwd.example=a }",
        "take fwd.example out of one", hardened=False,
        cured_main="mydestination = mx.fwd.example, localhost\n"
        "virtual_alias_domains = fwd.example"),
    bad("mydestination = localhost\nrelay_domains = fwd.example",
        "virtual_mailbox_domains", forms=CLEANUP, hardened=False),
    bad("smtpd_milters = inet:127.0.0.1:11332", "mailfrom setup",
        hardened=False, forms=MILTER, is_last=False,
        cured_main="", cured={}),
    bad("virtual_alias_domains = more.example", "local_domains: more.example",
        hardened=False, forms=MILTER),
    bad("milter_default_action = accept", "default_action=tempfail",
        forms=MILTER),
    bad("milter_command_timeout = 5s", "command_timeout=30s", forms=MILTER,
        hardened=False, own="[srs]\nskip_if_spf_passes = yes\n"
        "outbound_addresses = 192.0.2.1\n",
        cured={"server": {"milter_command_timeout": "30s"}}),
]

# Lines that change nothing for the second pass.
SOUND = """\
relay_domains = hub.example
smtp_bind_address = 127.0.0.2
inet_interfaces = 127.0.0.1, 127.0.0.2
milter_command_timeout = 5s
inet_interfaces = loopback-only
inet_interfaces = localhost
smtp_bind_address6 = 2001:db8::1
smtp_tls_security_level = dane
smtp_tls_security_level = encrypt
smtp_tls_policy_maps = inline:{ { dest.example = encrypt } }
smtp_tls_per_site = inline:{ dest.example=MUST }
smtp_sasl_auth_enable = yes
smtpd_sasl_auth_enable = yes
smtpd_sasl_auth_enable = yes|smtpd_sasl_type = dovecot|smtpd_sasl_path = private/auth
smtpd_sasl_auth_enable = yes|smtp_sasl_auth_enable = yes|smtp_sasl_password_maps = inline:{ [relay.example]:587=user:password }
smtp_reply_filter = regexp:{ { /^250 (.*)/ 250 thanks, $$1 } }
smtpd_command_filter = regexp:{ { /^NOOP.*/ NOOP } }
smtpd_discard_ehlo_keywords = chunking, silent-discard
smtpd_discard_ehlo_keywords = etrn, vrfy
smtp_discard_ehlo_keywords = pipelining
smtpd_discard_ehlo_keyword_address_maps = inline:{ 192.0.2.9=dsn }
hopcount_limit = 60
hopcount_limit = 200
smtpd_recipient_limit = 2000
smtpd_recipient_limit = 100
smtpd_client_message_rate_limit = 10
smtpd_client_connection_count_limit = 10
smtpd_client_connection_rate_limit = 30
smtpd_client_event_limit_exceptions = 127.0.0.1, 192.0.2.0/24|smtpd_client_message_rate_limit = 5
default_destination_rate_delay = 0s
default_transport_rate_delay = 0
default_destination_concurrency_limit = 5
default_destination_recipient_limit = 10
smtp_destination_rate_delay = 5s
smtpd_tls_security_level = may
smtpd_tls_auth_only = yes
smtpd_tls_ask_ccert = yes
smtpd_use_tls = yes
smtp_use_tls = yes
smtpd_milter_maps = inline:{ 192.0.2.9=DISABLE }
milter_protocol = 6
milter_macro_daemon_name = ORIGINATING
milter_macro_defaults = daemon_name=x
milter_connect_timeout = 10s
milter_content_timeout = 600s
milter_default_action = tempfail
internal_mail_filter_classes = notify, bounce
header_checks = regexp:{ { /^X-Spam:/ HOLD } }
header_checks = regexp:{ { /^X-Spam:/ FILTER smtp:[127.0.0.1]:10024 } }
body_checks = regexp:{ { /virus/ REJECT } }
mime_header_checks = regexp:{ { /name=.*exe/ REJECT } }
content_filter = smtp-amavis:[127.0.0.1]:10024
transport_maps = inline:{ { fwd.example = local: } }
transport_maps = inline:{ { mx.fwd.example = lmtp:unix:private/dovecot-lmtp } }
transport_maps = inline:{ { dest.example = error:no mail for this domain } }
transport_maps = inline:{ { a@fwd.example = discard: } }
transport_maps = inline:{ { dest.example = srsout:[127.0.0.1]:10027 } }
transport_maps = inline:{ { hub.example = smtp:[192.0.2.5] } }|relay_domains = hub.example
sender_dependent_relayhost_maps = inline:{ { @fwd.example = [relay.example] } }
sender_dependent_relayhost_maps = inline:{ { a@fwd.example = [relay.example] } }
smtp_generic_maps = inline:{ a@fwd.example=b@c.example }
smtp_generic_maps = inline:{ root=b@c.example }
canonical_maps = inline:{ a@fwd.example=b@fwd.example }
canonical_maps = inline:{ @old.example=@fwd.example }
sender_canonical_maps = inline:{ root=postmaster@fwd.example }
virtual_alias_maps = inline:{ a@fwd.example=b@dest.example }
virtual_alias_maps = hash:{directory}/virtual
alias_maps = inline:{ root=a }
luser_relay = a@fwd.example
recipient_delimiter = +
propagate_unmatched_extensions = canonical
masquerade_domains = fwd.example
masquerade_exceptions = root
always_bcc = archive@fwd.example
sender_bcc_maps = inline:{ a@fwd.example=b@fwd.example }
recipient_bcc_maps = inline:{ a@fwd.example=b@fwd.example }
empty_address_recipient = postmaster
notify_classes = resource, software, bounce
smtpd_recipient_restrictions = permit_mynetworks, reject_unauth_destination
smtpd_recipient_restrictions = permit_mynetworks, permit_sasl_authenticated, reject_unauth_destination, reject_rbl_client zen.example
smtpd_recipient_restrictions = permit_mynetworks, reject_unauth_destination, check_policy_service inet:127.0.0.1:10023
smtpd_recipient_restrictions = permit_mynetworks, reject_non_fqdn_recipient, reject_unknown_recipient_domain, reject_unauth_destination, permit
smtpd_relay_restrictions = permit_mynetworks, permit_sasl_authenticated, reject_unauth_destination
smtpd_relay_restrictions = permit_mynetworks, permit_auth_destination, reject
smtpd_sender_restrictions = reject_unknown_sender_domain, reject_non_fqdn_sender
smtpd_sender_restrictions = check_sender_access inline:{ bad.example=REJECT }
smtpd_sender_restrictions = reject_unverified_sender
smtpd_client_restrictions = permit_mynetworks, reject_unknown_client_hostname
smtpd_client_restrictions = check_client_access inline:{ 192.0.2.66=REJECT }
smtpd_helo_restrictions = permit_mynetworks, reject_invalid_helo_hostname, reject_non_fqdn_helo_hostname
smtpd_data_restrictions = reject_unauth_pipelining
smtpd_end_of_data_restrictions = check_policy_service inet:127.0.0.1:10030
smtpd_restriction_classes = greylist|greylist = check_policy_service inet:127.0.0.1:10023|smtpd_recipient_restrictions = permit_mynetworks, reject_unauth_destination, greylist
smtpd_delay_reject = yes
smtpd_helo_required = yes
smtpd_reject_unlisted_sender = yes
smtpd_reject_unlisted_recipient = yes
disable_vrfy_command = yes
strict_rfc821_envelopes = yes
smtputf8_enable = no
smtputf8_enable = yes
message_size_limit = 50000000
mailbox_size_limit = 0
virtual_mailbox_limit = 0
queue_minfree = 100000000
maximal_queue_lifetime = 3d
bounce_queue_lifetime = 1d
minimal_backoff_time = 60s
maximal_backoff_time = 600s
queue_run_delay = 60s
default_process_limit = 200
qmgr_message_active_limit = 5000
initial_destination_concurrency = 2
smtp_destination_concurrency_limit = 4
smtp_destination_recipient_limit = 10
local_destination_concurrency_limit = 1
smtp_connect_timeout = 10s
smtp_helo_timeout = 60s
smtp_mx_address_limit = 3
smtp_mx_session_limit = 1
smtp_helo_name = mail.fwd.example
smtp_host_lookup = native, dns
smtp_dns_support_level = dnssec
smtp_address_preference = ipv4
smtp_balance_inet_protocols = no
smtp_connection_cache_on_demand = no
smtp_skip_5xx_greeting = no
smtp_always_send_ehlo = yes
smtp_line_length_limit = 998
smtp_quote_rfc821_envelope = yes
smtp_pix_workarounds =
smtp_tls_loglevel = 1
smtp_tls_CApath = /etc/ssl/certs
smtp_tls_session_cache_database = btree:${data_directory}/smtp_scache
smtp_tls_note_starttls_offer = yes
smtp_tls_mandatory_protocols = >=TLSv1.2
smtpd_tls_cert_file = /etc/ssl/certs/ssl-cert-snakeoil.pem
smtpd_tls_key_file = /etc/ssl/private/ssl-cert-snakeoil.key
smtpd_tls_loglevel = 1
smtpd_tls_received_header = yes
smtpd_tls_mandatory_ciphers = high
smtpd_banner = $myhostname ESMTP
smtpd_timeout = 60s
smtpd_error_sleep_time = 0
smtpd_soft_error_limit = 5
smtpd_hard_error_limit = 10
smtpd_junk_command_limit = 10
smtpd_authorized_xclient_hosts = 192.0.2.7
smtpd_authorized_verp_clients = 127.0.0.1
smtpd_peername_lookup = no
smtpd_sasl_authenticated_header = yes
smtpd_sasl_security_options = noanonymous
smtpd_sender_login_maps = inline:{ a@fwd.example=a }
smtpd_per_record_deadline = yes
inet_protocols = ipv4
proxy_interfaces = 203.0.113.1
home_mailbox = Maildir/
mailbox_command = /usr/bin/procmail
mailbox_transport = lmtp:unix:private/dovecot-lmtp
virtual_transport = lmtp:unix:private/dovecot-lmtp
local_transport = local
append_dot_mydomain = no
biff = no
readme_directory = no
soft_bounce = no
delay_warning_time = 4h
enable_long_queue_ids = yes
parent_domain_matches_subdomains =
show_user_unknown_table_name = no
unknown_local_recipient_reject_code = 550
unverified_recipient_reject_code = 550
address_verify_map = btree:${data_directory}/verify
address_verify_sender = <>
double_bounce_sender = double-bounce
multi_recipient_bounce_reject_code = 550
in_flow_delay = 0
lmtp_tls_security_level = none
lmtp_destination_recipient_limit = 1
tls_preempt_cipherlist = yes
postscreen_greet_action = enforce
postscreen_dnsbl_sites = zen.example
undisclosed_recipients_header = To: undisclosed-recipients:;
sun_mailtool_compatibility = no
swap_bangpath = no
allow_percent_hack = no
owner_request_special = no
rewrite_service_name = rewrite
mail_name = Mail
syslog_facility = mail
syslog_name = postfix
"""
SOUND_FILES = {"virtual": "a@fwd.example b@dest.example\n"}
SOUND = ["", *(line.replace("|", "\n") for line in SOUND.splitlines())]
