/* SPDX-License-Identifier: ISC */
/*
 * What the files of libdkim share.
 */
#ifndef MAILFROM_LIBDKIM_DKIM__H
#define MAILFROM_LIBDKIM_DKIM__H

#include "common/text.h"
#include <mailfrom/dkim.h>

/* Octets of a signature, and of a key: RSA of DKIM_RSA_BITS_MAX in SPKI. */
#define SIGNATURE_MAX_ (DKIM_RSA_BITS_MAX / 8)
#define KEY_MAX_       (DKIM_RSA_BITS_MAX / 8 + 256)

/* --- tags.c: tag lists (RFC 6376 3.2) --- */

struct tag_ {
	struct mf_text name, value; /* without the blanks around them */
	struct mf_text raw;         /* from behind "=" to the ";" */
};

struct tag_list_ {
	struct tag_ tags[DKIM_TAGS_MAX];
	size_t count;
};

enum tags_status_ { TAGS_OK_, TAGS_MALFORMED_, TAGS_TWICE_ };

/* Views into text. */
enum tags_status_ tags_parse_(struct mf_text text, struct tag_list_ *out);

/* NULL: there is none. */
const struct tag_ *tags_find_(const struct tag_list_ *list, const char *name);

/*
 * Take the next item off *list, items being divided by colons, without the
 * blanks around it.  False: there is no more.
 */
bool tags_item_(struct mf_text *list, struct mf_text *item);

/*
 * Decode base64 that blanks may stand in (3.2).  False: it isn't, or is more
 * than size.
 */
bool base64_decode_(
    struct mf_text text, uint8_t *out, size_t size, size_t *len);

/* --- crypto.c --- */

struct digest_;

/* SHA-256.  NULL: out of memory. */
struct digest_ *digest_new_(void);
void digest_free_(struct digest_ *digest);
bool digest_add_(struct digest_ *digest, struct mf_text text);
/* False: out of memory, in one of them. */
bool digest_end_(struct digest_ *digest, uint8_t out[static DKIM_HASH_SIZE]);

enum crypto_ {
	CRYPTO_VALID_,
	CRYPTO_INVALID_,   /* the signature is wrong */
	CRYPTO_BAD_KEY_,   /* no key of that kind */
	CRYPTO_KEY_SHORT_, /* *bits says how many */
	CRYPTO_KEY_LONG_,
	CRYPTO_NO_MEMORY_
};

/* Whether signature is that of hash by key.  *bits: of the key, if it is one. */
enum crypto_ crypto_verify_(enum dkim_algorithm algorithm, struct mf_text key,
    const uint8_t hash[static DKIM_HASH_SIZE], struct mf_text signature,
    unsigned *bits);

/* --- names.c --- */

/* A domain or selector: letters, digits, "-" and "_" in labels. */
bool name_ok_(struct mf_text name);

/* --- signature.c, key_record.c --- */

/* A signature on its way to a verdict. */
struct signature_ {
	struct dkim_signature public;
	bool open;              /* nothing is wrong so far */
	bool answered;          /* its key is there */
	size_t field;           /* that it is */
	struct mf_text b_raw;   /* within that field */
	struct mf_text headers; /* h= */
	uint8_t body_hash[DKIM_HASH_SIZE];
	uint8_t octets[SIGNATURE_MAX_];
	size_t octets_len;
	uint8_t key[KEY_MAX_];
	size_t key_len;
	bool testing;    /* t=y of the key */
	bool has_expiry; /* x= */
	char question[DKIM_NAME_SIZE];
	size_t question_len;
	struct body_hash_ *body; /* what bh= is compared with */
};

/* It has come to its end, by that reason. */
void signature_close_(struct signature_ *s, enum dkim_reason reason);

/* Read the field's value into *s, of which all else is zero. */
void signature_parse_(
    struct signature_ *s, struct mf_text value, uint64_t now_sec);

/* Read the record of its key. */
void key_parse_(struct signature_ *s, struct mf_text record);

/* --- header.c --- */

struct field_ {
	size_t at, len; /* in the header's octets: "Name: value" */
	size_t name_len, colon;
};

/* A field by its name; those of a name are neighbours, in their order. */
struct name_ {
	struct mf_text text;
	uint32_t field;
	uint32_t count; /* of that name; kept at the first of them */
	uint32_t taken; /* of these, by h=; likewise */
};

struct header_ {
	char *octets;
	size_t len, size;
	struct field_ *fields;
	size_t count, room;
	struct name_ *names; /* as many, sorted; once the header is over */
	size_t longest;      /* of fields */
	bool too_large;
};

void header_free_(struct header_ *h);
/* False: out of memory. */
bool header_add_(struct header_ *h, struct mf_text name, struct mf_text value);
/* There are no more fields.  False: out of memory. */
bool header_end_(struct header_ *h);
struct mf_text header_value_(const struct header_ *h, size_t field);
/* Whether the field has that name; after header_end_(), how many have. */
bool header_is_(const struct header_ *h, size_t field, struct mf_text name);
size_t header_count_(const struct header_ *h, struct mf_text name);

/* Told about each piece that is hashed. */
typedef bool header_sink_(void *arg, struct mf_text text);

/*
 * Put what s signs of the header (RFC 6376 3.7), field by field, into sink.
 * False: out of memory, or sink has said so.
 */
bool header_hash_(struct header_ *h, const struct signature_ *s,
    header_sink_ *sink, void *arg);

/* --- body.c --- */

/* The hash of a canonical body, or of its first octets. */
struct body_hash_ {
	struct digest_ *digest;
	uint64_t limit; /* UINT64_MAX: all of it */
	uint8_t hash[DKIM_HASH_SIZE];
};

#define BODY_ROOM_ 4096

/* A body on its way into one canonical form. */
struct body_ {
	bool relaxed;
	bool cr;         /* the last octet was CR */
	bool blank;      /* relaxed: blanks were before */
	bool any;        /* relaxed: some text was there */
	uint64_t lines;  /* ends of lines that aren't written yet */
	uint64_t length; /* of what was written, room included */
	uint64_t hashed; /* of that, handed to the hashes */
	struct body_hash_ hashes[DKIM_SIGNATURES_MAX];
	size_t count;
	bool failed; /* out of memory */
	size_t used;
	char room[BODY_ROOM_];
};

/* The hash of the first limit octets.  NULL: out of memory. */
struct body_hash_ *body_want_(struct body_ *b, uint64_t limit);
void body_add_(struct body_ *b, struct mf_text piece);
void body_end_(struct body_ *b);
void body_clear_(struct body_ *b);

/* --- message.c --- */

struct message_ {
	char *line; /* the field so far, with its lines' ends */
	size_t len, size;
	bool at_start; /* of a line */
	bool in_body;
};

/* --- check.c --- */

struct dkim_check {
	uint64_t now_sec;
	const struct dkim_trace *trace;
	struct header_ header;
	struct message_ message;
	bool header_over, over;
	struct signature_ *signatures;
	size_t count, ignored;
	struct body_ *bodies[2]; /* simple, relaxed; NULL: not wanted */
};

#endif
