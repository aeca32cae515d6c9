/* SPDX-License-Identifier: ISC */
/*
 * mailfrom setup: the lines of a form for this mail server.
 */
#include "tools/mailfrom/mailfrom.h"

#include <arpa/inet.h>
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tools/mailfrom/merge.h"
#include "tools/mailfrom/setup_print.h"

/* The parts that can be printed alone, by the name of their option. */
enum setup_part {
	PART_ALL,
	PART_MAIN,
	PART_MASTER,
	PART_MC,
	PART_M4,
	PART_VIRTUSERTABLE,
	PART_ALIASES,
	PART_POSTCONF,
	PART_UNDO
};

struct setup_options {
	const char *form, *config;
	struct site_place place;
	enum setup_part part;
	bool is_bare;
	bool is_help, is_version;
};

/* --- the command line --- */

enum { OPT_CONFIG_DIR = 256, OPT_SITE, OPT_BARE, OPT_PART };

static const struct option long_options[] = {
    {"config-dir", required_argument, NULL, OPT_CONFIG_DIR},
    {"site", required_argument, NULL, OPT_SITE},
    {"bare", no_argument, NULL, OPT_BARE},
    {"main", no_argument, NULL, OPT_PART + PART_MAIN},
    {"master", no_argument, NULL, OPT_PART + PART_MASTER},
    {"mc", no_argument, NULL, OPT_PART + PART_MC},
    {"m4", no_argument, NULL, OPT_PART + PART_M4},
    {"virtusertable", no_argument, NULL, OPT_PART + PART_VIRTUSERTABLE},
    {"aliases", no_argument, NULL, OPT_PART + PART_ALIASES},
    {"postconf", no_argument, NULL, OPT_PART + PART_POSTCONF},
    {"undo", no_argument, NULL, OPT_PART + PART_UNDO},
    {"help", no_argument, NULL, 'h'},
    {"version", no_argument, NULL, 'V'},
    {NULL, 0, NULL, 0},
};

static void
usage(void)
{
	printf(
	    "usage: mailfrom setup FORM [options]\n"
	    "FORM:  %s\n"
	    "  -c FILE              the configuration (default " MAILFROM_CONFIG
	    ")\n"
	    "  --config-dir DIR     Postfix's main.cf and master.cf (default: "
	    "postconf's)\n"
	    "  --site FILE          saved output of postconf -n, -M and -P; "
	    "\"-\": stdin\n"
	    "  --main | --master    the lines for that file of Postfix\n"
	    "  --mc | --m4 | --virtusertable | --aliases\n"
	    "                       the lines for that file of sendmail\n"
	    "  --postconf           commands that change main.cf and "
	    "master.cf\n"
	    "  --undo               commands that take it out again\n"
	    "  --bare               without comments\n"
	    "  -h, --help | -V, --version\n",
	    setup_form_names());
}

static int
read_options(int argc, char **argv, struct setup_options *o)
{
	int option;

	*o = (struct setup_options){.config = MAILFROM_CONFIG};
	optind = 1;
	while ((option = getopt_long(argc, argv, "c:hV", long_options, NULL)) !=
	    -1) {
		if (option == '?')
			return mailfrom_bad_usage("setup", "wrong option");
		if (option == 'c')
			o->config = optarg;
		else if (option == 'h')
			o->is_help = true;
		else if (option == 'V')
			o->is_version = true;
		else if (option == OPT_CONFIG_DIR)
			o->place.config_dir = optarg;
		else if (option == OPT_SITE)
			o->place.saved = optarg;
		else if (option == OPT_BARE)
			o->is_bare = true;
		else if (o->part != PART_ALL)
			return mailfrom_bad_usage(
			    "setup", "only one of the parts at a time");
		else
			o->part = (enum setup_part)(option - OPT_PART);
	}
	if (o->is_help || o->is_version)
		return MAILFROM_EXIT_OK;
	if (optind + 1 != argc)
		return mailfrom_bad_usage(
		    "setup", "needs one FORM: %s", setup_form_names());
	o->form = argv[optind];
	return MAILFROM_EXIT_OK;
}

static int
check_options(const struct setup_options *o, const struct setup_form *form)
{
	bool for_postfix = o->part == PART_MAIN || o->part == PART_MASTER ||
	    o->part == PART_POSTCONF;

	if (form == NULL)
		return mailfrom_bad_usage("setup", "\"%s\" is none of %s",
		    o->form, setup_form_names());
	if (o->part != PART_ALL && o->part != PART_UNDO &&
	    for_postfix == form->for_sendmail)
		return mailfrom_bad_usage(
		    "setup", "%s has no such part", form->name);
	if (o->place.saved != NULL && o->place.config_dir != NULL)
		return mailfrom_bad_usage(
		    "setup", "--config-dir and --site exclude each other");
	return MAILFROM_EXIT_OK;
}

/* --- sendmail --- */

static const struct {
	const char *form;
	enum setup_part part;
	const char *sample, *place, *comment;
} sendmail_parts[] = {
    {"sendmail", PART_MC, "etc/sendmail/rrs.mc",
	"/etc/mail/sendmail.mc: add before the next lines", "dnl"},
    {"sendmail", PART_MC, "etc/sendmail/rrs-filter.mc",
	"/etc/mail/sendmail.mc: add after spfmilter and before MAILER()",
	"dnl"},
    {"sendmail", PART_MC, "etc/sendmail/mailfrom-srs.mc",
	"/etc/mail/sendmail.mc: in place of MAILER(smtp)", "dnl"},
    {"sendmail", PART_M4, "etc/sendmail/mailfrom-srs.m4",
	"/etc/mail/mailfrom-srs.m4: a file of its own", "dnl"},
    {"sendmail", PART_ALIASES, "etc/sendmail/rrs.aliases",
	"/etc/mail/aliases: add", "#"},
    {"sendmail-milter", PART_MC, "etc/sendmail/rrs.mc",
	"/etc/mail/sendmail.mc: add before the next lines", "dnl"},
    {"sendmail-milter", PART_MC, "etc/sendmail/srsmilter.mc",
	"/etc/mail/sendmail.mc: add before MAILER()", "dnl"},
    {"sendmail-milter", PART_VIRTUSERTABLE,
	"etc/sendmail/srsmilter.virtusertable", "/etc/mail/virtusertable: add",
	"#"},
    {"sendmail-milter", PART_ALIASES, "etc/sendmail/srsmilter.aliases",
	"/etc/mail/aliases: add", "#"},
    {"sendmail-milter", PART_ALIASES, "etc/sendmail/rrs.aliases",
	"/etc/mail/aliases: add", "#"},
    {"sendmail-spfmilter", PART_MC, "etc/sendmail/spfmilter.mc",
	"/etc/mail/sendmail.mc: add before MAILER() and other filters", "dnl"},
};

/* Only with rrs_secret_file. */
static bool
is_rrs_part(size_t i)
{
	return text_starts(
	    mf_text_of(sendmail_parts[i].sample), MF_TEXT("etc/sendmail/rrs"));
}

#define SENDMAIL_PARTS (sizeof(sendmail_parts) / sizeof(sendmail_parts[0]))

static void
put_lines(struct mf_text text, const char *comment, bool is_bare)
{
	struct mf_text line;

	while (text_cut(&text, '\n', &line))
		if (!is_bare ||
		    (line.len != 0 && !text_starts(line, mf_text_of(comment))))
			printf("%.*s\n", PLAN_TEXT(line));
}

/* sendmail.mc isn't ours to read: what to take out of it. */
static void
put_undo(size_t i, struct mf_text text)
{
	if (sendmail_parts[i].part == PART_M4) {
		printf("# Remove the file /etc/mail/mailfrom-srs.m4.\n");
		return;
	}
	printf("# Take these lines out of %s:\n", sendmail_parts[i].place);
	put_lines(text, sendmail_parts[i].comment, true);
	if (strcmp(sendmail_parts[i].sample, "etc/sendmail/mailfrom-srs.mc") ==
	    0)
		printf("# and put MAILER(`smtp')dnl there instead.\n");
}

/* --- the store --- */

/* For one host; a file of each of several would lose bounces. */
static void
propose_store(const struct setup_options *o, const struct setup *setup)
{
	static const char *const lines[] = {
	    "--- mailfrom.conf: to rewrite senders of any length, add ---",
	    "[srs]", "long_addresses = store", "[store]",
	    "url = sqlite:/var/lib/mailfrom/store.db",
	    "That is for a single host. Hosts that take each other's bounces",
	    "need one Redis for all: url = redis://HOST"};
	const char *comment = setup->form->for_sendmail ? "dnl" : "#";

	if (o->part != PART_ALL || o->is_bare ||
	    setup->form->daemon == SETUP_SPFMILTER ||
	    setup->srs.long_addresses == LONG_STORE || setup->srs.hide_senders)
		return;
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++)
		printf("%s %s\n", comment, lines[i]);
}

/* --- sendmail, all of it --- */

static int
print_sendmail(const struct setup_options *o, struct setup *setup)
{
	struct arena arena = {NULL};
	struct fill fill = {.setup = setup};

	for (size_t i = 0; i < SENDMAIL_PARTS; i++) {
		if (strcmp(sendmail_parts[i].form, setup->form->name) != 0 ||
		    (is_rrs_part(i) && setup->rrs_domain_count == 0))
			continue;
		/* Its socket is srsmilter's, the others' srsd's. */
		struct setup one = *setup;
		if (is_rrs_part(i))
			one.listen = setup->filter_listen;
		fill.setup = &one;
		struct mf_text text =
		    fill_sample(&arena, &fill, sendmail_parts[i].sample);
		if (o->part == PART_UNDO) {
			put_undo(i, text);
		} else if (o->part == PART_ALL ||
		    o->part == sendmail_parts[i].part) {
			if (o->part == PART_ALL)
				printf("%s --- %s ---\n",
				    sendmail_parts[i].comment,
				    sendmail_parts[i].place);
			put_lines(text, sendmail_parts[i].comment, o->is_bare);
		}
	}
	propose_store(o, setup);
	arena_free(&arena);
	return mailfrom_flush();
}

/* --- Postfix --- */

/* As master(8) would bind it. */
static bool
port_is_free(unsigned port)
{
	struct sockaddr_in address = {.sin_family = AF_INET,
	    .sin_port = htons((uint16_t)port),
	    .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int yes = 1, fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	bool is_free;

	if (fd == -1)
		return true;
	(void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes));
	is_free = bind(fd, (struct sockaddr *)&address, sizeof(address)) == 0 ||
	    errno != EADDRINUSE;
	close(fd);
	return is_free;
}

/* Every socket of ours as Postfix may have it. */
static struct mf_text
our_sockets(struct site *site, const struct setup *setup)
{
	struct mf_text all = MF_TEXT("");
	struct setup one = *setup;
	struct fill fill = {
	    .setup = &one, .spool = site_value(site, "queue_directory")};

	for (size_t i = 0; i <= setup->listen_count; i++) {
		if (i == setup->listen_count && setup->rrs_domain_count == 0)
			break;
		one.listen = i < setup->listen_count ? setup->listens[i]
						     : setup->filter_listen;
		struct mf_text socket = fill_socket(&site->arena, &fill);
		all = arena_printf(&site->arena, "%.*s %.*s", PLAN_TEXT(all),
		    PLAN_TEXT(socket));
	}
	return all;
}

static bool
report_notes(const struct setup_options *o, const struct plan *plan)
{
	bool ok = true;

	for (size_t i = 0; i < plan->note_count; i++) {
		const struct plan_note *n = &plan->notes[i];

		fprintf(stderr, "mailfrom setup: %s: %.*s\n",
		    n->is_refusal ? "not merged" : "warning",
		    PLAN_TEXT(n->text));
		ok = ok && !n->is_refusal;
	}
	for (size_t i = 0; i < plan->edit_count && o->part != PART_POSTCONF;
	     i++) {
		const struct plan_edit *e = &plan->edits[i];

		fprintf(stderr,
		    "mailfrom setup: %s: the service %.*s of master.cf has %.*s "
		    "of its own: use --postconf, or run the command in the "
		    "comments\n",
		    e->is_needed ? "not merged" : "warning",
		    PLAN_TEXT(e->service), PLAN_TEXT(e->setting.name));
		ok = ok && !e->is_needed;
	}
	return ok;
}

static void
print_parts(const struct setup_options *o, const struct setup_print *print)
{
	switch (o->part) {
	case PART_MAIN:
		setup_print_main(print);
		return;
	case PART_MASTER:
		setup_print_master(print);
		return;
	case PART_POSTCONF:
		setup_print_postconf(print);
		return;
	case PART_UNDO:
		setup_print_undo(print);
		return;
	case PART_ALL:
	case PART_MC:
	case PART_M4:
	case PART_VIRTUSERTABLE:
	case PART_ALIASES:
		break;
	}
	puts("# --- /etc/postfix/main.cf: add ---");
	setup_print_main(print);
	if (print->plan->service_count == 0 && print->plan->edit_count == 0)
		return;
	puts("# --- /etc/postfix/master.cf: add ---");
	setup_print_master(print);
}

static int
print_postfix(
    const struct setup_options *o, struct setup *setup, struct site *site)
{
	struct plan plan = {.arena = &site->arena};
	struct unmerged unmerged;
	bool is_here =
	    site->source == SITE_POSTCONF || site->source == SITE_FILES;

	unmerge(site, our_sockets(site, setup), &unmerged);
	struct merge m = {.plan = &plan,
	    .site = site,
	    .setup = setup,
	    .installed_port = unmerged.port,
	    .port_is_free = is_here ? port_is_free : NULL};
	merge(&m);
	struct setup_print print = {
	    &plan, site, &unmerged, o->form, o->place.config_dir, o->is_bare};
	if (site->source == SITE_NONE)
		fprintf(stderr,
		    "mailfrom setup: warning: no Postfix found here, so these "
		    "lines are merged with nothing: see --config-dir and "
		    "--site\n");
	if (site->source == SITE_SAVED && unmerged.is_installed)
		fprintf(stderr,
		    "mailfrom setup: warning: that Postfix has lines of "
		    "mailfrom setup already, and postconf doesn't show what "
		    "they have replaced: settings that need no change now are "
		    "left out here.  Run it on that host, or --undo there "
		    "first\n");
	bool ok = o->part == PART_UNDO || report_notes(o, &plan);
	print_parts(o, &print);
	propose_store(o, setup);
	int rc = mailfrom_flush();
	return rc == MAILFROM_EXIT_OK && !ok ? MAILFROM_EXIT_FAILED : rc;
}

static int
run_postfix(
    const struct setup_options *o, struct setup *setup, struct report *report)
{
	struct site site = {.source = SITE_NONE};
	int rc = MAILFROM_EXIT_FAILED;

	if (site_load(&o->place, &site, report))
		rc = print_postfix(o, setup, &site);
	site_free(&site);
	return rc;
}

int
mailfrom_setup(int argc, char **argv)
{
	struct setup_options o;
	struct report report = report_to_stderr();
	struct setup setup;
	int rc = read_options(argc, argv, &o);

	if (rc == MAILFROM_EXIT_OK && (o.is_help || o.is_version)) {
		if (o.is_help)
			usage();
		else
			puts("mailfrom (mailfrom) " MAILFROM_VERSION);
		return mailfrom_flush();
	}
	if (rc != MAILFROM_EXIT_OK)
		return rc;
	const struct setup_form *form = setup_form_find(o.form);
	rc = check_options(&o, form);
	if (rc != MAILFROM_EXIT_OK)
		return rc;
	rc = MAILFROM_EXIT_FAILED;
	if (setup_load(o.config, form, &setup, &report))
		rc = form->for_sendmail ? print_sendmail(&o, &setup)
					: run_postfix(&o, &setup, &report);
	setup_free(&setup);
	return rc;
}
