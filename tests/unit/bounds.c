/* SPDX-License-Identifier: ISC */
/*
 * What parsers of foreign octets cost at worst, in steps.
 *
 * A step is a basic block of the parser, or eight octets that it compares,
 * copies or searches; the Makefile compiles the parsers so that they are
 * counted.  So the limits hold on every machine, whatever its load.  Each
 * input is of the worst kind known, at a small and at a large size: the larger
 * may cost no more for each of its octets.
 */
#include "tests/unit/support.h"

#include "access/readers.h"
#include "common/ini.h"
#include "milter/received.h"
#include "spfmilter/authres.h"
#include <mailfrom/spf.h>

/* --- counting --- */

static uint64_t steps;

void __sanitizer_cov_trace_pc(void);
void *__real_memcpy(void *to, const void *from, size_t n);
void *__wrap_memcpy(void *to, const void *from, size_t n);
void *__real_memmove(void *to, const void *from, size_t n);
void *__wrap_memmove(void *to, const void *from, size_t n);
int __real_memcmp(const void *a, const void *b, size_t n);
int __wrap_memcmp(const void *a, const void *b, size_t n);
void *__real_memchr(const void *p, int c, size_t n);
void *__wrap_memchr(const void *p, int c, size_t n);

void
__sanitizer_cov_trace_pc(void)
{
	steps++;
}

void *
__wrap_memcpy(void *to, const void *from, size_t n)
{
	steps += n / 8;
	return __real_memcpy(to, from, n);
}

void *
__wrap_memmove(void *to, const void *from, size_t n)
{
	steps += n / 8;
	return __real_memmove(to, from, n);
}

int
__wrap_memcmp(const void *a, const void *b, size_t n)
{
	steps += n / 8;
	return __real_memcmp(a, b, n);
}

void *
__wrap_memchr(const void *p, int c, size_t n)
{
	const char *hit = __real_memchr(p, c, n);

	steps += (hit != NULL ? (size_t)(hit - (const char *)p) : n) / 8;
	return (void *)(uintptr_t)hit;
}

/* --- parsers --- */

static struct access_table *
table_new(void)
{
	struct access_table *table = access_table_new();

	assert_non_null(table);
	return table;
}

/* Ends the table's life; it holds no more octets than the file. */
static void
expect_small(const char *name, struct access_table *table, size_t size)
{
	size_t octets = 0;

	assert_true(access_table_finish(table));
	for (size_t n = 0; n < access_table_count(table); n++) {
		const struct access_entry *e = access_table_at(table, n);

		octets += access_entry_key(e).len + access_entry_value(e).len;
	}
	if (octets > size)
		fail_msg("%s: %zu octets of entries in a file of %zu", name,
		    octets, size);
	access_table_free(table);
}

static void
read_text(const char *name, struct mf_text bytes, enum access_type type)
{
	struct report report = {.say = report_ignore};
	struct access_table *table = table_new();

	access_read_text_("t", bytes, type, table, NULL, &report);
	expect_small(name, table, bytes.len);
}

static void
read_makemap(const char *name, struct mf_text bytes)
{
	read_text(name, bytes, ACCESS_TEXT);
}

static void
read_texthash(const char *name, struct mf_text bytes)
{
	read_text(name, bytes, ACCESS_TEXTHASH);
}

static void
read_lmdb(const char *name, struct mf_text bytes)
{
	struct access_table *table = table_new();

	access_read_lmdb_(bytes, table);
	expect_small(name, table, bytes.len);
}

static void
read_berkeley(const char *name, struct mf_text bytes)
{
	struct access_table *table = table_new();

	access_read_berkeley_(bytes, table);
	expect_small(name, table, bytes.len);
}

static void
read_cdb(const char *name, struct mf_text bytes)
{
	struct access_table *table = table_new();

	access_read_cdb_(bytes, table);
	expect_small(name, table, bytes.len);
}

static void
parse_ini(struct mf_text bytes, enum ini_dialect dialect)
{
	struct report report = {.say = report_ignore};
	struct ini ini;

	ini_parse(&ini, "t", bytes, dialect, &report);
	ini_free(&ini);
}

static void
read_ini(const char *name, struct mf_text bytes)
{
	(void)name;
	parse_ini(bytes, INI_OURS);
	parse_ini(bytes, INI_CONFIGPARSER);
}

static void
read_record(const char *name, struct mf_text bytes)
{
	struct spf_record *record = spf_record_compile(bytes);

	(void)name;
	assert_non_null(record);
	spf_record_free(record);
}

static void
read_action(const char *name, struct mf_text bytes)
{
	struct action action;

	(void)name;
	action_parse(bytes, &action);
}

static void
read_received(const char *name, struct mf_text bytes)
{
	struct received received;

	(void)name;
	received_parse(bytes, &received);
}

static void
read_authres(const char *name, struct mf_text bytes)
{
	(void)name;
	authres_is_of(bytes, MF_TEXT("mx.example"));
}

/* --- text that is repeated --- */

struct parser {
	const char *name;
	void (*read)(const char *name, struct mf_text bytes);
	size_t size;       /* of the larger input */
	unsigned limit;    /* steps for an octet */
	const char *start; /* of all inputs */
	const char *const *parts;
};

static const char *const lines[] = {"spf-fail:a OK\n", "spf-fail:\"a OK\n",
    "\n", "\r\n", " \n", "#\n", " x\n", "x", "\"", "\\", "\t", "spf-",
    "spf-fail:", "spf-fail!!", "\"\\\"", "\"\\\" \"\n", "spf-fail:a \t\n",
    "spf-fail:a ERROR:5.7.1:550 5.7.1 \"\n", "smtp-auti:a OK\n", NULL};
static const char *const values[] = {"REJECT ", "5.7.1 ", "550 ", "\"", ":",
    "ERROR:", ".", " ", "1", "ERROR:5.7.1:", NULL};
static const char *const settings[] = {"[a]\n", "a = b\n", " b\n", "[", "]\n",
    "%", "%%", "a:b=", "\n", ";\n", "#", " ", "=", NULL};
static const char *const terms[] = {" a", " a:%{d}", " ip4:1.2.3.4/32",
    " ip6:::1", " include:%{l1r-+.d}.x", " x=%{d}", " mx:a.b//64", "%",
    " exists:%%%_%-", " all", ".", "/", ":", " redirect=a", NULL};
static const char *const fields[] = {"(", ")", "((", "()", "(x) ", "\"", "\\",
    "\\\"", "\"\\\"", "\\(", "(\\", "a ", " ", "\r\n ", "<", "<\"", "<\"\">",
    "=", "\xc2\xa0", ".", "mx", "mx.exampl ", "\"x\" ", "\"(\" ", "[", "[]",
    "[1.2.3.4] ", "(a [1.2.3.4]) ", "(HELO ", "helo=", "(helo=x) ", "by ",
    "from ", "1.2.3.4 ", "@", "a@[", "(from ", "[::1]", "%", "%40", "=?",
    "=?utf-8?q?", "=?utf-8?b?bXg=?= ", "=?utf-8?q?m?= ", "?=", "=?=",
    "=?u?q?=3D?=", "\xef\xbd\x8d", "xn--", "xn--a.", "a.xn--a-0ga.", ";", "; ",
    "/", "mx.example", "mx.example.", NULL};

static const struct parser parsers[] = {
    {"makemap", read_makemap, 256 * 1024, 80, "", lines},
    {"texthash", read_texthash, 256 * 1024, 80, "", lines},
    {"value", read_action, 65536, 30, "", values},
    {"value", read_action, 65536, 30, "ERROR:", values},
    {"ini", read_ini, 256 * 1024, 80, "[a]\na = b\n", settings},
    {"record", read_record, 16384, 60, "v=spf1", terms},
    {"Received", read_received, 65536, 60, "", fields},
    {"Received", read_received, 65536, 60, "from a (", fields},
    {"Received", read_received, 65536, 60, "from a (b [1.2.3.4]) by c ",
	fields},
    {"Authentication-Results", read_authres, 65536, 600, "", fields},
    {"Authentication-Results", read_authres, 65536, 600, "(", fields},
    {"Authentication-Results", read_authres, 65536, 600, "\"", fields},
    {"Authentication-Results", read_authres, 65536, 600, "mx x ", fields},
    {"disguised id", read_authres, 4096, 6000, "%25 ", fields},
    {"disguised id", read_authres, 4096, 6000, "=?utf-8?q?=25?= ", fields},
};

static uint64_t
cost(const struct parser *p, const char *part, size_t size)
{
	char *room = malloc(size);
	struct text_out o = text_out(room, size);

	assert_non_null(room);
	out_str(&o, p->start);
	while (o.len + strlen(part) <= size)
		out_str(&o, part);
	steps = 0;
	p->read(p->name, out_view(&o));
	free(room);
	return steps;
}

static void
repeated_text(void **state)
{
	uint64_t worst = 0;

	(void)state;
	for (const struct parser *p = parsers; p < parsers + COUNT(parsers);
	     p++) {
		for (size_t i = 0; p->parts[i] != NULL; i++) {
			uint64_t small = cost(p, p->parts[i], p->size / 8);
			uint64_t large = cost(p, p->parts[i], p->size);

			assert_true(small != 0);
			worst =
			    worst < large / p->size ? large / p->size : worst;
			/* Sorting costs the logarithm. */
			if (large > p->limit * p->size || large > 12 * small)
				fail_msg("%s \"%s\"...: %llu steps for %zu "
					 "octets, %llu for an eighth of it",
				    p->name, p->parts[i],
				    (unsigned long long)large, p->size,
				    (unsigned long long)small);
		}
		print_message("%s: at most %llu steps for an octet\n", p->name,
		    (unsigned long long)worst);
		worst = 0;
	}
}

/* Keys that differ in the end alone, and come in the wrong order. */
static void
long_keys(void **state)
{
	enum { LEN = 60000, COUNT_OF = 64 };
	size_t size = (size_t)COUNT_OF * (LEN + 16), at = 0;
	char *room = malloc(size);

	(void)state;
	assert_non_null(room);
	for (unsigned n = COUNT_OF; n-- != 0; at += LEN + 16) {
		memset(room + at, 'x', LEN + 16);
		memcpy(room + at, "spf-fail:", 9);
		room[at + LEN - 2] = (char)('a' + n / 26);
		room[at + LEN - 1] = (char)('a' + n % 26);
		memcpy(room + at + LEN, " REJECT        \n", 16);
	}
	steps = 0;
	read_makemap("long keys", mf_text_at(room, size));
	assert_in_range(steps, 1, 40 * size);
	free(room);
}

/* --- databases --- */

struct image {
	unsigned char *octets;
	size_t page_size, pages;
};

static struct image
image(size_t page_size, size_t pages)
{
	struct image i = {calloc(pages, page_size), page_size, pages};

	assert_non_null(i.octets);
	return i;
}

static void
put(const struct image *i, size_t page, size_t at, uint64_t n, size_t size)
{
	assert_true(at + size <= i->page_size && page < i->pages);
	memcpy(i->octets + page * i->page_size + at, &n, size);
}

static void
expect_bounded(const char *name, const struct image *i,
    void (*read)(const char *name, struct mf_text bytes), unsigned limit)
{
	size_t size = i->page_size * i->pages;

	steps = 0;
	read(name, mf_text_at((const char *)i->octets, size));
	if (steps == 0 || steps > limit * size)
		fail_msg("%s: %llu steps for %zu octets", name,
		    (unsigned long long)steps, size);
	print_message("%s: %llu steps for %zu octets\n", name,
	    (unsigned long long)steps, size);
	free(i->octets);
}

/* Headers and metas of LMDB; the tree is what the caller makes of it. */
static struct image
lmdb(size_t page_size, size_t pages, size_t depth, size_t branches,
    size_t leaves, size_t entries)
{
	struct image i = image(page_size, pages);

	for (size_t n = 0; n < pages; n++)
		put(&i, n, 0, n, 8);
	for (size_t n = 0; n < 2; n++) {
		put(&i, n, 10, 0x08, 2);
		put(&i, n, 16, 0xbeefc0de, 4);
		put(&i, n, 20, 1, 4);
		put(&i, n, 40, page_size, 4);
		put(&i, n, 80, UINT64_MAX, 8);
		put(&i, n, 94, depth, 2);
		put(&i, n, 96, branches, 8);
		put(&i, n, 104, leaves, 8);
		put(&i, n, 120, entries, 8);
		put(&i, n, 128, 2, 8);
	}
	return i;
}

/* As many nodes as a page has room for, all leading to page `child`. */
static void
lmdb_branch(const struct image *i, size_t page, size_t child)
{
	size_t count = (i->page_size - 16) / 10, low = 16 + count * 2;

	put(i, page, 10, 0x01, 2);
	put(i, page, 12, low, 2);
	put(i, page, 14, low, 2);
	for (size_t n = 0; n < count; n++) {
		put(i, page, 16 + n * 2, low + n * 8, 2);
		put(i, page, low + n * 8, child, 4);
	}
}

/* Entries that lie in each other: every key has all that follows for value. */
static void
lmdb_leaf(const struct image *i, size_t page)
{
	enum { EACH = 28 };
	size_t count = (i->page_size - 16) / (EACH + 2), low = 16 + count * 2;

	put(i, page, 10, 0x02, 2);
	put(i, page, 12, low, 2);
	put(i, page, 14, low, 2);
	for (size_t n = 0; n < count; n++) {
		size_t at = low + n * EACH;
		char key[32];

		snprintf(key, sizeof(key), "spf-fail:a%09zu", n);
		put(i, page, 16 + n * 2, at, 2);
		put(i, page, at, i->page_size - at - 8 - 19, 2);
		put(i, page, at + 6, 19, 2);
		memcpy(i->octets + page * i->page_size + at + 8, key, 19);
	}
}

static void
lmdb_files(void **state)
{
	struct image i = lmdb(4096, 2 + 32, 32, 31, 1, 0);

	(void)state;
	for (size_t n = 2; n < 2 + 31; n++)
		lmdb_branch(&i, n, n + 1);
	put(&i, 33, 10, 0x02, 2);
	put(&i, 33, 12, 16, 2);
	put(&i, 33, 14, 16, 2);
	/* The counts that would hide it, had nobody counted pages. */
	for (size_t n = 0; n < 2; n++) {
		put(&i, n, 96, UINT64_MAX, 8);
		put(&i, n, 104, UINT64_MAX, 8);
	}
	expect_bounded("LMDB, 32 levels to one child each", &i, read_lmdb, 8);

	i = lmdb(4096, 64, 2, 1, 61, 0);
	lmdb_branch(&i, 2, 2);
	expect_bounded("LMDB, a page in itself", &i, read_lmdb, 8);

	i = lmdb(32768, 3, 1, 0, 1, 1092);
	lmdb_leaf(&i, 2);
	expect_bounded("LMDB, entries in each other", &i, read_lmdb, 8);

	/* One overflow of the whole file, for each entry of a page. */
	i = lmdb(4096, 600, 1, 0, 1, 100);
	lmdb_leaf(&i, 2);
	for (size_t n = 0; n < 100; n++) {
		put(&i, 2, 288 + n * 28, 0, 2);
		put(&i, 2, 288 + n * 28 + 4, 1, 2);
	}
	put(&i, 3, 10, 0x04, 2);
	put(&i, 3, 12, 590, 4);
	expect_bounded("LMDB, one overflow for all", &i, read_lmdb, 8);
}

static struct image
berkeley(uint32_t magic, size_t page_size, size_t pages)
{
	struct image i = image(page_size, pages);

	put(&i, 0, 12, magic, 4);
	put(&i, 0, 16, 9, 4);
	put(&i, 0, 20, page_size, 4);
	put(&i, 0, 32, pages - 1, 4);
	for (size_t n = 1; n < pages; n++)
		put(&i, n, 8, n, 4);
	return i;
}

/* A page of a btree or hash, and where its items are. */
static void
berkeley_page(const struct image *i, size_t page, unsigned type, unsigned level,
    size_t items, size_t first, size_t step)
{
	put(i, page, 20, items, 2);
	put(i, page, 22, first, 2);
	put(i, page, 24, level, 1);
	put(i, page, 25, type, 1);
	for (size_t n = 0; n < items; n++)
		put(i, page, 26 + n * 2, first + n * step, 2);
}

#define BTREE 0x053162
#define HASH  0x061561

static void
btree_files(void **state)
{
	struct image i = berkeley(BTREE, 4096, 1 + 64);

	(void)state;
	put(&i, 0, 88, 1, 4);
	for (size_t n = 1; n < 64; n++) {
		berkeley_page(&i, n, 3, (unsigned)(65 - n), 400, 1000, 0);
		put(&i, n, 1000 + 4, n + 1, 4);
	}
	berkeley_page(&i, 64, 5, 1, 0, 4096, 0);
	expect_bounded(
	    "btree, 64 levels to one child each", &i, read_berkeley, 8);

	/* Key, value, key...: the values have all that follows. */
	enum { EACH = 32, PAIRS = 1000 };
	i = berkeley(BTREE, 65536, 2);
	put(&i, 0, 88, 1, 4);
	berkeley_page(&i, 1, 5, 1, 2 * PAIRS, 26 + 4 * PAIRS, EACH / 2);
	for (size_t n = 0; n < PAIRS; n++) {
		size_t at = 26 + 4 * PAIRS + n * EACH;
		char key[32];

		snprintf(key, sizeof(key), "spf-fail:%04zu", n);
		put(&i, 1, at, 13, 2);
		put(&i, 1, at + 2, 1, 1);
		memcpy(i.octets + 65536 + at + 3, key, 13);
		put(&i, 1, at + 16, 65536 - at - 19, 2);
		put(&i, 1, at + 18, 1, 1);
	}
	expect_bounded("btree, entries in each other", &i, read_berkeley, 8);
}

/* Chains of overflow pages, shared by all items of a bucket. */
static void
hash_files(void **state)
{
	enum { PAGES = 512, ITEMS = 200 };
	struct image i = berkeley(HASH, 4096, PAGES);

	(void)state;
	put(&i, 0, 92, 0x5e688dd1, 4);
	for (size_t g = 0; g < 32; g++)
		put(&i, 0, 96 + g * 4, 1, 4);
	berkeley_page(&i, 1, 13, 0, ITEMS, 4096 - 12 * ITEMS, 12);
	for (size_t n = 0; n < ITEMS; n++) {
		/* They go down from the end. */
		put(&i, 1, 26 + n * 2, 4096 - 12 * (n + 1), 2);
		put(&i, 1, 4096 - 12 * (n + 1), 3, 1);
		put(&i, 1, 4096 - 12 * (n + 1) + 4, 2, 4);
		put(&i, 1, 4096 - 12 * (n + 1) + 8, (PAGES - 3) * 4070, 4);
	}
	for (size_t n = 2; n < PAGES; n++) {
		put(&i, n, 16, n + 1 < PAGES ? n + 1 : 2, 4);
		put(&i, n, 22, 4070, 2);
		put(&i, n, 25, 7, 1);
	}
	expect_bounded("hash, a chain in a circle", &i, read_berkeley, 8);

	i = berkeley(HASH, 512, PAGES);
	put(&i, 0, 72, PAGES - 2, 4);
	put(&i, 0, 76, 1023, 4);
	put(&i, 0, 80, 511, 4);
	put(&i, 0, 92, 0x5e688dd1, 4);
	expect_bounded("hash, all buckets at one page", &i, read_berkeley, 8);
}

static void
cdb_files(void **state)
{
	struct image i = image(1, 2048 + 16 * 10000);

	(void)state;
	/* Records of nothing, and one table with a slot for each. */
	for (size_t n = 0; n < 256; n++) {
		uint32_t at = n == 0 ? 2048 + 8 * 10000 : 2048 + 16 * 10000;
		uint32_t slots = n == 0 ? 10000 : 0;

		memcpy(i.octets + n * 8, &at, 4);
		memcpy(i.octets + n * 8 + 4, &slots, 4);
	}
	expect_bounded("CDB, empty records", &i, read_cdb, 8);

	i = image(1, 2048);
	for (size_t n = 0; n < 256; n++) {
		uint32_t at = 2048;

		memcpy(i.octets + n * 8, &at, 4);
	}
	expect_bounded("CDB, nothing", &i, read_cdb, 8);
}

static size_t
roll(size_t sides)
{
	static uint64_t dice = 1;

	dice = dice * UINT64_C(6364136223846793005) + 1;
	return (size_t)(dice >> 33) % sides;
}

/* Files whose numbers are right in kind, and lead anywhere. */
static void
any_files(void **state)
{
	static const unsigned kinds[] = {0x01, 0x02, 0x04};
	static const unsigned types[] = {3, 5, 7, 13, 0};

	(void)state;
	for (unsigned round = 0; round < 300; round++) {
		struct image i =
		    lmdb(512, 40, 1 + roll(6), roll(40), roll(40), roll(40));
		struct image b =
		    berkeley(round % 2 != 0 ? BTREE : HASH, 512, 40);

		for (size_t n = 2; n < 40; n++) {
			lmdb_branch(&i, n, 2 + roll(38));
			put(&i, n, 10, kinds[roll(3)], 2);
			for (unsigned k = 0; k < 20; k++)
				put(&i, n, 16 + roll(490), roll(40), 2);
		}
		put(&b, 0, 88, 1 + roll(39), 4);
		put(&b, 0, 72, roll(38), 4);
		put(&b, 0, 92, 0x5e688dd1, 4);
		for (size_t n = 1; n < 40; n++) {
			berkeley_page(&b, n, types[roll(5)], (unsigned)roll(6),
			    roll(20), 100 + roll(200), roll(20));
			put(&b, n, 12, roll(40), 4);
			put(&b, n, 16, roll(40), 4);
			for (unsigned k = 0; k < 20; k++)
				put(&b, n, 66 + roll(440), roll(40), 4);
		}
		for (int k = 0; k < 2; k++) {
			struct image *file = k == 0 ? &i : &b;

			steps = 0;
			(k == 0 ? read_lmdb : read_berkeley)("any",
			    mf_text_at((const char *)file->octets, 512 * 40));
			assert_in_range(steps, 1, 10 * 512 * 40);
			free(file->octets);
		}
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(repeated_text),
	    cmocka_unit_test(long_keys),
	    cmocka_unit_test(lmdb_files),
	    cmocka_unit_test(btree_files),
	    cmocka_unit_test(hash_files),
	    cmocka_unit_test(cdb_files),
	    cmocka_unit_test(any_files),
	};

	return cmocka_run_group_tests_name("bounds", tests, NULL, NULL);
}
