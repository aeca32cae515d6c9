/* SPDX-License-Identifier: ISC */
/*
 * tools/mailfrom/doctor_*.h: tables and lists of Postfix, replies, sendmail.cf,
 * and the addresses of filters, without anything to ask.
 */
#include "tests/unit/support.h"

#include "tools/mailfrom/doctor_cf.h"
#include "tools/mailfrom/doctor_pass.h"
#include "tools/mailfrom/doctor_talk.h"

static struct arena arena;

/* "hash:x" has k; "mysql:x" can't be asked; nothing else has anything. */
static enum table_answer
look_up(const struct tables *tables, struct mf_text table, const char *key,
    struct mf_text *value)
{
	(void)tables;
	if (mf_text_eq(table, MF_TEXT("mysql:x")))
		return TABLE_UNKNOWN;
	if (!mf_text_eq(table, MF_TEXT("hash:/x")) || strcmp(key, "k") != 0)
		return TABLE_HAS_NOT;
	*value = MF_TEXT("v");
	return TABLE_HAS;
}

static bool
contents(const struct tables *tables, const char *path, struct mf_text *out)
{
	(void)tables;
	if (strcmp(path, "/x") == 0)
		*out = MF_TEXT("# comment\nk v w\n  continued\na.example\n\n");
	else if (strcmp(path, "/list") == 0)
		*out = MF_TEXT("one.example\ntwo.example");
	else if (strcmp(path, "/checks") == 0)
		*out = MF_TEXT("# FILTER no\n/x/ filter smtp:[192.0.2.1]\n");
	else
		return false;
	return true;
}

static const struct tables tables = {
    .arena = &arena, .look_up = look_up, .contents = contents};

static const struct {
	const char *maps, *key;
	enum table_answer answer;
	const char *value;
} finds[] = {
    {"", "k", TABLE_HAS_NOT, ""},
    {"hash:/x", "k", TABLE_HAS, "v"},
    {"proxy:hash:/x", "k", TABLE_HAS, "v"},
    {"hash:/y, hash:/x", "k", TABLE_HAS, "v"},
    {"hash:/x", "other", TABLE_HAS_NOT, ""},
    {"mysql:x hash:/x", "k", TABLE_HAS, "v"},
    {"mysql:x hash:/x", "other", TABLE_UNKNOWN, ""},
    {"inline:{ k=1, { j = 2 3 } }", "k", TABLE_HAS, "1"},
    {"inline:{ k=1, { j = 2 3 } }", "J", TABLE_HAS, "2 3"},
    {"inline:{ k=1 }", "j", TABLE_HAS_NOT, ""},
    {"inline:{{@a.example=smtp:}, {<>=smtp:}}", "<>", TABLE_HAS, "smtp:"},
    {"static:all", "whatever", TABLE_HAS, "all"},
    {"static:{ all of it }", "whatever", TABLE_HAS, "all of it"},
};

static void
lookups(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(finds); i++) {
		struct mf_text value;

		assert_int_equal(tables_find(&tables, mf_text_of(finds[i].maps),
				     finds[i].key, &value),
		    finds[i].answer);
		assert_true(mf_text_eq(value, mf_text_of(finds[i].value)));
	}
}

static const struct {
	const char *list, *domain;
	enum table_answer answer;
} lists[] = {
    {"", "a.example", TABLE_HAS_NOT},
    {"a.example, b.example", "B.example", TABLE_HAS},
    {"a.example", "x.a.example", TABLE_HAS_NOT},
    {".a.example", "x.a.example", TABLE_HAS},
    {"!a.example, .example", "a.example", TABLE_HAS_NOT},
    {".example, !a.example", "a.example", TABLE_HAS},
    {"/list", "two.example", TABLE_HAS},
    {"/missing", "two.example", TABLE_UNKNOWN},
    {"inline:{ a.example=1 }", "a.example", TABLE_HAS},
    {"mysql:x", "a.example", TABLE_UNKNOWN},
    {"mysql:x a.example", "a.example", TABLE_HAS},
};

static void
domains(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(lists); i++)
		assert_int_equal(
		    tables_have_domain(
			&tables, mf_text_of(lists[i].list), lists[i].domain),
		    lists[i].answer);
}

static void
entries(void **state)
{
	struct table_entry *e;
	struct mf_text *names;
	size_t count;
	bool all;

	(void)state;
	e = tables_entries(&tables,
	    MF_TEXT("hash:/x inline:{ { @b.example = smtp:[h]:25 } }"), &count,
	    &all);
	assert_int_equal(count, 3);
	assert_true(all);
	assert_true(mf_text_eq(e[0].value, MF_TEXT("v w")));
	assert_true(mf_text_eq(e[2].value, MF_TEXT("smtp:[h]:25")));
	tables_entries(&tables, MF_TEXT("mysql:x"), &count, &all);
	assert_int_equal(count, 0);
	assert_false(all);
	names = tables_names(
	    &tables, MF_TEXT("c.example /list hash:/x"), &count, &all);
	assert_int_equal(count, 5);
	assert_true(mf_text_eq(names[2], MF_TEXT("two.example")));
	assert_true(
	    tables_mention(&tables, MF_TEXT("regexp:/checks"), "FILTER smtp:"));
	assert_false(
	    tables_mention(&tables, MF_TEXT("regexp:/list"), "FILTER"));
	arena_free(&arena);
}

/* --- replies --- */

static const struct {
	struct mf_text input;
	enum talk_parse status;
	unsigned code;
	const char *text;
} replies[] = {
    {BYTES("250 ok\r\n"), TALK_DONE, 250, "ok"},
    {BYTES("250\n"), TALK_DONE, 250, ""},
    {BYTES("250-one\r\n250 two\r\n"), TALK_DONE, 250, "two"},
    {BYTES("250-one\r\n250 tw"), TALK_MORE, 0, ""},
    {BYTES(""), TALK_MORE, 0, ""},
    {BYTES("25\n"), TALK_BAD, 0, ""},
    {BYTES("abc def\n"), TALK_BAD, 0, ""},
    {BYTES("2500 x\n"), TALK_BAD, 0, ""},
    {BYTES("100 x\n"), TALK_BAD, 0, ""},
    {BYTES("SSH-2.0-x\r\n"), TALK_BAD, 0, ""},
};

static void
smtp(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(replies); i++) {
		struct talk_smtp_reply reply;
		size_t used;

		assert_int_equal(
		    talk_parse_smtp(replies[i].input, &reply, &used),
		    replies[i].status);
		if (replies[i].status != TALK_DONE)
			continue;
		assert_int_equal(reply.code, replies[i].code);
		assert_true(
		    mf_text_eq(reply.text, mf_text_of(replies[i].text)));
		assert_int_equal(used, replies[i].input.len);
	}
}

static void
milter(void **state)
{
	const struct mf_text packet = BYTES("\0\0\0\4yabc.");
	struct mf_text data;
	size_t used;
	char command;

	(void)state;
	assert_int_equal(
	    talk_parse_milter(packet, &command, &data, &used), TALK_DONE);
	assert_int_equal(command, 'y');
	assert_true(mf_text_eq(data, MF_TEXT("abc")));
	assert_int_equal(used, 8);
	for (size_t len = 0; len < 8; len++)
		assert_int_equal(talk_parse_milter(text_head(packet, len),
				     &command, &data, &used),
		    TALK_MORE);
	assert_int_equal(
	    talk_parse_milter(MF_TEXT("\0\0\0\0y"), &command, &data, &used),
	    TALK_BAD);
	assert_int_equal(
	    talk_parse_milter(MF_TEXT("\377\0\0\0y"), &command, &data, &used),
	    TALK_BAD);
}

/* --- filters --- */

static void
filters(void **state)
{
	struct mf_text item = MF_TEXT("{ inet:127.0.0.1:10007, protocol=6, "
				      "{ default_action = tempfail } }");
	struct mf_text value;

	(void)state;
	assert_true(mf_text_eq(
	    pass_milter_address(item), MF_TEXT("inet:127.0.0.1:10007")));
	assert_true(mf_text_eq(
	    pass_milter_address(MF_TEXT("unix:x")), MF_TEXT("unix:x")));
	assert_true(pass_milter_setting(item, "protocol", &value));
	assert_true(mf_text_eq(value, MF_TEXT("6")));
	assert_true(pass_milter_setting(item, "default_action", &value));
	assert_true(mf_text_eq(value, MF_TEXT("tempfail")));
	assert_false(pass_milter_setting(item, "command_timeout", &value));
	assert_true(pass_has_map(
	    MF_TEXT("socketmap:inet:h:1:srs_forward"), "srs_forward"));
	assert_false(
	    pass_has_map(MF_TEXT("hash:/srs_forward_old"), "srs_forward"));
	assert_true(pass_is_local(MF_TEXT("[127.0.0.1]:10027")));
	assert_true(pass_is_local(MF_TEXT("[::1]:10027")));
	assert_true(pass_is_local(MF_TEXT("localhost:10027")));
	assert_false(pass_is_local(MF_TEXT("[192.0.2.1]:10027")));
	assert_false(pass_is_local(MF_TEXT("")));
}

/* --- sendmail.cf --- */

static void
sendmail_cf(void **state)
{
	const struct cf_map *map;
	struct sendmail_cf cf;
	struct mf_text value;

	(void)state;
	cf_parse(MF_TEXT("Cwlocalhost a.example\n"
			 "Fw-o /list %[^\\#]\n"
			 "C{VirtHost}srs.example\n"
			 "Kmake_srs socket -f -a<OK>\n\tinet:1@h\n"
			 "O InputMailFilters=one, two\n"
			 "SLocal_check_rcpt\nR$*\t$: $(probe up $)\n"
			 "Sother\nR$*\t$: $(make_srs $1 $)\n"
			 "Xone, S=local:/s, F=T, T=C:5s;S:2m;E:5m\n"),
	    &tables, &cf);
	assert_true(cf.classes_are_whole);
	assert_int_equal(cf.w.count, 4);
	assert_true(cf_class_has(&cf.w, "localhost"));
	assert_true(cf_class_has(&cf.w, "two.Example"));
	assert_false(cf_class_has(&cf.w, "srs.example"));
	assert_true(cf_class_has(&cf.virthost, "srs.example"));
	map = cf_map(&cf, "make_srs");
	assert_non_null(map);
	assert_true(mf_text_eq(cf_map_socket(map), MF_TEXT("inet:1@h")));
	assert_true(cf_map_option(map, 'a', &value));
	assert_true(mf_text_eq(value, MF_TEXT("<OK>")));
	assert_false(cf_map_option(map, 'q', &value));
	assert_true(cf.has_make_srs_rule);
	assert_false(cf.has_mailfrom_envelope);
	assert_true(cf.asks_probe);
	assert_int_equal(cf.filter_count, 1);
	assert_true(mf_text_eq(cf.filters[0].socket, MF_TEXT("local:/s")));
	assert_true(mf_text_eq(cf.filters[0].flags, MF_TEXT("T")));
	assert_int_equal(cf_timeout(cf.filters[0].timeouts, 'S', 10), 120);
	assert_int_equal(cf_timeout(cf.filters[0].timeouts, 'R', 10), 10);
	cf_parse(MF_TEXT("Fw/missing\n"), &tables, &cf);
	assert_false(cf.classes_are_whole);
	arena_free(&arena);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(lookups),
	    cmocka_unit_test(domains),
	    cmocka_unit_test(entries),
	    cmocka_unit_test(smtp),
	    cmocka_unit_test(milter),
	    cmocka_unit_test(filters),
	    cmocka_unit_test(sendmail_cf),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
