/* SPDX-License-Identifier: ISC */
/*
 * filter [-a ACTIONS] [-n STEPS] [-m STAGE=MACROS]... [-g MACRO]... SOCKET
 *        [RULE...]
 *
 * A filter by libmilter that does what its rules say, to test the tests' client
 * with.  A rule is STEP[#N]:VERB[=ARGUMENT[|ARGUMENT]...]: at each such step,
 * or at the Nth of a message (of a connection before MAIL), in the order given;
 * the last verdict counts, "continue" if there is none.
 *
 *	step	connect helo mail rcpt data header eoh body eom unknown
 *	verdict	continue accept reject tempfail discard skip noreply
 *		reply=550|5.7.1|text  mlreply=550|5.7.1|line|line
 *	at eom	chgfrom=FROM[|ARGUMENTS]  addrcpt=RCPT[|ARGUMENTS]  delrcpt=RCPT
 *		insheader=INDEX|NAME|VALUE  chgheader=INDEX|NAME|VALUE
 *		addheader=NAME|VALUE  replbody=TEXT  quarantine=REASON  progress
 *
 * ACTIONS and STEPS are SMFIF_* and SMFIP_* added up, in decimal: what it asks
 * for; default: all actions, all steps.  MACROS are asked for at STAGE (0 to 6,
 * SMFIM_*).  Each callback is a line on standard output, with the macros -g
 * that have a value; "ready" is the first.
 */
#include <arpa/inet.h>
#include <libmilter/mfapi.h>
#include <libmilter/mfdef.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/un.h>
#include <unistd.h>

#include "common/text.h"

#define RULES_MAX     64
#define ARGUMENTS_MAX 8
#define NAMES_MAX     16
#define LINE_SIZE     4096

enum step {
	CONNECT,
	HELO,
	MAIL,
	RCPT,
	DATA,
	HEADER,
	EOH,
	BODY,
	EOM,
	UNKNOWN,
	STEPS
};
static const char *const step_names[STEPS] = {"connect", "helo", "mail", "rcpt",
    "data", "header", "eoh", "body", "eom", "unknown"};

struct rule {
	enum step step;
	uint64_t nth; /* 0: each */
	const char *verb;
	char *argv[ARGUMENTS_MAX + 1]; /* ended by NULL */
	size_t argc;
};

/* How often each step was called. */
struct session {
	uint64_t calls[STEPS];
};

static struct rule rules[RULES_MAX];
static size_t rule_count;
static char *macro_lists[SMFIM_LAST + 1];
static char *shown[NAMES_MAX];
static size_t shown_count;
static uint64_t actions = SMFI_CURR_ACTS, steps_wanted;
static bool negotiates;

static void
die(const char *what)
{
	fprintf(stderr, "filter: %s\n", what);
	exit(2);
}

/* --- the log --- */

static void
out_shown(struct text_out *o, struct mf_text value)
{
	for (size_t i = 0; i < value.len; i++)
		if (value.p[i] == '\n')
			out_str(o, "\\n");
		else
			out_char(o, value.p[i]);
}

static void
say(SMFICTX *ctx, const char *what, const char *const *words)
{
	char line[LINE_SIZE];
	struct text_out o = text_out(line, sizeof(line) - 1);

	out_str(&o, what);
	for (; words != NULL && *words != NULL; words++) {
		out_char(&o, ' ');
		out_shown(&o, mf_text_of(*words));
	}
	for (size_t i = 0; i < shown_count; i++) {
		const char *value = smfi_getsymval(ctx, shown[i]);

		if (value == NULL)
			continue;
		out_char(&o, ' ');
		out_str(&o, shown[i]);
		out_char(&o, '=');
		out_shown(&o, mf_text_of(value));
	}
	line[o.len] = '\n';
	fwrite(line, 1, o.len + 1, stdout);
	fflush(stdout);
}

/* --- rules --- */

static bool
is_verb(const struct rule *rule, const char *verb, size_t argc)
{
	return strcmp(rule->verb, verb) == 0 && rule->argc == argc;
}

static int
verdict_of(SMFICTX *ctx, const struct rule *rule, sfsistat *verdict)
{
	static const struct {
		const char *verb;
		sfsistat verdict;
	} known[] = {{"continue", SMFIS_CONTINUE}, {"accept", SMFIS_ACCEPT},
	    {"reject", SMFIS_REJECT}, {"tempfail", SMFIS_TEMPFAIL},
	    {"discard", SMFIS_DISCARD}, {"skip", SMFIS_SKIP},
	    {"noreply", SMFIS_NOREPLY}};
	char *const *arg = rule->argv;

	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (strcmp(rule->verb, known[i].verb) == 0) {
			*verdict = known[i].verdict;
			return MI_SUCCESS;
		}
	if (!is_verb(rule, "reply", 3) && !is_verb(rule, "mlreply", 4))
		return MI_FAILURE;
	*verdict = arg[0][0] == '5' ? SMFIS_REJECT : SMFIS_TEMPFAIL;
	if (rule->argc == 3)
		return smfi_setreply(ctx, arg[0], arg[1], arg[2]);
	return smfi_setmlreply(
	    ctx, arg[0], arg[1], arg[2], arg[3], (char *)NULL);
}

static int
index_of(const char *digits)
{
	uint64_t n;

	return text_uint(mf_text_of(digits), 100000, &n) ? (int)n : -1;
}

static int
change_envelope(SMFICTX *ctx, const struct rule *rule)
{
	char *const *arg = rule->argv;

	if (is_verb(rule, "chgfrom", 1) || is_verb(rule, "chgfrom", 2))
		return smfi_chgfrom(ctx, arg[0], arg[1]);
	if (is_verb(rule, "addrcpt", 1))
		return smfi_addrcpt(ctx, arg[0]);
	if (is_verb(rule, "addrcpt", 2))
		return smfi_addrcpt_par(ctx, arg[0], arg[1]);
	if (is_verb(rule, "delrcpt", 1))
		return smfi_delrcpt(ctx, arg[0]);
	if (is_verb(rule, "quarantine", 1))
		return smfi_quarantine(ctx, arg[0]);
	if (is_verb(rule, "progress", 0))
		return smfi_progress(ctx);
	return MI_FAILURE;
}

static int
change_content(SMFICTX *ctx, const struct rule *rule)
{
	char *const *arg = rule->argv;

	if (is_verb(rule, "insheader", 3))
		return smfi_insheader(ctx, index_of(arg[0]), arg[1], arg[2]);
	if (is_verb(rule, "chgheader", 3))
		return smfi_chgheader(ctx, arg[1], index_of(arg[0]), arg[2]);
	if (is_verb(rule, "addheader", 2))
		return smfi_addheader(ctx, arg[0], arg[1]);
	if (is_verb(rule, "replbody", 1))
		return smfi_replacebody(
		    ctx, (unsigned char *)arg[0], (int)strlen(arg[0]));
	return MI_FAILURE;
}

/* Log a callback, and do what the rules for it say. */
static sfsistat
act(SMFICTX *ctx, enum step step, const char *const *words)
{
	struct session *session = smfi_getpriv(ctx);
	sfsistat verdict = SMFIS_CONTINUE;

	say(ctx, step_names[step], words);
	if (session == NULL && (session = calloc(1, sizeof(*session))) == NULL)
		die("memory");
	smfi_setpriv(ctx, session);
	if (step == MAIL)
		*session = (struct session){0};
	session->calls[step]++;
	for (size_t i = 0; i < rule_count; i++) {
		const struct rule *rule = &rules[i];

		if (rule->step != step ||
		    (rule->nth != 0 && rule->nth != session->calls[step]))
			continue;
		if (verdict_of(ctx, rule, &verdict) != MI_SUCCESS &&
		    change_envelope(ctx, rule) != MI_SUCCESS &&
		    change_content(ctx, rule) != MI_SUCCESS)
			say(ctx, "failed",
			    (const char *const[]){rule->verb, NULL});
	}
	return verdict;
}

/* --- callbacks --- */

static sfsistat
on_connect(SMFICTX *ctx, char *host, _SOCK_ADDR *address)
{
	char ip[INET6_ADDRSTRLEN] = "", port[8];
	struct text_out o = text_out(port, sizeof(port) - 1);
	const struct sockaddr_in *in = (const void *)address;
	const struct sockaddr_in6 *in6 = (const void *)address;
	const struct sockaddr_un *un = (const void *)address;
	const char *where = "-";

	if (address != NULL && address->sa_family == AF_INET) {
		where = inet_ntop(AF_INET, &in->sin_addr, ip, sizeof(ip));
		out_uint(&o, ntohs(in->sin_port));
	} else if (address != NULL && address->sa_family == AF_INET6) {
		where = inet_ntop(AF_INET6, &in6->sin6_addr, ip, sizeof(ip));
		out_uint(&o, ntohs(in6->sin6_port));
	} else if (address != NULL)
		where = un->sun_path;
	port[o.len] = '\0';
	return act(
	    ctx, CONNECT, (const char *const[]){host, where, port, NULL});
}

static sfsistat
on_helo(SMFICTX *ctx, char *name)
{
	return act(ctx, HELO, (const char *const[]){name, NULL});
}

static sfsistat
on_mail(SMFICTX *ctx, char **argv)
{
	return act(ctx, MAIL, (const char *const *)argv);
}

static sfsistat
on_rcpt(SMFICTX *ctx, char **argv)
{
	return act(ctx, RCPT, (const char *const *)argv);
}

static sfsistat
on_data(SMFICTX *ctx)
{
	return act(ctx, DATA, NULL);
}

static sfsistat
on_unknown(SMFICTX *ctx, const char *line)
{
	return act(ctx, UNKNOWN, (const char *const[]){line, NULL});
}

static sfsistat
on_header(SMFICTX *ctx, char *name, char *value)
{
	return act(ctx, HEADER, (const char *const[]){name, value, NULL});
}

static sfsistat
on_eoh(SMFICTX *ctx)
{
	return act(ctx, EOH, NULL);
}

static sfsistat
on_body(SMFICTX *ctx, unsigned char *chunk, size_t len)
{
	char digits[21];
	struct text_out o = text_out(digits, sizeof(digits) - 1);

	(void)chunk;
	out_uint(&o, len);
	digits[o.len] = '\0';
	return act(ctx, BODY, (const char *const[]){digits, NULL});
}

static sfsistat
on_eom(SMFICTX *ctx)
{
	return act(ctx, EOM, NULL);
}

static sfsistat
on_abort(SMFICTX *ctx)
{
	say(ctx, "abort", NULL);
	return SMFIS_CONTINUE;
}

static sfsistat
on_close(SMFICTX *ctx)
{
	say(ctx, "close", NULL);
	free(smfi_getpriv(ctx));
	smfi_setpriv(ctx, NULL);
	return SMFIS_CONTINUE;
}

static sfsistat
on_negotiate(SMFICTX *ctx, unsigned long f0, unsigned long f1, unsigned long f2,
    unsigned long f3, unsigned long *pf0, unsigned long *pf1,
    unsigned long *pf2, unsigned long *pf3)
{
	(void)f0, (void)f1, (void)f2, (void)f3;
	*pf0 = (unsigned long)actions;
	*pf1 = (unsigned long)steps_wanted;
	*pf2 = *pf3 = 0;
	for (int i = 0; i <= SMFIM_LAST; i++)
		if (macro_lists[i] != NULL)
			smfi_setsymlist(ctx, i, macro_lists[i]);
	return SMFIS_CONTINUE;
}

/* --- the command line --- */

/* Cut s at its first c; the part behind it, or NULL. */
static char *
cut(char *s, char c)
{
	char *at = strchr(s, c);

	if (at == NULL)
		return NULL;
	*at = '\0';
	return at + 1;
}

static void
add_rule(char *word)
{
	struct rule *rule = &rules[rule_count];
	char *verb = cut(word, ':'), *nth = cut(word, '#'), *argument;

	if (rule_count++ == RULES_MAX || verb == NULL)
		die("too many rules, or one without a verb");
	if (nth != NULL && !text_uint(mf_text_of(nth), UINT32_MAX, &rule->nth))
		die("a rule's number isn't one");
	while (strcmp(word, step_names[rule->step]) != 0)
		if (++rule->step == STEPS)
			die("no such step");
	argument = cut(verb, '=');
	rule->verb = verb;
	for (; argument != NULL; rule->argc++) {
		if (rule->argc == ARGUMENTS_MAX)
			die("too many arguments");
		rule->argv[rule->argc] = argument;
		argument = cut(argument, '|');
	}
}

static bool
take_option(int option)
{
	char *words;
	uint64_t stage;

	switch (option) {
	case 'a':
		return text_uint(mf_text_of(optarg), UINT32_MAX, &actions);
	case 'n':
		negotiates = true;
		return text_uint(mf_text_of(optarg), UINT32_MAX, &steps_wanted);
	case 'm':
		negotiates = true;
		words = cut(optarg, '=');
		if (words == NULL ||
		    !text_uint(mf_text_of(optarg), SMFIM_LAST, &stage))
			return false;
		macro_lists[stage] = words;
		return true;
	case 'g':
		if (shown_count == NAMES_MAX)
			return false;
		shown[shown_count++] = optarg;
		return true;
	default:
		return false;
	}
}

int
main(int argc, char **argv)
{
	struct smfiDesc description = {.xxfi_name = "filter",
	    .xxfi_version = SMFI_VERSION,
	    .xxfi_connect = on_connect,
	    .xxfi_helo = on_helo,
	    .xxfi_envfrom = on_mail,
	    .xxfi_envrcpt = on_rcpt,
	    .xxfi_data = on_data,
	    .xxfi_unknown = on_unknown,
	    .xxfi_header = on_header,
	    .xxfi_eoh = on_eoh,
	    .xxfi_body = on_body,
	    .xxfi_eom = on_eom,
	    .xxfi_abort = on_abort,
	    .xxfi_close = on_close};
	int option;

	while ((option = getopt(argc, argv, "a:n:m:g:")) != -1)
		if (!take_option(option))
			die("usage: filter [-a ACTIONS] [-n STEPS] "
			    "[-m STAGE=MACROS]... [-g MACRO]... SOCKET "
			    "[RULE...]");
	if (optind == argc)
		die("no socket");
	for (int i = optind + 1; i < argc; i++)
		add_rule(argv[i]);
	description.xxfi_flags = (unsigned long)actions;
	if (negotiates)
		description.xxfi_negotiate = on_negotiate;
	if (smfi_setconn(argv[optind]) != MI_SUCCESS ||
	    smfi_register(description) != MI_SUCCESS ||
	    smfi_opensocket(true) != MI_SUCCESS)
		die("cannot listen");
	puts("ready");
	fflush(stdout);
	return smfi_main() == MI_SUCCESS ? 0 : 1;
}
