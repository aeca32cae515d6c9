/* SPDX-License-Identifier: ISC */
/*
 * What spf-engine rejects, as an access file (see its _get_resultcodes()): the
 * two reject keys choose results for their identity, the global ones add errors,
 * and a domain of Reject_Not_Pass_Domains has SPF_Not_Pass for both.
 */
#include "tools/mailfrom/convert_spf_engine.h"

#include "common/similar.h"

/* Values of HELO_reject and Mail_From_reject; only HELO_reject has Null. */
static const char *const rejects[] = {
    "SPF_Not_Pass", "Softfail", "Fail", "Null", "False", "No_Check", NULL};
enum reject {
	REJECT_NOT_PASS,
	REJECT_SOFTFAIL,
	REJECT_FAIL,
	REJECT_NULL,
	REJECT_NOTHING,
	NO_CHECK,
	NO_REJECT /* a value that is none: nothing is rejected there either */
};

static enum reject
reject_of(const struct conversion *c, const char *key)
{
	struct mf_text value = convert_value(c, key, MF_TEXT("Fail"));
	bool is_helo = strcmp(key, "HELO_reject") == 0;

	for (int i = 0; rejects[i] != NULL; i++)
		if (mf_text_eq(value, mf_text_of(rejects[i])) &&
		    (i != REJECT_NULL || is_helo))
			return (enum reject)i;
	return NO_REJECT;
}

static bool
is_true(const struct conversion *c, const char *key)
{
	return mf_text_eq(
	    convert_value(c, key, MF_TEXT("False")), MF_TEXT("True"));
}

/* --- rules --- */

void
convert_engine_reject(struct conversion *c, const struct convert_rule *rule,
    const struct convert_entry *e)
{
	bool is_helo = strcmp(rule->theirs, "HELO_reject") == 0;
	enum reject reject = reject_of(c, rule->theirs);
	const char *meant = similar_word(e->value, rejects);

	if (reject == NO_REJECT) {
		convert_fail(c, e,
		    "not a value that it can have: \"%.*s\"%s%s%s; nothing is "
		    "rejected then, there and here",
		    (int)text_head(e->value, 80).len, e->value.p,
		    meant != NULL ? "; did you mean \"" : "",
		    meant != NULL ? meant : "", meant != NULL ? "\"?" : "");
		return;
	}
	convert_tell(c, e, is_helo ? CONVERT_OTHER : CONVERT_SAME, NULL, "%s%s",
	    is_helo ? "helo- and null- entries of the access file, which count "
		      "unless MAIL FROM passes or is a temperror"
		    : "spf- entries of the access file",
	    reject == NO_CHECK ? "; it is checked all the same, for the fields"
			       : "");
}

void
convert_engine_switch(struct conversion *c, const struct convert_rule *rule,
    const struct convert_entry *e)
{
	(void)rule;
	if (!mf_text_eq(e->value, MF_TEXT("True")) &&
	    !mf_text_eq(e->value, MF_TEXT("False")))
		convert_fail(c, e,
		    "neither True nor False: \"%.*s\", which is False there "
		    "and here",
		    (int)text_head(e->value, 80).len, e->value.p);
	else
		convert_tell(
		    c, e, CONVERT_SAME, NULL, "entries of the access file");
}

void
convert_engine_no_mail(struct conversion *c, const struct convert_rule *rule,
    const struct convert_entry *e)
{
	(void)rule;
	if (!is_true(c, "No_Mail")) {
		convert_same(c, e, NULL);
		return;
	}
	convert_fail(c, e,
	    "a domain whose record is \"v=spf1 -all\" can't be told from others "
	    "that fail: so nothing is rejected for them; see the access file");
}

/* A text without the parts that only the old software can fill in. */
static bool
is_constant(struct mf_text text)
{
	struct mf_text rest = text, part;

	while (text_cut(&rest, '{', &part))
		if (!text_starts(rest, MF_TEXT("rejectdefer}")))
			return false;
	return text.len != 0;
}

void
convert_engine_reason(struct conversion *c, const struct convert_rule *rule,
    const struct convert_entry *e)
{
	(void)rule;
	if (is_constant(e->value))
		convert_tell(
		    c, e, CONVERT_SAME, NULL, "the text in the access file");
	else
		convert_tell(c, e, CONVERT_CANNOT, NULL,
		    "a text of the access file has no variables; the reply "
		    "names result, domain and client");
}

/* --- the policy --- */

/* "REJECT 5.7.23 text", with the words of Reason_Message if they are constant. */
static const char *
reply(
    struct conversion *c, const char *verb, const char *code, const char *says)
{
	struct mf_text rest =
	    convert_value(c, "Reason_Message", MF_TEXT("{spf}"));
	char text[400];
	struct text_out out = text_out(text, sizeof(text) - 1);
	struct mf_text part;

	out_str(&out, verb);
	out_char(&out, ' ');
	out_str(&out, code);
	if (is_constant(rest)) {
		out_char(&out, ' ');
		while (text_cut(&rest, '{', &part)) {
			out_text(&out, part);
			out_str(&out, says);
			rest = text_from(rest, strlen("rejectdefer}"));
		}
		out_text(&out, rest);
	}
	return arena_copy(c->file->arena, out_view(&out)).p;
}

struct replies {
	const char *reject, *permerror, *temperror;
};

static struct replies
replies(struct conversion *c)
{
	bool enhanced = !mf_text_eq(
	    convert_value(c, "SPF_Enhanced_Status_Codes", MF_TEXT("Yes")),
	    MF_TEXT("No"));

	return (struct replies){.reject = reply(c, "REJECT",
				    enhanced ? "5.7.23" : "5.7.1", "rejected"),
	    .permerror =
		reply(c, "REJECT", enhanced ? "5.7.24" : "5.7.1", "rejected"),
	    .temperror = reply(
		c, "TEMPFAIL", enhanced ? "4.7.24" : "4.7.1", "deferred")};
}

/* What a value of HELO_reject or Mail_From_reject does to each result. */
static struct convert_policy
policy_of(struct conversion *c, enum reject reject)
{
	struct convert_policy p = {.fail = NULL};
	struct replies r = replies(c);

	if (reject == REJECT_NOTHING || reject == NO_CHECK)
		return p;
	if (is_true(c, "PermError_reject"))
		p.permerror = r.permerror;
	if (is_true(c, "TempError_Defer"))
		p.temperror = r.temperror;
	if (reject == NO_REJECT || is_true(c, "No_Mail"))
		return p;
	p.fail = r.reject;
	if (reject == REJECT_SOFTFAIL || reject == REJECT_NOT_PASS)
		p.softfail = r.reject;
	if (reject == REJECT_NOT_PASS)
		p.neutral = r.reject;
	return p;
}

/* Reject_Not_Pass_Domains, for an identity that is checked. */
static void
allow_domains(struct conversion *c, const char *identity, enum reject reject,
    const struct convert_policy *of_all)
{
	struct mf_text rest = convert_value(
			   c, "Reject_Not_Pass_Domains", MF_TEXT("")),
		       domain;
	struct convert_policy p = policy_of(c, REJECT_NOT_PASS);

	if (reject == NO_CHECK)
		return;
	while (convert_next_item(&rest, ", \t", &domain))
		convert_allow_domain(c, identity, domain, &p, of_all);
}

void
convert_engine_policy(struct conversion *c)
{
	enum reject helo = reject_of(c, "HELO_reject");
	enum reject mailfrom = reject_of(c, "Mail_From_reject");
	struct convert_policy spf = policy_of(c, mailfrom);
	struct convert_policy null = policy_of(c, helo);
	struct convert_policy nothing = {.fail = NULL};

	convert_allow_policy(c, "spf", &spf);
	allow_domains(c, "spf", mailfrom, &spf);
	/* The null sender has the policy of its HELO name. */
	convert_allow_policy(c, "null", &null);
	allow_domains(c, "null", helo, &null);
	convert_allow_policy(c, "helo", helo == REJECT_NULL ? &nothing : &null);
	if (helo != REJECT_NULL)
		allow_domains(c, "helo", helo, &null);
	convert_set_access(c);
}
