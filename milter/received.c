/* SPDX-License-Identifier: ISC */
/*
 * Received: from ... by ...
 *
 *	from HELO (NAME [IP])		sendmail, Postfix, Courier, Gmail
 *	from HELO ([IP])		the same, for a client without a name
 *	(from NAME [IP])		sendmail, for a client without a HELO
 *	from HELO (IP)			Exchange
 *	from NAME (HELO HELO) (IP)	qmail; also "(IDENT@IP)", "([IP])"
 *	from NAME ([IP] helo=HELO)	Exim
 *	from [IP] (helo=HELO)		Exim, for a client without a name
 *	from [IP]			the same, if HELO was that address
 *	from HELO [IP]			MDaemon and other old ones
 *
 * What the client says can look like any of these.  Most hosts refuse or
 * replace blanks and parentheses in it; Courier leaves parentheses as they are,
 * Exim blanks too where it was told to accept junk.  A client that gets another
 * address into the field can't take its own out, nor the "by" behind it:
 *
 *   - all addresses in the places above have to be the same one, and so has any
 *     that stands in brackets behind what is the client's, or at the end of a
 *     comment;
 *   - comments, quotes and angle brackets have to be closed, to the end of the
 *     field, and "by" has to be there once: else the host's own words could be
 *     hidden in a comment of the client's.
 *
 * Every octet is looked at a few times, whatever is in the field: what isn't
 * closed ends the reading, and comments in comments are skipped.
 *
 * Limits: where a relay accepts junk in HELO, clients can write fields that are
 * not believed; where it writes no address beside HELO, ones that are.
 */
#include "milter/received.h"

#include "common/text.h"

/* --- parts --- */

enum received_part {
	PART_END,
	PART_WORD,
	PART_COMMENT, /* the text is what is in it */
	PART_OTHER,   /* a quoted string, a path, ";" */
	PART_BAD      /* something isn't closed, or was never opened */
};

static bool
is_blank(char c)
{
	return ascii_is_blank(c) || c == '\r' || c == '\n';
}

/*
 * Length of what t begins with, up to the octet that closes it; 0: nothing
 * does. Comments nest, quoted strings and paths don't.
 */
static size_t
enclosed_len(struct mf_text t)
{
	char open = t.p[0];
	char close = open == '(' ? ')' : open == '<' ? '>' : '"';
	size_t depth = 1;

	for (size_t i = 1; i < t.len; i++) {
		char c = t.p[i];

		if (c == '\\')
			i++;
		else if (c == close && --depth == 0)
			return i + 1;
		else if (open == '(' && c == '(')
			depth++;
		else if (open == '<' && c == '"') {
			size_t len = enclosed_len(text_from(t, i));

			if (len == 0)
				return 0;
			i += len - 1;
		} else if (open == '<' && (c == '<' || is_blank(c)))
			return 0;
	}
	return 0;
}

/*
 * Take the next part off *t.  In a comment only parentheses and blanks mean
 * anything (RFC 5322 3.2.2).
 */
static enum received_part
next_part(struct mf_text *t, bool in_comment, struct mf_text *out)
{
	const char *ends = in_comment ? "( \t\r\n" : "()<>\"; \t\r\n";
	size_t len = 0;
	char c;

	*t = text_trim(*t);
	*out = text_head(*t, 0);
	if (t->len == 0)
		return PART_END;
	c = t->p[0];
	if (c == '(' || (!in_comment && (c == '<' || c == '"'))) {
		len = enclosed_len(*t);
		if (len == 0)
			return PART_BAD;
		*out = mf_text_at(t->p + 1, len - 2);
		*t = text_from(*t, len);
		return c == '(' ? PART_COMMENT : PART_OTHER;
	}
	while (len < t->len &&
	    (t->p[len] == '\0' || strchr(ends, t->p[len]) == NULL))
		len += t->p[len] == '\\' && !in_comment ? 2 : 1;
	if (len == 0 && c != ';')
		return PART_BAD; /* ")" or ">" */
	*out = text_head(*t, len != 0 ? len : 1);
	*t = text_from(*t, out->len);
	return len != 0 ? PART_WORD : PART_OTHER;
}

/* --- addresses --- */

enum form {
	FORM_NONE,
	FORM_BARE,     /* 192.0.2.1, user@192.0.2.1 */
	FORM_GLUED,    /* name[192.0.2.1], user@[192.0.2.1] */
	FORM_BRACKETED /* [192.0.2.1] */
};

static bool
is_port(struct mf_text t)
{
	uint64_t port;

	return text_uint(t, 65535, &port);
}

/* "IPv6:" before it (RFC 5321 4.1.3), a zone or port behind it are left out. */
static bool
read_ip(struct mf_text t, struct spf_ip *out)
{
	size_t colon = text_find(t, ':');

	if (text_starts_fold(t, MF_TEXT("IPv6:")))
		t = text_from(t, 5);
	else if (colon == text_rfind(t, ':') &&
	    is_port(text_from(t, colon + 1)))
		t = text_head(t, colon);
	if (text_find(t, ':') < t.len)
		t = text_head(t, text_find(t, '%'));
	return spf_ip_parse(t, out);
}

/* What is behind a user counts: users can have brackets in their names. */
static enum form
read_address(struct mf_text word, struct spf_ip *out)
{
	size_t at = text_rfind(word, '@'), open, close;
	struct mf_text host = at < word.len ? text_from(word, at + 1) : word,
		       behind;

	open = text_rfind(host, '[');
	if (open == host.len)
		return read_ip(host, out) ? FORM_BARE : FORM_NONE;
	close = text_rfind(host, ']');
	behind = text_from(host, close + 1);
	if (close < open || close == host.len ||
	    (behind.len != 0 &&
		(behind.p[0] != ':' || !is_port(text_from(behind, 1)))))
		return FORM_NONE;
	if (!read_ip(text_from(text_head(host, close), open + 1), out))
		return FORM_NONE;
	return at == word.len && open == 0 ? FORM_BRACKETED : FORM_GLUED;
}

/* Addresses found in places of a kind: all the same one, or in doubt. */
struct found {
	struct spf_ip ip;
	bool any;
	bool doubt;
};

static void
note(struct found *f, const struct spf_ip *ip)
{
	if (f->any && memcmp(&f->ip, ip, sizeof(*ip)) != 0)
		f->doubt = true;
	f->ip = *ip;
	f->any = true;
}

static void
note_all(struct found *f, const struct found *other)
{
	f->doubt = f->doubt || other->doubt;
	if (other->any)
		note(f, &other->ip);
}

/* --- the from clause --- */

struct clause {
	struct mf_text name; /* the first word: a HELO name or a host name */
	struct mf_text helo; /* what was said to be the HELO name */
	bool has_helo;       /* helo is set, if only to nothing */
	bool has_comments;
	bool has_claims; /* a comment with what the client says alone */
	bool malformed;
	struct found written; /* where hosts write the client's address */
	struct found doubted; /* where clients could have written one */
};

/* A comment while it is read. */
struct comment {
	unsigned words; /* before the address */
	bool claims;    /* what follows is the client's */
	bool address;   /* in brackets */
	struct found bare;
};

static void
set_helo(struct clause *c, struct mf_text helo)
{
	if (!c->has_helo)
		c->helo = helo;
	c->has_helo = true;
}

/* The next word of a comment; empty if there is none. */
static struct mf_text
take_word(struct mf_text *inside)
{
	struct mf_text word;

	if (next_part(inside, true, &word) != PART_WORD)
		word.len = 0;
	return word;
}

/* "HELO name", as qmail and others have it. */
static bool
is_helo_word(struct mf_text word)
{
	return text_eq_fold(word, MF_TEXT("HELO")) ||
	    text_eq_fold(word, MF_TEXT("EHLO")) ||
	    text_eq_fold(word, MF_TEXT("LHLO"));
}

/* "key=value": take the key off. */
static bool
cut_key(struct mf_text *word, struct mf_text *key)
{
	size_t len = text_find(*word, '=');

	for (size_t i = 0; i < len; i++) {
		char c = ascii_lower(word->p[i]);

		if ((c < 'a' || c > 'z') && c != '-' && c != '_')
			return false;
	}
	return len != 0 && text_cut(word, '=', key);
}

/* Those that Exim puts behind an address. */
static bool
is_exim_key(struct mf_text key)
{
	return text_eq_fold(key, MF_TEXT("helo")) ||
	    text_eq_fold(key, MF_TEXT("ident")) ||
	    text_eq_fold(key, MF_TEXT("port"));
}

/* An address that a client can have written, if another one is believed. */
static void
doubt(struct clause *c, const struct comment *m, const struct spf_ip *ip,
    struct mf_text behind)
{
	behind = text_trim(behind);
	if (m->address || m->bare.any || behind.len == 0 || behind.p[0] == '(')
		note(&c->doubted, ip);
}

/*
 * A word with an address; false: it has none, or none to count on.  One word
 * may be before the client's address, the name; CN and user names in other
 * comments have more.
 */
static bool
read_address_word(struct clause *c, struct comment *m, struct mf_text word,
    struct mf_text behind)
{
	struct spf_ip ip;
	enum form form = read_address(word, &ip);
	bool has_user = text_find(word, '@') < word.len;

	if (form == FORM_NONE)
		return false;
	if (form == FORM_BARE && m->words == 0 && !m->claims && !m->address) {
		note(&m->bare, &ip);
		return false;
	}
	if (form == FORM_BARE || m->claims || m->words > 1 ||
	    (has_user && m->words != 0)) {
		doubt(c, m, &ip, behind);
		return false;
	}
	note(&c->written, &ip);
	m->address = true;
	return true;
}

/*
 * A word that is the client's.  Another host's address could have come to stand
 * in its place, behind a name in the DNS that ends with "HELO".
 */
static void
doubt_word(struct clause *c, struct mf_text word)
{
	struct spf_ip ip;

	if (read_address(word, &ip) != FORM_NONE)
		note(&c->doubted, &ip);
}

static void
read_word(struct clause *c, struct comment *m, struct mf_text word,
    struct mf_text *behind)
{
	bool is_first = m->words == 0 && !m->address && !m->bare.any;
	struct mf_text key = MF_TEXT("helo");

	if (is_helo_word(word)) {
		word = take_word(behind);
		/* With a literal only where no address was before it. */
		if (c->written.any || !is_first)
			doubt_word(c, word);
	} else if (is_first && mf_text_eq(word, MF_TEXT("account"))) {
		doubt_word(c, take_word(behind)); /* CommuniGate's user */
		return;
	} else if (!cut_key(&word, &key)) {
		if (!read_address_word(c, m, word, *behind))
			m->words++;
		return;
	} else if (text_find(word, '@') < word.len)
		doubt_word(c, word); /* "(IDENT@address)" */
	/* At the front only: sendmail has "(authenticated bits=0)". */
	if (is_first && is_exim_key(key))
		c->has_claims = true;
	m->claims = true;
	if (text_eq_fold(key, MF_TEXT("helo")))
		set_helo(c, word);
}

static void
read_comment(struct clause *c, struct mf_text inside)
{
	struct comment m = {.words = 0};
	struct mf_text part;

	c->has_comments = true;
	for (;;) {
		switch (next_part(&inside, true, &part)) {
		case PART_WORD:
			read_word(c, &m, part, &inside);
			break;
		case PART_COMMENT:
			break; /* "(may be forged)" */
		case PART_OTHER:
		case PART_BAD:
			c->malformed = true;
			return;
		case PART_END:
			if (!m.address)
				note_all(&c->written, &m.bare);
			return;
		}
	}
}

/* "from" and the name; or sendmail's "(from name [address])". */
static bool
read_from(struct clause *c, struct mf_text *value)
{
	struct mf_text first, word, rest;
	enum received_part part = next_part(value, false, &first);

	if (part == PART_COMMENT) {
		if (!text_eq_fold(take_word(&first), MF_TEXT("from")))
			return false;
		read_comment(c, first);
		return true;
	}
	if (part != PART_WORD || !text_eq_fold(first, MF_TEXT("from")))
		return false;
	/* Without a name there is a comment, which is left. */
	rest = *value;
	if (next_part(&rest, false, &word) == PART_WORD) {
		c->name = word;
		*value = rest;
	}
	return true;
}

/* Comments, and an address beside them, up to "by". */
static bool
read_clause(struct clause *c, struct mf_text *value)
{
	struct mf_text part;
	struct spf_ip ip;

	if (!read_from(c, value))
		return false;
	for (;;) {
		switch (next_part(value, false, &part)) {
		case PART_WORD:
			if (text_eq_fold(part, MF_TEXT("by")))
				return !c->malformed;
			if (read_address(part, &ip) != FORM_BRACKETED)
				return false;
			note(&c->written, &ip);
			break;
		case PART_COMMENT:
			read_comment(c, part);
			break;
		case PART_OTHER:
		case PART_BAD:
		case PART_END:
			return false;
		}
	}
}

/* Whether the rest is well formed, and has no other "by". */
static bool
rest_is_sound(struct mf_text rest)
{
	struct mf_text part;

	for (;;) {
		switch (next_part(&rest, false, &part)) {
		case PART_WORD:
			if (text_eq_fold(part, MF_TEXT("by")))
				return false;
			break;
		case PART_COMMENT:
		case PART_OTHER:
			break;
		case PART_BAD:
			return false;
		case PART_END:
			return true;
		}
	}
}

bool
received_parse(struct mf_text value, struct received *out)
{
	struct clause c = {.name = text_head(value, 0)};
	struct found all;
	struct spf_ip ip;

	if (!read_clause(&c, &value) || !rest_is_sound(value))
		return false;
	all = c.written;
	/*
	 * Behind "from", an address in brackets is what the client said, unless
	 * that has a place of its own, or there is nothing else.
	 */
	if (read_address(c.name, &ip) == FORM_BRACKETED &&
	    (c.has_claims || (!c.has_comments && !all.any))) {
		if (!all.any)
			c.name = text_head(c.name, 0);
		note(&all, &ip);
	}
	if (!all.any)
		return false;
	note_all(&all, &c.doubted);
	if (all.doubt)
		return false;
	out->ip = all.ip;
	out->helo = c.has_helo ? c.helo : c.name;
	return true;
}
