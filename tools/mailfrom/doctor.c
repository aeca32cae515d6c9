/* SPDX-License-Identifier: ISC */
/*
 * mailfrom doctor: reads the configuration of mailfrom and of the mail server,
 * asks the daemons, and says what is wrong and what to do.
 */
#include "tools/mailfrom/doctor.h"

#include <getopt.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "rewrite/policy.h"
#include "tools/mailfrom/mailfrom.h"

#define SENDMAIL_CF_PATH "/etc/mail/sendmail.cf"

struct doctor_options {
	const char *config;
	struct site_place place;
	const char *cf;   /* sendmail.cf; NULL: the usual one */
	const char *smtp; /* HOST:PORT; NULL: this host's */
	bool is_json, without_smtp, without_dns, is_offline;
};

/* Which facts a check needs. */
enum need { NEEDS_NOTHING, NEEDS_DAEMONS, NEEDS_POSTFIX, NEEDS_SENDMAIL };

static const struct {
	const char *name;
	doctor_check *run;
	enum need need;
} checks[] = {
    {"mailfrom.conf", check_own, NEEDS_NOTHING},
    {"secret", check_secret, NEEDS_NOTHING},
    {"store", check_store, NEEDS_NOTHING},
    {"daemon-configuration", check_daemon_configuration, NEEDS_DAEMONS},
    {"daemon-files", check_daemon_files, NEEDS_DAEMONS},
    {"daemon-answers", check_daemons_answer, NEEDS_DAEMONS},
    {"versions", check_versions, NEEDS_DAEMONS},
    {"form", check_forms, NEEDS_POSTFIX},
    {"second-pass", check_pass_services, NEEDS_POSTFIX},
    {"second-pass-settings", check_pass_settings, NEEDS_POSTFIX},
    {"second-pass-main", check_pass_main, NEEDS_POSTFIX},
    {"relayhost", check_relay, NEEDS_POSTFIX},
    {"transport-maps", check_transport_maps, NEEDS_POSTFIX},
    {"sender-maps", check_sender_maps, NEEDS_POSTFIX},
    {"filter-action", check_filters, NEEDS_POSTFIX},
    {"generic-maps", check_generic, NEEDS_POSTFIX},
    {"bounces", check_bounces, NEEDS_POSTFIX},
    {"srsmilter-lists", check_milter_lists, NEEDS_POSTFIX},
    {"canonical-maps", check_canonical, NEEDS_POSTFIX},
    {"spfmilter-first", check_spfmilter_first, NEEDS_POSTFIX},
    {"rrs", check_rrs, NEEDS_POSTFIX},
    {"spf-policy", check_spf_policy, NEEDS_POSTFIX},
    {"srs-domain", check_srs_domain_class, NEEDS_POSTFIX},
    {"forged-bounces", check_unlisted, NEEDS_POSTFIX},
    {"restrictions", check_stranger, NEEDS_POSTFIX},
    {"local-domains", check_local_domains, NEEDS_POSTFIX},
    {"own-domains", check_own_domains, NEEDS_POSTFIX},
    {"postconf", check_postfix_said, NEEDS_POSTFIX},
    {"sockets", check_uses, NEEDS_POSTFIX},
    {"sendmail-form", check_cf_form, NEEDS_SENDMAIL},
    {"sendmail-maps", check_cf_maps, NEEDS_SENDMAIL},
    {"sendmail-outage", check_cf_probe, NEEDS_SENDMAIL},
    {"sendmail-class", check_cf_class, NEEDS_SENDMAIL},
    {"sendmail-filters", check_cf_filters, NEEDS_SENDMAIL},
    {"sendmail-rrs", check_cf_rrs, NEEDS_SENDMAIL},
    {"mx", check_mx, NEEDS_NOTHING},
    {"spf", check_spf, NEEDS_NOTHING},
    {"ptr", check_ptr, NEEDS_NOTHING},
    {"srsd-proof", check_srsd_proof, NEEDS_NOTHING},
    {"srsmilter-proof", check_srsmilter_proof, NEEDS_NOTHING},
    {"smtp-proof", check_smtp_proof, NEEDS_NOTHING},
};

static void
usage(FILE *to)
{
	fputs(
	    "usage: mailfrom doctor [options]\n"
	    "  -c, --config FILE      configuration of mailfrom (default: " MAILFROM_CONFIG
	    ")\n"
	    "      --config-dir DIR   Postfix's main.cf and master.cf\n"
	    "      --site FILE        saved output of postconf -n, -M and "
	    "-P (\"-\": stdin)\n"
	    "      --sendmail-cf FILE sendmail's configuration\n"
	    "      --smtp HOST:PORT   where the mail server listens\n"
	    "      --no-smtp          don't connect to the mail server\n"
	    "      --no-dns           don't look anything up in DNS\n"
	    "      --offline          check files alone: ask nobody\n"
	    "      --json             one JSON object\n"
	    "  -h, --help | -V, --version\n"
	    "Exit status: 0 no check failed, 1 some did, 2 usage.\n",
	    to);
}

/* --- options --- */

enum {
	CONFIG_DIR = 256,
	SITE,
	SENDMAIL_CF,
	SMTP,
	NO_SMTP,
	NO_DNS,
	OFFLINE,
	JSON
};

static const struct option long_options[] = {
    {"config", required_argument, NULL, 'c'},
    {"config-dir", required_argument, NULL, CONFIG_DIR},
    {"site", required_argument, NULL, SITE},
    {"sendmail-cf", required_argument, NULL, SENDMAIL_CF},
    {"smtp", required_argument, NULL, SMTP},
    {"no-smtp", no_argument, NULL, NO_SMTP},
    {"no-dns", no_argument, NULL, NO_DNS},
    {"offline", no_argument, NULL, OFFLINE},
    {"json", no_argument, NULL, JSON},
    {"help", no_argument, NULL, 'h'},
    {"version", no_argument, NULL, 'V'},
    {NULL, 0, NULL, 0},
};

/* -1: go on; else the exit status. */
static int
parse_options(int argc, char **argv, struct doctor_options *out)
{
	int option;

	*out = (struct doctor_options){.config = MAILFROM_CONFIG};
	while ((option = getopt_long(argc, argv, "c:hV", long_options, NULL)) !=
	    -1)
		switch (option) {
		case 'c':
			out->config = optarg;
			break;
		case CONFIG_DIR:
			out->place.config_dir = optarg;
			break;
		case SITE:
			out->place.saved = optarg;
			break;
		case SENDMAIL_CF:
			out->cf = optarg;
			break;
		case SMTP:
			out->smtp = optarg;
			break;
		case NO_SMTP:
			out->without_smtp = true;
			break;
		case NO_DNS:
			out->without_dns = true;
			break;
		case OFFLINE:
			out->is_offline = true;
			break;
		case JSON:
			out->is_json = true;
			break;
		case 'h':
			usage(stdout);
			return mailfrom_flush();
		case 'V':
			puts("mailfrom (mailfrom) " MAILFROM_VERSION);
			return mailfrom_flush();
		default:
			usage(stderr);
			return MAILFROM_EXIT_USAGE;
		}
	if (optind != argc)
		return mailfrom_bad_usage(
		    "doctor", "\"%s\": no argument is expected", argv[optind]);
	return -1;
}

/* --- facts --- */

/* inet_interfaces may be one name, such as Debian's 127.0.1.1. */
static bool
is_loopback_name(struct doctor_facts *f)
{
	struct mf_text item, rest = site_value(&f->site, "inet_interfaces");
	struct addrinfo hints = {.ai_family = AF_INET}, *found = NULL;
	bool is_loopback = false;

	if (f->tables.is_elsewhere || !site_next_item(&rest, &item) ||
	    getaddrinfo(arena_copy(f->arena, item).p, NULL, &hints, &found) !=
		0)
		return false;
	if (found != NULL) {
		struct sockaddr_in in;

		memcpy(&in, found->ai_addr, sizeof(in));
		is_loopback = (ntohl(in.sin_addr.s_addr) >> 24) == 127;
	}
	freeaddrinfo(found);
	return is_loopback;
}

/* An address like those of forwards, so that maps and smtpd can be asked. */
static const char *
fresh_address(struct doctor_facts *f)
{
	struct policy_sender sender = {.address = MF_TEXT(PROOF_SENDER),
	    .recipient_host = MF_TEXT("dest.example"),
	    .now_sec = f->now_sec};
	struct policy_result result;

	if (f->own.rewriter == NULL)
		return "";
	policy_forward(f->own.rewriter, &sender, &result);
	/* hide_senders: what carries the sender is restored all the same. */
	if (result.reason == POLICY_TO_STORE)
		srs_encode(f->own.rewriter->srs, sender.address,
		    rewriter_domain(f->own.rewriter, MF_TEXT("")), f->now_sec,
		    &result.address);
	else if (!policy_changed(result.reason))
		return "";
	return arena_copy(
	    f->arena, mf_text_at(result.address.text, result.address.len))
	    .p;
}

/* Postfix's maps lead to srsd, or its lists to a filter. */
static bool
postfix_uses(struct doctor_facts *f, enum own_daemon daemon)
{
	if (daemon == OWN_SRSD && (f->pass.uses_srsd || f->pass.is_simple))
		return true;
	if (daemon == OWN_SRSMILTER && f->pass.uses_srsmilter)
		return true;
	for (size_t i = 0; i < f->use_count; i++)
		if (f->uses[i].socket != NULL &&
		    f->uses[i].socket->daemon == daemon)
			return true;
	return false;
}

static void
read_postfix(struct doctor_facts *f)
{
	f->interface_is_loopback = is_loopback_name(f);
	pass_find(&f->site, &f->own, &f->pass);
	daemons_read_uses(f);
}

/* A sendmail.cf beside a Postfix is a remnant, unless it leads to us. */
static bool
read_sendmail(struct doctor_facts *f, const char *named, struct report *report)
{
	const char *path = named != NULL ? named : SENDMAIL_CF_PATH;
	struct sendmail_cf *cf;
	struct mf_text text;

	if (!f->tables.contents(&f->tables, path, &text)) {
		if (named != NULL)
			report_error(report, path, 0, NULL, "cannot be read");
		return named == NULL;
	}
	cf = arena_new(f->arena, sizeof(*cf));
	cf_parse(text, &f->tables, cf);
	cf->path = path;
	f->cf = cf;
	if (named == NULL && f->has_postfix && !cf_uses(f, OWN_SRSD) &&
	    !cf_uses(f, OWN_SRSMILTER) && !cf_uses(f, OWN_SPFMILTER))
		f->cf = NULL;
	return true;
}

static void
ask_around(struct doctor_facts *f, const struct doctor_options *o)
{
	f->was_asked = true;
	daemons_read(f);
	store_read(f);
	if (!o->without_dns)
		dns_read(f);
	if (o->without_smtp)
		return;
	proof_read_srsd(f);
	proof_read_srsmilter(f);
	proof_read_smtp(f, o->smtp);
}

static bool
read_facts(struct doctor_facts *f, const struct doctor_options *o,
    struct report *report)
{
	f->now_sec = (uint64_t)time(NULL);
	f->is_root = geteuid() == 0;
	gethostname(f->host_name, sizeof(f->host_name) - 1);
	own_load(o->config, &f->own, f->arena);
	if (!list_build(&f->exclude_recipients, &f->own.srs.exclude_recipients))
		return false;
	f->srs_address = fresh_address(f);
	daemons_read_secret(f);
	if (!site_load(&o->place, &f->site, report))
		return false;
	f->has_postfix = f->site.source != SITE_NONE;
	f->tables = tables_of_host(
	    f->arena, o->place.config_dir, f->site.source == SITE_SAVED);
	if (f->has_postfix)
		read_postfix(f);
	if (!f->tables.is_elsewhere && !read_sendmail(f, o->cf, report))
		return false;
	for (int i = 0; i < OWN_DAEMONS; i++)
		f->daemons[i].is_used =
		    own_has_section(&f->own, (enum own_daemon)i) ||
		    postfix_uses(f, (enum own_daemon)i) ||
		    cf_uses(f, (enum own_daemon)i);
	if (!o->is_offline && !f->tables.is_elsewhere)
		ask_around(f, o);
	return true;
}

static void
free_facts(struct doctor_facts *f)
{
	list_free(&f->exclude_recipients);
	own_free(&f->own);
	site_free(&f->site);
}

/* --- the command --- */

static int
finish(const struct doctor_options *o, const struct finding_list *findings)
{
	int flushed;

	if (o->is_json)
		findings_print_json(stdout, findings);
	else
		findings_print(stdout, findings);
	flushed = mailfrom_flush();
	if (flushed != MAILFROM_EXIT_OK)
		return flushed;
	return findings_count(findings, FINDING_FAIL) != 0
	    ? MAILFROM_EXIT_FAILED
	    : MAILFROM_EXIT_OK;
}

static bool
is_applicable(const struct doctor_facts *f, enum need need)
{
	switch (need) {
	case NEEDS_NOTHING:
		return true;
	case NEEDS_DAEMONS:
		return f->was_asked;
	case NEEDS_POSTFIX:
		return f->has_postfix;
	case NEEDS_SENDMAIL:
		return f->cf != NULL;
	}
	return false;
}

static void
run_checks(struct doctor_facts *f, struct finding_list *out)
{
	for (size_t i = 0; i < sizeof(checks) / sizeof(checks[0]); i++)
		if (is_applicable(f, checks[i].need)) {
			out->check = checks[i].name;
			checks[i].run(f, out);
		}
}

int
mailfrom_doctor(int argc, char **argv)
{
	struct arena arena = {NULL};
	struct doctor_facts facts = {.arena = &arena};
	struct finding_list findings = {.arena = &arena};
	struct report report = report_to_stderr();
	struct doctor_options options;
	int status = parse_options(argc, argv, &options);

	if (status != -1)
		return status;
	if (!read_facts(&facts, &options, &report)) {
		status = MAILFROM_EXIT_USAGE;
	} else {
		run_checks(&facts, &findings);
		status = finish(&options, &findings);
	}
	free_facts(&facts);
	arena_free(&arena);
	return status;
}
