/* SPDX-License-Identifier: ISC */
/*
 * Names of results and the like, and of domains.
 */
#include "libdkim/dkim_.h"

static const struct {
	enum dkim_result result;
	const char *text;
} reasons[DKIM_REASON_COUNT] = {
    [DKIM_REASON_VERIFIED] = {DKIM_PASS, "verified"},
    [DKIM_REASON_TAGS] = {DKIM_NEUTRAL, "the tags are malformed"},
    [DKIM_REASON_TAG_TWICE] = {DKIM_NEUTRAL, "a tag occurs twice"},
    [DKIM_REASON_TAG_MISSING] = {DKIM_NEUTRAL,
	"one of v=, a=, b=, bh=, d=, h=, s= is missing"},
    [DKIM_REASON_VERSION] = {DKIM_NEUTRAL, "v= is not 1"},
    [DKIM_REASON_ALGORITHM] = {DKIM_NEUTRAL, "unknown algorithm in a="},
    [DKIM_REASON_CANON] = {DKIM_NEUTRAL, "unknown canonicalization in c="},
    [DKIM_REASON_BASE64] = {DKIM_NEUTRAL, "b= or bh= is malformed"},
    [DKIM_REASON_DOMAIN] = {DKIM_NEUTRAL, "d= is not a domain name"},
    [DKIM_REASON_SELECTOR] = {DKIM_NEUTRAL, "s= is not a selector"},
    [DKIM_REASON_IDENTITY] = {DKIM_NEUTRAL,
	"i= is malformed or outside the domain in d="},
    [DKIM_REASON_HEADERS] = {DKIM_NEUTRAL, "h= is malformed"},
    [DKIM_REASON_LENGTH] = {DKIM_NEUTRAL, "l= is not a number"},
    [DKIM_REASON_QUERY] = {DKIM_NEUTRAL, "q= lacks dns/txt"},
    [DKIM_REASON_TIMES] = {DKIM_NEUTRAL,
	"t= or x= is malformed, or x= is not after t="},
    [DKIM_REASON_TOO_LARGE] = {DKIM_NEUTRAL,
	"the signature or the header is too large"},
    [DKIM_REASON_FROM] = {DKIM_PERMERROR, "From is not signed"},
    [DKIM_REASON_NO_KEY] = {DKIM_PERMERROR, "no key"},
    [DKIM_REASON_KEYS] = {DKIM_PERMERROR, "several TXT records for the key"},
    [DKIM_REASON_KEY_SYNTAX] = {DKIM_PERMERROR, "malformed key record"},
    [DKIM_REASON_KEY_REVOKED] = {DKIM_PERMERROR, "key revoked"},
    [DKIM_REASON_KEY_TYPE] = {DKIM_PERMERROR,
	"the key is of another type than a="},
    [DKIM_REASON_KEY_HASH] = {DKIM_PERMERROR,
	"the key does not allow the hash algorithm"},
    [DKIM_REASON_KEY_SERVICE] = {DKIM_PERMERROR, "the key is not for mail"},
    [DKIM_REASON_KEY_STRICT] = {DKIM_PERMERROR,
	"the key does not allow subdomains in i="},
    [DKIM_REASON_KEY_DATA] = {DKIM_PERMERROR, "p= is not a usable key"},
    [DKIM_REASON_SHA1] = {DKIM_POLICY, "rsa-sha1 is obsolete"},
    [DKIM_REASON_KEY_SHORT] = {DKIM_POLICY, "key too short"},
    [DKIM_REASON_KEY_LONG] = {DKIM_POLICY, "key too long"},
    [DKIM_REASON_EXPIRED] = {DKIM_POLICY, "signature expired"},
    [DKIM_REASON_KEY_UNKNOWN] = {DKIM_TEMPERROR, "key lookup failed"},
    [DKIM_REASON_BODY_SHORT] = {DKIM_FAIL, "l= exceeds the body"},
    [DKIM_REASON_BODY_HASH] = {DKIM_FAIL, "body hash did not verify"},
    [DKIM_REASON_SIGNATURE] = {DKIM_FAIL, "signature did not verify"},
};

const char *
dkim_reason_text(enum dkim_reason reason)
{
	return reasons[reason].text;
}

enum dkim_result
dkim_reason_result(enum dkim_reason reason)
{
	return reasons[reason].result;
}

const char *
dkim_result_text(enum dkim_result result)
{
	switch (result) {
	case DKIM_NONE:
		return "none";
	case DKIM_PASS:
		return "pass";
	case DKIM_FAIL:
		return "fail";
	case DKIM_POLICY:
		return "policy";
	case DKIM_NEUTRAL:
		return "neutral";
	case DKIM_TEMPERROR:
		return "temperror";
	case DKIM_PERMERROR:
		return "permerror";
	}
	return "?";
}

const char *
dkim_standing_text(enum dkim_standing standing)
{
	switch (standing) {
	case DKIM_COUNTS:
		return "counts";
	case DKIM_NOT_PASSED:
		return "it does not pass";
	case DKIM_PART_OF_BODY:
		return "l= leaves a part of the body unsigned";
	case DKIM_NOT_ONE_FROM:
		return "the message does not have exactly one From field";
	case DKIM_TESTING:
		return "the key is for testing only (t=y)";
	case DKIM_ONE_LABEL:
		return "d= is a top-level domain";
	}
	return "?";
}

const char *
dkim_algorithm_text(enum dkim_algorithm algorithm)
{
	switch (algorithm) {
	case DKIM_UNKNOWN_ALGORITHM:
		return "";
	case DKIM_RSA_SHA1:
		return "rsa-sha1";
	case DKIM_RSA_SHA256:
		return "rsa-sha256";
	case DKIM_ED25519_SHA256:
		return "ed25519-sha256";
	}
	return "?";
}

/* --- domains --- */

static bool
is_name_octet(char c)
{
	char lower = ascii_lower(c);

	return (lower >= 'a' && lower <= 'z') || ascii_is_digit(c) ||
	    c == '-' || c == '_';
}

bool
name_ok_(struct mf_text name)
{
	struct mf_text label;

	if (name.len > DKIM_NAME_MAX)
		return false;
	for (bool more = true; more;) {
		more = text_cut(&name, '.', &label);
		if (!more)
			label = name;
		if (label.len == 0 || label.len > 63)
			return false;
		for (size_t i = 0; i < label.len; i++)
			if (!is_name_octet(label.p[i]))
				return false;
	}
	return true;
}

bool
dkim_domain_covers(struct mf_text d, struct mf_text domain)
{
	if (domain.len != 0 && domain.p[domain.len - 1] == '.')
		domain.len--;
	if (d.len == 0 || !text_ends_fold(domain, d))
		return false;
	return domain.len == d.len || domain.p[domain.len - d.len - 1] == '.';
}
