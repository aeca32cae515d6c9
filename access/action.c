/* SPDX-License-Identifier: ISC */
#include "access/action.h"

#define CODE_LEN    3
#define UNLESS_DKIM "UNLESS-DKIM"

static const char *const verb_texts[] = {
    [ACTION_OK] = "OK",
    [ACTION_WHITELIST] = "WHITELIST",
    [ACTION_SKIP] = "SKIP",
    [ACTION_REJECT] = "REJECT",
    [ACTION_TEMPFAIL] = "TEMPFAIL",
    [ACTION_DISCARD] = "DISCARD",
    [ACTION_QUARANTINE] = "QUARANTINE",
    [ACTION_ERROR] = "ERROR",
};

const char *const action_words[] = {"OK", "RELAY", "WHITELIST", "SKIP", "DUNNO",
    "REJECT", "TEMPFAIL", "DEFER", "DISCARD", "QUARANTINE", "HOLD", "ERROR",
    UNLESS_DKIM, NULL};

/* What they stand for, in the same order, but the prefix. */
static const enum action_verb word_verbs[] = {ACTION_OK, ACTION_OK,
    ACTION_WHITELIST, ACTION_SKIP, ACTION_SKIP, ACTION_REJECT, ACTION_TEMPFAIL,
    ACTION_TEMPFAIL, ACTION_DISCARD, ACTION_QUARANTINE, ACTION_QUARANTINE,
    ACTION_ERROR};

_Static_assert(sizeof(action_words) / sizeof(action_words[0]) ==
	sizeof(word_verbs) / sizeof(word_verbs[0]) + 2,
    "a verb for each word");

#define POSTFIX_OWN "this is an action of Postfix's own tables, not of this one"

static const struct {
	const char *name, *problem;
} unsupported[] = {
    {"CBV",
	"there is no CBV here: asking the sender's host whether the address "
	"exists bothers hosts whose names were forged"},
    {"DSN",
	"there is no DSN here: mail about a result that isn't a pass goes to "
	"those whose addresses were forged"},
    {"BAN",
	"there is no BAN here: a client is refused by the MTA's own lists, not "
	"by what it once sent"},
    {"BCC", POSTFIX_OWN},
    {"DEFER_IF_PERMIT", POSTFIX_OWN},
    {"DEFER_IF_REJECT", POSTFIX_OWN},
    {"FILTER", POSTFIX_OWN},
    {"INFO", POSTFIX_OWN},
    {"PREPEND", POSTFIX_OWN},
    {"REDIRECT", POSTFIX_OWN},
    {"WARN", POSTFIX_OWN},
};

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

const char *
action_text(enum action_verb verb)
{
	return verb_texts[verb];
}

/* --- pieces of a value --- */

/* Without blanks at the ends, nor quotes around the whole. */
static struct mf_text
bare(struct mf_text t)
{
	t = text_trim(t);
	if (text_count(t, '"') == 2 && t.p[0] == '"' && t.p[t.len - 1] == '"')
		t = text_trim(mf_text_at(t.p + 1, t.len - 2));
	return t;
}

/* Octets before the first blank or colon. */
static size_t
word_len(struct mf_text t)
{
	size_t len = 0;

	while (len < t.len && t.p[len] != ':' && !ascii_is_blank(t.p[len]))
		len++;
	return len;
}

/* Cut the first word off *t, with what separates it from the rest. */
static struct mf_text
take_word(struct mf_text *t)
{
	struct mf_text word = text_head(*t, word_len(*t));

	*t = bare(text_from(*t, word.len + 1));
	return word;
}

static bool
is_reply_code(struct mf_text word)
{
	uint64_t n;

	return word.len == CODE_LEN && text_uint(word, 999, &n);
}

/* Digits and dots, as if it were an enhanced code. */
static bool
is_dotted(struct mf_text word)
{
	for (size_t i = 0; i < word.len; i++)
		if (!ascii_is_digit(word.p[i]) && word.p[i] != '.')
			return false;
	return text_find(word, '.') != word.len;
}

/* D.S.N (RFC 3463 2): class 2, 4 or 5, then twice one to three digits. */
static bool
is_enhanced_code(struct mf_text word)
{
	struct mf_text digit = {NULL, 0}, subject = {NULL, 0};
	uint64_t n;

	return text_cut(&word, '.', &digit) && text_cut(&word, '.', &subject) &&
	    digit.len == 1 && memchr("245", digit.p[0], 3) != NULL &&
	    subject.len <= 3 && text_uint(subject, 999, &n) && word.len <= 3 &&
	    text_uint(word, 999, &n);
}

/* Take D.S.N from the start of *t, if it stands there and dsn has no other. */
static void
take_enhanced_code(struct mf_text *t, struct mf_text *dsn)
{
	struct mf_text word = text_head(*t, word_len(*t));

	if (!is_enhanced_code(word) ||
	    (dsn->len != 0 && !mf_text_eq(*dsn, word)))
		return;
	*dsn = take_word(t);
}

/* --- values --- */

/* Drop an enhanced code that isn't of this class: clients would be misled. */
static enum action_status
settle(char class, struct action *out)
{
	if (out->dsn.len == 0 || out->dsn.p[0] == class)
		return ACTION_VALID;
	out->dsn = MF_TEXT("");
	return ACTION_CORRECTED;
}

/* "### D.S.N text", where each part may be missing but not all of them. */
static enum action_status
parse_reply(struct mf_text t, struct action *out)
{
	uint64_t code = text_starts(out->dsn, MF_TEXT("4")) ? 451 : 550;

	if (is_reply_code(text_head(t, word_len(t)))) {
		text_uint(take_word(&t), 999, &code);
		if (code < 400 || code > 599)
			return ACTION_BAD_CODE;
		take_enhanced_code(&t, &out->dsn);
	} else if (out->dsn.len == 0 && t.len == 0)
		return ACTION_BAD_CODE;
	out->verb = ACTION_ERROR;
	out->code = (unsigned)code;
	out->text = t;
	return settle(code < 500 ? '4' : '5', out);
}

/* What stands behind "ERROR:". */
static enum action_status
parse_error(struct mf_text t, struct action *out)
{
	if (is_dotted(text_head(t, word_len(t)))) {
		out->dsn = take_word(&t);
		if (!is_enhanced_code(out->dsn) || out->dsn.p[0] == '2')
			return ACTION_BAD_CODE;
	}
	return parse_reply(t, out);
}

static enum action_status
parse_rest(enum action_verb verb, struct mf_text t, struct action *out)
{
	out->verb = verb;
	switch (verb) {
	case ACTION_REJECT:
	case ACTION_TEMPFAIL:
		take_enhanced_code(&t, &out->dsn);
		out->text = t;
		return settle(verb == ACTION_REJECT ? '5' : '4', out);
	case ACTION_ERROR:
		return parse_error(t, out);
	case ACTION_OK:
	case ACTION_WHITELIST:
	case ACTION_SKIP:
	case ACTION_DISCARD:
	case ACTION_QUARANTINE:
		out->text = t;
		return ACTION_VALID;
	}
	return ACTION_UNKNOWN;
}

/* Why word is somebody else's; NULL: it isn't known. */
static const char *
find_unsupported(struct mf_text word)
{
	for (size_t i = 0; i < COUNT(unsupported); i++)
		if (text_eq_fold(word, mf_text_of(unsupported[i].name)))
			return unsupported[i].problem;
	return NULL;
}

static enum action_status
parse(struct mf_text t, struct action *out)
{
	struct mf_text word = text_head(t, word_len(t));

	if (is_reply_code(word))
		return parse_reply(t, out);
	for (size_t i = 0; i < COUNT(word_verbs); i++)
		if (text_eq_fold(word, mf_text_of(action_words[i]))) {
			take_word(&t);
			return parse_rest(word_verbs[i], t, out);
		}
	return find_unsupported(word) != NULL ? ACTION_UNSUPPORTED
					      : ACTION_UNKNOWN;
}

static bool
accepts(enum action_verb verb)
{
	return verb == ACTION_OK || verb == ACTION_WHITELIST ||
	    verb == ACTION_SKIP;
}

/* What stands behind UNLESS-DKIM; alone it leaves the action open, as SKIP. */
static enum action_status
parse_unless(struct mf_text t, struct action *out)
{
	enum action_status status = ACTION_VALID;

	if (t.len != 0)
		status = parse(t, out);
	out->unless_dkim = true;
	return t.len != 0 && action_is_understood(status) && accepts(out->verb)
	    ? ACTION_BAD_UNLESS
	    : status;
}

enum action_status
action_parse(struct mf_text value, struct action *out)
{
	struct action action = {.verb = ACTION_SKIP};
	struct mf_text t = bare(value), rest = t;
	bool unless = text_eq_fold(take_word(&rest), MF_TEXT(UNLESS_DKIM));
	enum action_status status =
	    unless ? parse_unless(rest, &action) : parse(t, &action);

	if (action_is_understood(status))
		*out = action;
	return status;
}

const char *
action_problem(enum action_status status, struct mf_text value)
{
	const char *problem;

	switch (status) {
	case ACTION_VALID:
		return NULL;
	case ACTION_CORRECTED:
		return "the enhanced code is of another class than the "
		       "refusal, and isn't used";
	case ACTION_UNKNOWN:
		return "there is no such action";
	case ACTION_UNSUPPORTED:
		value = bare(value);
		if (text_eq_fold(text_head(value, word_len(value)),
			MF_TEXT(UNLESS_DKIM)))
			take_word(&value);
		problem = find_unsupported(text_head(value, word_len(value)));
		return problem != NULL ? problem : "there is no such action";
	case ACTION_BAD_UNLESS:
		return "UNLESS-DKIM stands before an action that doesn't "
		       "accept, such as REJECT, or alone";
	case ACTION_BAD_CODE:
		return "a refusal has a reply code from 400 to 599, and an "
		       "enhanced code 4.x.x or 5.x.x if any";
	}
	return NULL;
}
