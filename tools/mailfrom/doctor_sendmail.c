/* SPDX-License-Identifier: ISC */
/*
 * Checks of sendmail.cf: the ruleset with srsd's maps, or the filters.
 */
#include "tools/mailfrom/doctor.h"
#include "tools/mailfrom/doctor_cf.h"

/* Seconds that sendmail has to wait for a filter: an SPF check takes 20. */
#define FILTER_SEC_MIN 25
#define FILTER_DEFAULT 10 /* of sendmail, for S and R */

static bool
contains(struct mf_text t, const char *part)
{
	struct mf_text p = mf_text_of(part);

	for (; t.len >= p.len; t = text_from(t, 1))
		if (text_starts(t, p))
			return true;
	return false;
}

/* --- sockets --- */

/* The socket of ours that sendmail's words lead to. */
static const struct own_socket *
socket_at(struct doctor_facts *f, struct mf_text words)
{
	return pass_socket(&f->site, &f->own, NULL, words);
}

/* The filter of ours; NULL: sendmail.cf hasn't it. */
static const struct cf_filter *
filter_of(struct doctor_facts *f, enum own_daemon daemon)
{
	for (size_t i = 0; i < f->cf->filter_count; i++) {
		const struct own_socket *s =
		    socket_at(f, f->cf->filters[i].socket);

		if (s != NULL && s->daemon == daemon)
			return &f->cf->filters[i];
	}
	return NULL;
}

bool
cf_filter_is(
    struct doctor_facts *f, enum own_daemon daemon, struct mf_text name)
{
	const struct cf_filter *x = filter_of(f, daemon);

	return x != NULL && mf_text_eq(x->name, name);
}

/* Beside the ruleset srsmilter may verify RRS addresses, and no more. */
static bool
only_verifies_rrs(const struct doctor_facts *f)
{
	return f->own.srsmilter.rewrite == REWRITE_NONE &&
	    f->own.srs.rrs_secret_file.len != 0;
}

bool
cf_uses(struct doctor_facts *f, enum own_daemon daemon)
{
	if (f->cf == NULL)
		return false;
	if (daemon == OWN_SRSD)
		return f->cf->has_make_srs_rule;
	return filter_of(f, daemon) != NULL;
}

/* --- form --- */

void
check_cf_form(struct doctor_facts *f, struct finding_list *out)
{
	const struct sendmail_cf *cf = f->cf;
	bool has_filter = filter_of(f, OWN_SRSMILTER) != NULL;

	if (cf->has_make_srs_rule && has_filter && !only_verifies_rrs(f))
		findings_add(out, FINDING_FAIL,
		    "two forms at once: each rewrites the other's senders",
		    MF_TEXT("take srsmilter, or mailfrom-srs.m4, out of "
			    "sendmail.mc"),
		    "%s has both the ruleset and srsmilter", cf->path);
	else if (cf->has_make_srs_rule && !cf->has_mailfrom_envelope)
		findings_add(out, FINDING_FAIL,
		    "with other rules than mailfrom-srs.m4's, mail leaves with "
		    "a mangled sender while srsd is down",
		    MF_TEXT("replace them with mailfrom-srs.m4: mailfrom setup "
			    "sendmail"),
		    "%s looks senders up in make_srs, but not with "
		    "mailfrom-srs.m4",
		    cf->path);
	else if (cf->has_make_srs_rule)
		findings_ok(
		    out, "%s has the ruleset of mailfrom-srs.m4", cf->path);
	else if (has_filter)
		findings_ok(out, "%s calls srsmilter", cf->path);
	else if (f->own.srs_domain[0] != '\0')
		findings_add(out, FINDING_FAIL,
		    "mail for other hosts leaves with its original sender",
		    MF_TEXT("mailfrom setup sendmail prints the lines for "
			    "sendmail.mc; then rebuild sendmail.cf"),
		    "%s has neither the ruleset of mailfrom-srs.m4 nor "
		    "srsmilter",
		    cf->path);
}

/* --- maps --- */

/* What is wrong with the line K of a map; NULL: nothing is. */
static const char *
map_problem(const struct cf_map *map, bool is_probe)
{
	struct mf_text value;

	if (!mf_text_eq(map->type, MF_TEXT("socket")))
		return "it isn't of type socket";
	if (!cf_map_option(map, 'a', &value) ||
	    !mf_text_eq(value, MF_TEXT("<OK>")))
		return "without -a<OK>, what isn't an answer is taken for one";
	if (is_probe)
		return NULL;
	if (!cf_map_option(map, 'f', &value))
		return "without -f, the case of addresses is lost";
	if (!cf_map_option(map, 'q', &value))
		return "without -q, quotes of addresses are lost";
	return NULL;
}

static bool
check_map(struct doctor_facts *f, const char *name, struct finding_list *out)
{
	const struct cf_map *map = cf_map(f->cf, name);
	const char *problem;

	if (map == NULL) {
		findings_add(out, FINDING_FAIL, "sendmail can't ask srsd",
		    MF_TEXT("include mailfrom-srs.m4 as it is, and rebuild "
			    "sendmail.cf"),
		    "%s has no map %s", f->cf->path, name);
		return false;
	}
	problem = map_problem(map, strcmp(name, "probe") == 0);
	if (problem != NULL) {
		findings_add(out, FINDING_FAIL, problem,
		    MF_TEXT("include mailfrom-srs.m4 as it is, and rebuild "
			    "sendmail.cf"),
		    "%s: K%s %.*s %.*s", f->cf->path, name,
		    TEXT_ARGS(map->type), TEXT_ARGS(map->arguments));
		return false;
	}
	const struct own_socket *socket = socket_at(f, cf_map_socket(map));
	if (socket == NULL || socket->daemon != OWN_SRSD) {
		findings_add(out, FINDING_FAIL,
		    "srsd doesn't listen there: mail from outside gets 421",
		    MF_TEXT("make MAILFROM_SRS_SOCKET in sendmail.mc an "
			    "address that listen in [srsd] names"),
		    "%s: K%s asks at %.*s", f->cf->path, name,
		    TEXT_ARGS(cf_map_socket(map)));
		return false;
	}
	return true;
}

void
check_cf_maps(struct doctor_facts *f, struct finding_list *out)
{
	static const char *const names[] = {"make_srs", "reverse_srs", "probe"};
	bool ok = true;

	if (!f->cf->has_make_srs_rule)
		return;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		ok = check_map(f, names[i], out) && ok;
	if (ok)
		findings_ok(out,
		    "the maps make_srs, reverse_srs and probe lead "
		    "to srsd");
}

void
check_cf_probe(struct doctor_facts *f, struct finding_list *out)
{
	bool asks = f->cf->asks_probe;

	if (!f->cf->has_make_srs_rule)
		return;
	if (asks && f->cf->has_mailfrom_hold)
		findings_ok(out,
		    "Local_check_rcpt asks srsd, and check_compat "
		    "holds mail, while it is down");
	else
		findings_add(out, FINDING_FAIL,
		    "while srsd is down, mail leaves with its original sender",
		    MF_TEXT("include mailfrom-srs.m4 as it is; your own rules "
			    "of Local_check_rcpt may stand beside it, but "
			    "must not end the ruleset with OK before"),
		    "%s: %s", f->cf->path,
		    asks ? "check_compat has no MailfromHold"
			 : "Local_check_rcpt doesn't ask the map probe");
}

/* --- the SRS domain --- */

static bool
has_name(struct mf_text list, const char *name)
{
	struct mf_text item;

	while (site_next_item(&list, &item))
		if (text_eq_fold(item, mf_text_of(name)))
			return true;
	return false;
}

void
check_cf_class(struct doctor_facts *f, struct finding_list *out)
{
	const char *domain = f->own.srs_domain;
	bool is_virtual = cf_class_has(&f->cf->virthost, domain);
	bool is_ruleset = f->cf->has_make_srs_rule;

	if (domain[0] == '\0' ||
	    (!is_ruleset && filter_of(f, OWN_SRSMILTER) == NULL))
		return;
	if (is_virtual || (is_ruleset && cf_class_has(&f->cf->w, domain)))
		findings_ok(out, "%s is in class %s", domain,
		    is_virtual ? "VirtHost" : "w");
	else if (!f->cf->classes_are_whole)
		findings_add(out, FINDING_WARN,
		    "if it isn't there, bounces to SRS addresses are rejected",
		    findings_text(out,
			"make sure of it: echo '$=w' | sendmail "
			"-bt | grep -x %s",
			domain),
		    "%s: a file of class w or VirtHost can't be read", domain);
	else
		findings_add(out, FINDING_FAIL,
		    "sendmail doesn't know that it is local: bounces to SRS "
		    "addresses are rejected with 550",
		    is_ruleset
			? findings_text(out,
			      "LOCAL_DOMAIN(`%s')dnl in sendmail.mc, or a "
			      "line in /etc/mail/local-host-names",
			      domain)
			: findings_text(out,
			      "VIRTUSER_DOMAIN(`%s')dnl in sendmail.mc, and "
			      "@%s in virtusertable",
			      domain, domain),
		    "%s is %s", domain,
		    is_ruleset ? "neither in class w nor in VirtHost"
			       : "not in VirtHost");
}

/* --- filters --- */

static bool
check_filter(
    struct doctor_facts *f, enum own_daemon daemon, struct finding_list *out)
{
	const struct cf_filter *x = filter_of(f, daemon);
	const char *name = own_daemon_names[daemon];
	const char *right = "F=T, T=C:5s;S:30s;R:30s;E:5m";
	bool ok = true;

	if (x == NULL)
		return true;
	if (!has_name(f->cf->input_filters, arena_copy(f->arena, x->name).p)) {
		ok = false;
		findings_add(out, FINDING_FAIL, "sendmail doesn't call it",
		    MF_TEXT("use INPUT_MAIL_FILTER in sendmail.mc, or name it "
			    "in confINPUT_MAIL_FILTERS"),
		    "%s isn't in InputMailFilters", name);
	}
	if (!text_eq_fold(x->flags, MF_TEXT("T"))) {
		ok = false;
		findings_add(out, FINDING_FAIL,
		    "while the filter is down, sendmail skips it, or rejects "
		    "mail for good",
		    findings_text(out,
			"INPUT_MAIL_FILTER(`%.*s', `S=%.*s, %s')",
			TEXT_ARGS(x->name), TEXT_ARGS(x->socket), right),
		    "%s: F=%.*s", name, TEXT_ARGS(x->flags));
	}
	if (cf_timeout(x->timeouts, 'S', FILTER_DEFAULT) < FILTER_SEC_MIN ||
	    cf_timeout(x->timeouts, 'R', FILTER_DEFAULT) < FILTER_SEC_MIN) {
		ok = false;
		findings_add(out, FINDING_FAIL,
		    "the filter may take 20 seconds: sendmail gives up "
		    "earlier, and skips it",
		    findings_text(out,
			"INPUT_MAIL_FILTER(`%.*s', `S=%.*s, %s')",
			TEXT_ARGS(x->name), TEXT_ARGS(x->socket), right),
		    "%s: T=%.*s", name, TEXT_ARGS(x->timeouts));
	}
	return ok;
}

static bool
check_order(struct doctor_facts *f, struct finding_list *out)
{
	const struct cf_filter *spf = filter_of(f, OWN_SPFMILTER);
	struct mf_text first, rest = f->cf->input_filters;

	if (spf == NULL || !site_next_item(&rest, &first) ||
	    mf_text_eq(first, spf->name))
		return true;
	findings_add(out, FINDING_FAIL,
	    "spfmilter must run before other filters: it takes their "
	    "Authentication-Results for forged ones, and removes them",
	    MF_TEXT("put the line of spfmilter before those of other filters"),
	    "InputMailFilters = %.*s", TEXT_ARGS(f->cf->input_filters));
	return false;
}

/* srsmilter alone: sendmail has to take its recipients for users. */
static bool
check_virtusers(struct doctor_facts *f, struct finding_list *out)
{
	struct mf_text text;
	const char *key = arena_printf(f->arena, "@%s", f->own.srs_domain).p;

	if (filter_of(f, OWN_SRSMILTER) == NULL || f->cf->has_make_srs_rule ||
	    f->cf->virtusertable.len == 0 ||
	    !f->tables.contents(&f->tables,
		arena_copy(f->arena, f->cf->virtusertable).p, &text) ||
	    contains(text, key))
		return true;
	findings_add(out, FINDING_FAIL,
	    "sendmail rejects bounces with 550 5.1.1 before srsmilter sees "
	    "them",
	    findings_text(out,
		"%s	srs-bounce in virtusertable, srs-bounce: postmaster "
		"in aliases; makemap, newaliases",
		key),
	    "%.*s has no %s", TEXT_ARGS(f->cf->virtusertable), key);
	return false;
}

static bool
check_mode(struct doctor_facts *f, struct finding_list *out)
{
	enum rewrite_mode mode = (enum rewrite_mode)f->own.srsmilter.rewrite;

	if (filter_of(f, OWN_SRSMILTER) == NULL ||
	    mode == REWRITE_REMOTE_MAILER || mode == REWRITE_ALL ||
	    (f->cf->has_make_srs_rule && only_verifies_rrs(f)))
		return true;
	findings_add(out, FINDING_WARN,
	    "sendmail tells a filter the mailer of a recipient: by the domain "
	    "alone, what virtusertable forwards isn't recognised",
	    MF_TEXT("rewrite = remote_mailer in [srsmilter]"),
	    "rewrite = %s in [srsmilter]", rewrite_mode_names[mode]);
	return false;
}

void
check_cf_filters(struct doctor_facts *f, struct finding_list *out)
{
	bool ok = check_filter(f, OWN_SRSMILTER, out);

	ok = check_filter(f, OWN_SPFMILTER, out) && ok;
	ok = check_order(f, out) && ok;
	ok = check_virtusers(f, out) && ok;
	ok = check_mode(f, out) && ok;
	if (own_has_section(&f->own, OWN_SPFMILTER) &&
	    filter_of(f, OWN_SPFMILTER) == NULL && !f->has_postfix) {
		ok = false;
		findings_add(out, FINDING_WARN,
		    "mailfrom.conf has a section [spfmilter]: nobody calls it",
		    MF_TEXT("mailfrom setup prints the line for sendmail.mc"),
		    "spfmilter isn't in %s", f->cf->path);
	}
	if (ok && f->cf->filter_count != 0)
		findings_ok(out, "InputMailFilters = %.*s",
		    TEXT_ARGS(f->cf->input_filters));
}
