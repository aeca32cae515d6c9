/* SPDX-License-Identifier: ISC */
/*
 * Keys that lookup.c never makes.
 */
#include "access/lint_key.h"
#include "access/lookup.h"
#include <mailfrom/spf.h>

#define RESULTS(prefix)                                                \
	prefix "none", prefix "neutral", prefix "pass", prefix "fail", \
	    prefix "softfail", prefix "temperror", prefix "permerror"

const char *const lint_tags_[] = {RESULTS("spf-"), RESULTS("srs-"),
    RESULTS("null-"), RESULTS("helo-"), "smtp-auth", "spf-to", "spam",
    "dkim-pass", NULL};

/* The first tag of each kind, and what goes on until the next. */
static const struct {
	unsigned from;
	enum lint_key_kind kind;
} kinds[] = {{0, LINT_SENDER}, {14, LINT_NULL}, {21, LINT_HELO},
    {28, LINT_AUTH}, {29, LINT_RCPT}, {30, LINT_SPAM}, {31, LINT_DKIM}};

bool
lint_key_parse_(struct mf_text key, struct lint_key *out)
{
	size_t colon = text_find(key, ':');

	*out = (struct lint_key){.key = key,
	    .tag = text_head(key, colon),
	    .subject = text_from(key, colon + 1),
	    .has_colon = colon != key.len};
	while (lint_tags_[out->number] != NULL &&
	    !mf_text_eq(out->tag, mf_text_of(lint_tags_[out->number])))
		out->number++;
	if (out->number == LINT_TAGS)
		return false;
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (out->number >= kinds[i].from)
			out->kind = kinds[i].kind;
	return true;
}

/* --- domains --- */

static bool
is_name_octet(char c)
{
	return (c >= 'a' && c <= 'z') || ascii_is_digit(c) || c == '-' ||
	    c == '_';
}

/* Labels of 1 to 63 octets that host names have, "_" besides. */
static bool
is_name(struct mf_text t)
{
	struct mf_text label;

	if (t.len > SPF_NAME_MAX)
		return false;
	for (bool more = true; more;) {
		more = text_cut(&t, '.', &label);
		if (!more)
			label = t;
		if (label.len == 0 || label.len > 63)
			return false;
		for (size_t i = 0; i < label.len; i++)
			if (!is_name_octet(label.p[i]))
				return false;
	}
	return true;
}

/* Octets that addresses and networks are made of. */
static bool
is_numeric(struct mf_text t)
{
	bool has_digit = false;

	for (size_t i = 0; i < t.len; i++) {
		if (ascii_is_digit(t.p[i]))
			has_digit = true;
		else if (memchr("./:*", t.p[i], 4) == NULL)
			return false;
	}
	return has_digit;
}

static const char *
domain_problem(enum lint_key_kind kind, struct mf_text t)
{
	struct spf_ip ip;

	if (t.len > 1 && t.p[t.len - 1] == '.')
		return "domains are looked up without a dot at the end";
	if (t.len > 1 && t.p[0] == '[' && t.p[t.len - 1] == ']')
		return NULL;
	if (!text_is_ascii(t))
		return kind == LINT_HELO || kind == LINT_AUTH ||
			kind == LINT_RCPT
		    ? NULL
		    : "domains are looked up as A-labels (xn--...)";
	if (is_numeric(t) || spf_ip_parse(t, &ip))
		return kind == LINT_HELO
		    ? NULL
		    : "what is looked up is a domain, not the client's "
		      "address";
	if (text_starts(t, MF_TEXT("*.")))
		return "all names below a domain are written as .domain";
	if (!is_name(t))
		return "this is no domain name";
	return NULL;
}

/* --- keys --- */

static bool
has_detail(struct mf_text local)
{
	size_t plus = text_find(local, '+');

	return plus != 0 && plus != local.len && local.p[0] != '"';
}

static const char *
address_problem(
    const struct lint_key *k, struct mf_text local, struct mf_text domain)
{
	if (k->kind == LINT_HELO)
		return "a HELO name has no \"@\"";
	if (k->kind == LINT_DKIM)
		return "what is looked up is the domain of a signature (d=), "
		       "not an address";
	if (local.len == 0)
		return domain.len == 0
		    ? "there is nothing before the \"@\""
		    : "a domain is looked up without \"@\" before it";
	if (k->kind == LINT_NULL && !mf_text_eq(local, MF_TEXT("postmaster")))
		return "the null sender is looked up as postmaster at the "
		       "HELO name";
	if (domain.len == 0)
		return k->kind != LINT_SPAM && has_detail(local)
		    ? "user@ is looked up without the user's +detail"
		    : NULL;
	if (domain.p[0] == '.' || domain.p[0] == '*')
		return "an address is looked up with its whole domain only";
	return domain_problem(k->kind, domain);
}

const char *
lint_key_problem_(const struct lint_key *k)
{
	struct mf_text t = k->subject;
	size_t at = text_rfind(t, '@');

	if (k->key.len > LOOKUP_KEY_SIZE)
		return "keys of more than 1024 octets aren't looked up";
	if (t.len == 0)
		return k->kind == LINT_SPAM
		    ? "Spam: is looked up with a recipient only"
		    : NULL;
	if (k->kind == LINT_SENDER && mf_text_eq(t, MF_TEXT("<>")))
		return "the null sender has tags of its own, null-fail and "
		       "so on";
	if (t.p[0] == '<' || t.p[t.len - 1] == '>')
		return "addresses are looked up without angle brackets";
	if (k->kind == LINT_DKIM && text_find(t, '.') == t.len)
		return "a signature of a top-level domain never counts";
	if (at != t.len)
		return address_problem(
		    k, text_head(t, at), text_from(t, at + 1));
	if (t.p[0] != '.')
		return domain_problem(k->kind, t);
	if (k->kind == LINT_SPAM)
		return "Spam: is looked up with parent domains without a dot";
	t = text_from(t, 1);
	if (t.len > 1 && t.p[0] == '[')
		return "an address has no parent domain";
	return t.len == 0 ? "this is no domain name"
			  : domain_problem(k->kind, t);
}

const char *
lint_key_doubt_(const struct lint_key *k)
{
	struct mf_text t = k->subject;

	if (t.len == 0 || k->kind == LINT_SPAM)
		return NULL;
	if (text_find(t, '*') != t.len)
		return "there are no patterns here: * stands for itself";
	if (k->kind == LINT_HELO || k->kind == LINT_NULL ||
	    mf_text_eq(t, MF_TEXT("localhost")) || text_find(t, '.') != t.len ||
	    text_find(t, '@') != t.len || t.p[0] == '[')
		return NULL;
	return "this is a domain of one label; a local part is written as "
	       "user@";
}
