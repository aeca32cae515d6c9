/* SPDX-License-Identifier: ISC */
/*
 * Any address, looked up in any access file, which is linted too.
 *
 * Input: an octet of choices, the address and an LF, the text of the file.
 * What is answered comes from the first key that is there, and can be sent as a
 * reply.
 */
#include "access/lookup.h"
#include "access/lint.h"
#include "access/readers.h"
#include "tests/fuzz/fuzz.h"

struct walk {
	const struct access_entry *found;
	size_t keys;
};

static void
see(void *arg, struct mf_text key, const struct access_entry *entry)
{
	struct walk *walk = arg;

	/* Nothing is looked up behind what was found. */
	FUZZ_CHECK(walk->found == NULL);
	FUZZ_CHECK(key.len != 0 && key.len <= LOOKUP_KEY_SIZE);
	FUZZ_CHECK(access_key_is_ours(key));
	for (size_t i = 0; i < key.len; i++)
		FUZZ_CHECK(key.p[i] == ascii_lower(key.p[i]));
	FUZZ_CHECK(entry == NULL || mf_text_eq(access_entry_key(entry), key));
	walk->found = entry;
	walk->keys++;
}

static void
check_sender(
    const struct access_table *table, struct mf_text subject, uint8_t choice)
{
	struct walk walk = {.found = NULL};
	struct lookup_trace trace = {.key = see, .arg = &walk};
	struct lookup_query query = {
	    .identity = (enum lookup_identity)(choice % (LOOKUP_AUTH + 1)),
	    .result = (enum spf_result)(choice / 5 % (SPF_PERMERROR + 1)),
	    .defaults = choice < 128 ? LOOKUP_RFC : LOOKUP_PYMILTER,
	    .subject = subject,
	    .trace = &trace};
	struct lookup_answer a;

	lookup_ask(table, &query, &a);
	FUZZ_CHECK(walk.keys != 0 && a.entry == walk.found);
	FUZZ_CHECK(a.verb != ACTION_SKIP && a.verb != ACTION_ERROR);
	bool refuses = a.verb == ACTION_REJECT || a.verb == ACTION_TEMPFAIL;
	FUZZ_CHECK(refuses == (a.code != 0) && refuses == (a.dsn[0] != '\0'));
	FUZZ_CHECK(strlen(a.dsn) < sizeof(a.dsn));
	if (!refuses)
		return;
	FUZZ_CHECK(a.code / 100 == (a.verb == ACTION_REJECT ? 5 : 4));
	FUZZ_CHECK(a.dsn[0] == (char)('0' + a.code / 100));
}

static void
check_recipient(const struct access_table *table, struct mf_text recipient)
{
	for (int how = LOOKUP_RCPT_TO; how <= LOOKUP_RCPT_HATER; how++) {
		struct walk walk = {.found = NULL};
		struct lookup_trace trace = {.key = see, .arg = &walk};
		const struct access_entry *entry;
		bool is_exempt = lookup_is_exempt(table,
		    (enum lookup_recipients)how, recipient, &trace, &entry);

		FUZZ_CHECK(entry == walk.found);
		FUZZ_CHECK(
		    !is_exempt || entry != NULL || how == LOOKUP_RCPT_HATER);
	}
}

static void
hear(void *arg, bool is_error, const char *line)
{
	(void)arg;
	(void)is_error;
	FUZZ_CHECK(!text_has_control(mf_text_of(line)));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct mf_text input = mf_text_at((const char *)data, size), subject;
	struct report ignored = {.say = report_ignore};
	struct report report = {.say = hear};
	struct access_table *table = access_table_new();
	uint8_t choice = fuzz_octet(&input);

	FUZZ_CHECK(table != NULL);
	if (!text_cut(&input, '\n', &subject))
		subject = MF_TEXT("");
	access_read_text_("fuzz", input, ACCESS_TEXT, table, NULL, &ignored);
	FUZZ_CHECK(access_table_finish(table));
	check_sender(table, subject, choice);
	check_recipient(table, subject);
	FUZZ_CHECK(access_lint(table, "fuzz", &report));
	access_table_free(table);
	return 0;
}
