/* SPDX-License-Identifier: ISC */
#include "common/foreign_conf.h"

#include "common/legacy_conf.h"

static const struct {
	const char *word, *software, *file_name;
} kinds[FOREIGN_CONF_COUNT] = {
    [FOREIGN_CONF_NONE] = {"", "", ""},
    [FOREIGN_CONF_POSTSRSD1] = {"postsrsd1", "postsrsd 1.x", "postsrsd"},
    [FOREIGN_CONF_POSTSRSD2] = {"postsrsd2", "postsrsd 2.x", "postsrsd.conf"},
    [FOREIGN_CONF_POLICYD_SPF] = {"policyd-spf", "policyd-spf",
	"policyd-spf.conf"},
    [FOREIGN_CONF_PYSPF_MILTER] = {"pyspf-milter", "pyspf-milter",
	"pyspf-milter.conf"},
    [FOREIGN_CONF_SMF_SPF] = {"smf-spf", "smf-spf", "smf-spf.conf"},
};

/* Keys that only one of them has; no key of ours is among them. */
static const char *const of_postsrsd2[] = {"srs-domain", "domains",
    "domains-file", "secrets-file", "socketmap", "original-envelope",
    "hash-length", "hash-minimum", "unprivileged-user", "chroot-dir",
    "milter-rewrite-local", "envelope-database", "always-rewrite", NULL};
static const char *const of_spf_engine[] = {"debugLevel", "HELO_reject",
    "Mail_From_reject", "PermError_reject", "TempError_Defer", "skip_addresses",
    "TestOnly", "defaultSeedOnly", "Whitelist", "HELO_Whitelist",
    "Domain_Whitelist", "Domain_Whitelist_PTR", "Reject_Not_Pass_Domains",
    "Header_Type", "Authserv_Id", "Lookup_Time", "Void_Limit", NULL};
static const char *const of_pyspf_milter[] = {
    "Socket", "PidFile", "UserID", "UMask", "InternalHosts", "MacroList", NULL};
static const char *const of_smf_spf[] = {"WhitelistIP", "WhitelistIP6",
    "WhitelistPTR", "WhitelistFrom", "WhitelistTo", "RefuseFail", "TagSubject",
    "AddHeader", "QuarantineBox", "Daemonize", "AcceptTempError",
    "RefuseSPFNone", "SkipNDR", "SkipAuth", NULL};

const char *
foreign_conf_word(enum foreign_conf kind)
{
	return kinds[kind].word;
}

const char *
foreign_conf_software(enum foreign_conf kind)
{
	return kinds[kind].software;
}

/* --- a line --- */

static size_t
word_len(struct mf_text t)
{
	size_t len = 0;

	while (len < t.len &&
	    (ascii_is_digit(t.p[len]) ||
		(ascii_lower(t.p[len]) >= 'a' &&
		    ascii_lower(t.p[len]) <= 'z') ||
		memchr("_-.", t.p[len], 3) != NULL))
		len++;
	return len;
}

static bool
is_one_of(struct mf_text word, const char *const *words)
{
	for (; *words != NULL; words++)
		if (mf_text_eq(word, mf_text_of(*words)))
			return true;
	return false;
}

static bool
is_one_of_fold(struct mf_text word, const char *const *words)
{
	for (; *words != NULL; words++)
		if (text_eq_fold(word, mf_text_of(*words)))
			return true;
	return false;
}

static enum foreign_conf
kind_of_line(struct mf_text line)
{
	struct mf_text word, rest;
	bool is_spaced;

	if (text_starts(line, MF_TEXT("export ")))
		line = text_trim(text_from(line, 7));
	word = text_head(line, word_len(line));
	rest = text_trim(text_from(line, word.len));
	is_spaced = rest.len != line.len - word.len;
	if (text_starts(rest, MF_TEXT("+=")))
		rest = text_from(rest, 1);
	if (text_starts(rest, MF_TEXT("="))) {
		if (!is_spaced && text_starts(word, MF_TEXT("SRS_")))
			return FOREIGN_CONF_POSTSRSD1;
		if (is_one_of(word, of_postsrsd2))
			return FOREIGN_CONF_POSTSRSD2;
		if (is_one_of(word, of_spf_engine))
			return FOREIGN_CONF_POLICYD_SPF;
		if (is_one_of(word, of_pyspf_milter))
			return FOREIGN_CONF_PYSPF_MILTER;
	} else if (is_spaced && rest.len != 0 &&
	    is_one_of_fold(word, of_smf_spf))
		return FOREIGN_CONF_SMF_SPF;
	return FOREIGN_CONF_NONE;
}

/* "[" and a blank is a command of the shell. */
static bool
is_section(struct mf_text line)
{
	return line.len > 1 && line.p[0] == '[' && !ascii_is_blank(line.p[1]);
}

/* --- the file --- */

/* Lines of each kind.  False: it has a section. */
static bool
count_lines(struct mf_text bytes, unsigned counts[static FOREIGN_CONF_COUNT])
{
	while (bytes.len != 0) {
		struct mf_text line;

		if (!text_cut(&bytes, '\n', &line)) {
			line = bytes;
			bytes.len = 0;
		}
		line = text_trim(line);
		if (is_section(line))
			return false;
		counts[kind_of_line(line)]++;
	}
	return true;
}

static enum foreign_conf
kind_of_name(const char *path)
{
	for (int kind = 1; kind < FOREIGN_CONF_COUNT; kind++)
		if (legacy_conf_name_is(path, kinds[kind].file_name))
			return (enum foreign_conf)kind;
	return FOREIGN_CONF_NONE;
}

enum foreign_conf
foreign_conf_detect(const char *path, struct mf_text bytes)
{
	unsigned counts[FOREIGN_CONF_COUNT] = {0};
	enum foreign_conf best = kind_of_name(path);

	if (!count_lines(bytes, counts))
		return FOREIGN_CONF_NONE;
	/* Both have the keys of the one, and the other has more. */
	if (counts[FOREIGN_CONF_PYSPF_MILTER] != 0 ||
	    best == FOREIGN_CONF_PYSPF_MILTER) {
		counts[FOREIGN_CONF_PYSPF_MILTER] +=
		    counts[FOREIGN_CONF_POLICYD_SPF];
		counts[FOREIGN_CONF_POLICYD_SPF] = 0;
	}
	counts[FOREIGN_CONF_NONE] = 0;
	for (int kind = 1; kind < FOREIGN_CONF_COUNT; kind++)
		if (counts[kind] > counts[best])
			best = (enum foreign_conf)kind;
	return best;
}
