/* SPDX-License-Identifier: ISC */
/*
 * What access maps are called, and which file is meant.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "access/map_name.h"
#include "access/readers.h"

struct type {
	const char *word;
	enum access_type type;
	const char *suffix; /* that writers add to a name without it */
};

static const struct type types[] = {
    {"text", ACCESS_TEXT, ""},
    {"texthash", ACCESS_TEXTHASH, ""},
    {"hash", ACCESS_BERKELEY, ".db"},
    {"btree", ACCESS_BERKELEY, ".db"},
    {"lmdb", ACCESS_LMDB, ".lmdb"},
    {"cdb", ACCESS_CDB, ".cdb"},
};

#define TYPES (sizeof(types) / sizeof(*types))

static const struct type *
find_type(struct mf_text word)
{
	for (size_t i = 0; i < TYPES; i++)
		if (text_eq_fold(word, mf_text_of(types[i].word)))
			return &types[i];
	return NULL;
}

/* Whether t reads like the name of a map's type, ours or not. */
static bool
is_word(struct mf_text t)
{
	for (size_t i = 0; i < t.len; i++) {
		char c = ascii_lower(t.p[i]);

		if (!ascii_is_digit(c) && (c < 'a' || c > 'z'))
			return false;
	}
	return t.len != 0;
}

/* Position of the first blank, or t.len. */
static size_t
find_blank(struct mf_text t)
{
	size_t at = 0;

	while (at < t.len && !ascii_is_blank(t.p[at]))
		at++;
	return at;
}

/* t behind the words with "-" that it begins with. */
static struct mf_text
skip_flags(struct mf_text t)
{
	t = text_trim(t);
	while (text_starts(t, MF_TEXT("-")))
		t = text_trim(text_from(t, find_blank(t)));
	return t;
}

/*
 * Cut "type:", or "type" and the flags that sendmail has there, off *text.
 * *type is NULL: it is a path alone.  False: it is a type that we don't read.
 */
static bool
cut_type(struct mf_text *text, const struct type **type)
{
	size_t colon = text_find(*text, ':'), blank = find_blank(*text);
	size_t end = colon < blank ? colon : blank;
	struct mf_text word = text_head(*text, end);

	*type = end < text->len ? find_type(word) : NULL;
	if (*type == NULL)
		return colon == text->len || end != colon || !is_word(word);
	*text = skip_flags(text_from(*text, end + 1));
	return true;
}

/* What can't be looked at is there: opening it will say why not. */
static bool
is_there(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 || (errno != ENOENT && errno != ENOTDIR);
}

/* path has room for any suffix.  The type by what is beside a bare path. */
static bool
find_beside(struct access_name *name, size_t len, struct report *report)
{
	const struct type *found = NULL;

	for (size_t i = 0; i < TYPES; i++) {
		if (types[i].suffix[0] == '\0' ||
		    (found != NULL && found->type == types[i].type))
			continue;
		snprintf(
		    name->path + len, sizeof(".lmdb"), "%s", types[i].suffix);
		if (!is_there(name->path))
			continue;
		if (found != NULL) {
			report_error(report, name->path, 0, NULL,
			    "and %.*s%s is there too: say which, as %s:%.*s "
			    "or %s:%.*s",
			    (int)len, name->path, found->suffix, found->word,
			    (int)len, name->path, types[i].word, (int)len,
			    name->path);
			return false;
		}
		found = &types[i];
	}
	name->path[len] = '\0';
	if (found == NULL)
		return true;
	name->type = found->type;
	name->is_bare = false;
	snprintf(name->path + len, sizeof(".lmdb"), "%s", found->suffix);
	return true;
}

/* Set the path to that of the file that is meant. */
static bool
find_file(struct access_name *name, const struct type *type,
    struct mf_text path, struct report *report)
{
	if (name->is_bare)
		return is_there(name->path) ||
		    find_beside(name, path.len, report);
	if (text_ends_fold(path, mf_text_of(type->suffix)))
		return true;
	/* Beside /etc/mail/access.db there is its source, without suffix. */
	snprintf(name->path + path.len, sizeof(".lmdb"), "%s", type->suffix);
	if (!is_there(name->path)) {
		name->path[path.len] = '\0';
		if (!is_there(name->path))
			snprintf(name->path + path.len, sizeof(".lmdb"), "%s",
			    type->suffix);
	}
	return true;
}

bool
access_name_(
    struct mf_text text, struct access_name *out, struct report *report)
{
	const struct type *type;
	struct mf_text path = text_trim(text);

	*out = (struct access_name){.path = NULL};
	if (!cut_type(&path, &type)) {
		report_error(report, NULL, 0, NULL,
		    "\"%.*s\": maps of this type can't be read; known are "
		    "text, texthash, hash, btree, lmdb and cdb",
		    (int)text_head(path, 256).len, path.p);
		return false;
	}
	if (path.len == 0 || memchr(path.p, '\0', path.len) != NULL) {
		report_error(report, NULL, 0, NULL,
		    "\"%.*s\": no path of an access file",
		    (int)text_head(text, 256).len, text.p);
		return false;
	}
	out->path = calloc(1, path.len + sizeof(".lmdb"));
	if (out->path == NULL) {
		report_error(report, NULL, 0, NULL, "%s", ACCESS_NO_MEMORY);
		return false;
	}
	memcpy(out->path, path.p, path.len);
	out->is_bare = type == NULL;
	if (type != NULL)
		out->type = type->type;
	if (find_file(out, type, path, report))
		return true;
	free(out->path);
	out->path = NULL;
	return false;
}

/* --- what a file is --- */

/* At octet 12 of a Berkeley DB hash or btree, in either order of octets. */
static const char berkeley_magics[][5] = {
    "\x61\x15\x06\x00", "\x00\x06\x15\x61", /* hash */
    "\x62\x31\x05\x00", "\x00\x05\x31\x62", /* btree */
};

bool
access_is_berkeley_(struct mf_text bytes)
{
	for (size_t i = 0;
	     i < sizeof(berkeley_magics) / sizeof(*berkeley_magics); i++)
		if (text_starts(text_from(bytes, 12),
			mf_text_at(berkeley_magics[i], 4)))
			return true;
	return false;
}

bool
access_is_lmdb_(struct mf_text bytes)
{
	/* Behind the header of its first page; in the machine's order. */
	static const uint32_t magic = 0xbeefc0de;

	return text_starts(text_from(bytes, sizeof(size_t) + 8),
	    mf_text_at((const char *)&magic, sizeof(magic)));
}

enum access_type
access_sniff_(const char *path, struct mf_text bytes)
{
	if (access_is_berkeley_(bytes))
		return ACCESS_BERKELEY;
	if (access_is_lmdb_(bytes))
		return ACCESS_LMDB;
	/* An empty or damaged one mustn't pass for a text without entries. */
	for (size_t i = 0; i < TYPES; i++)
		if (types[i].suffix[0] != '\0' &&
		    text_ends_fold(
			mf_text_of(path), mf_text_of(types[i].suffix)))
			return types[i].type;
	return ACCESS_TEXT;
}
