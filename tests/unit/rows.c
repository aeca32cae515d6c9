/* SPDX-License-Identifier: ISC */
/*
 * What the store has to do with a decision: rewrite/policy.h for senders and
 * bounces, srsmilter/recipient.h for recipients.
 */
#include "tests/unit/srsmilters.h"

#include "rewrite/policy.h"
#include "srsmilter/recipient.h"

#define LONG60 "a.local.part.of.no.fewer.than.fifty.characters.of.text.in.all"
#define LONG   LONG60 "@long.example"
#define STORE  "fwdomain=srs.example.com\nlong_addresses=store\n"
#define HIDE   "fwdomain=srs.example.com\nhide_senders=yes\n"
#define SQLITE "[store]\nurl=sqlite:DIR/store.db\n"
#define ALL    "@\nrewrite=all\n"

/* Of LONG, by SECRET; the signature is libsrs's. */
static char alias[SRS_ADDR_SIZE];

static struct mf_text
view(const struct srs_addr *a)
{
	return mf_text_at(a->text, a->len);
}

static struct srsmilter_config *
load(const char *srs, const char *store)
{
	char text[2048];

	snprintf(text, sizeof(text), "%s%s%s", srs, ALL, store);
	return config_well(text);
}

static void
plan(const struct srsmilter_config *c, const char *sender,
    struct policy_result *out)
{
	policy_forward(c->rewriter,
	    &(struct policy_sender){
		.address = mf_text_of(sender), .now_sec = NOW},
	    out);
}

static const struct {
	const char *name, *srs, *sender;
	enum policy_reason reason;
} senders[] = {
    {"short", STORE, "bob@example.net", POLICY_FORWARDED},
    {"long", STORE, LONG, POLICY_TO_STORE},
    {"long, kept", "fwdomain=srs.example.com\n", LONG, POLICY_TOO_LONG},
    {"hidden, short", HIDE, "bob@example.net", POLICY_TO_STORE},
    {"hidden, long", HIDE, LONG, POLICY_TO_STORE},
    {"hidden, of another forwarder", HIDE,
	"SRS0=HHHH=TT=host.example=user@first.example", POLICY_TO_STORE},
    {"hidden, own", HIDE "own_domains=own.example\n", "a@own.example",
	POLICY_OWN_DOMAIN},
    {"hidden, signed", HIDE "ses=ses.example\n", "a@ses.example",
	POLICY_SES_SIGNED},
    {"hidden, null", HIDE, "", POLICY_NULL_SENDER},
    {"nothing that can be mail", STORE, LONG60 "@a..b", POLICY_BAD_ADDRESS},
};

static void
senders_that_need_a_row(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(senders); i++) {
		const char *row = senders[i].name;
		struct srsmilter_config *c = load(senders[i].srs, SQLITE);
		struct policy_result r;

		plan(c, senders[i].sender, &r);
		expect_int(row, "reason", r.reason, senders[i].reason);
		expect_int(row, "needs the store", policy_needs_store(r.reason),
		    senders[i].reason == POLICY_TO_STORE);
		/* Who forgets to ask defers, and changes nothing. */
		if (policy_needs_store(r.reason)) {
			assert_false(policy_changed(r.reason));
			assert_true(policy_defers(r.reason));
			assert_int_equal(strlen(r.row.key), 2 + SRS_DIGEST_LEN);
		}
		config_release(c);
	}
}

/* max_age and future_days, and one day more. */
static void
rows_live_long_enough(void **state)
{
	struct srsmilter_config *c =
	    load(STORE "max_age=10\nfuture_days=2\n", SQLITE);
	struct policy_result r;

	(void)state;
	plan(c, LONG, &r);
	assert_true(r.row.expires_sec >= NOW + 13 * DAY);
	assert_true(r.row.expires_sec <= NOW + 14 * DAY);
	config_release(c);
}

static void
what_is_not_stored(void **state)
{
	static const struct {
		const char *srs, *on_down;
		enum policy_reason reason;
	} rows[] = {
	    {STORE, "", POLICY_NOT_STORED},
	    {STORE, "on_down=keep\n", POLICY_NOT_STORED},
	    {STORE, "on_down=tempfail\n", POLICY_STORE_DOWN},
	    {HIDE, "on_down=keep\n", POLICY_STORE_DOWN},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct srsmilter_config *c;
		struct policy_result r;
		char store[128];

		snprintf(store, sizeof(store), SQLITE "%s", rows[i].on_down);
		c = load(rows[i].srs, store);
		plan(c, LONG, &r);
		policy_stored(c->rewriter, false, &r);
		expect_int(store, "reason", r.reason, rows[i].reason);
		expect_int(store, "address", (long long)r.address.len, 0);
		plan(c, LONG, &r);
		policy_stored(c->rewriter, true, &r);
		expect_int(store, "stored", r.reason, POLICY_ALIASED);
		snprintf(alias, sizeof(alias), "%s", r.address.text);
		config_release(c);
	}
}

static const struct {
	const char *name;
	enum policy_row_state state;
	const char *value;
	enum policy_reason reason;
	const char *restored;
} answers[] = {
    {"there", POLICY_ROW_FOUND, LONG, POLICY_RESTORED, LONG},
    {"absent", POLICY_ROW_ABSENT, "", POLICY_ROW_MISSING, ""},
    {"unknown", POLICY_ROW_UNKNOWN, "", POLICY_STORE_DOWN, ""},
    {"of another forwarder", POLICY_ROW_FOUND,
	"SRS0=HHHH=TT=host.example=user@first.example", POLICY_RESTORED,
	"SRS0=HHHH=TT=host.example=user@first.example"},
    {"spoilt: no address", POLICY_ROW_FOUND, "3", POLICY_ROW_MISSING, ""},
    {"spoilt: empty", POLICY_ROW_FOUND, "", POLICY_ROW_MISSING, ""},
    {"spoilt: no domain", POLICY_ROW_FOUND, "a@", POLICY_ROW_MISSING, ""},
    {"spoilt: a line end", POLICY_ROW_FOUND, "a\nb@c.example",
	POLICY_ROW_MISSING, ""},
    {"spoilt: a bracket", POLICY_ROW_FOUND, "a>b@c.example", POLICY_ROW_MISSING,
	""},
};

static void
bounces_by_what_the_store_says(void **state)
{
	struct srsmilter_config *c = load(STORE, SQLITE);

	(void)state;
	for (size_t i = 0; i < COUNT(answers); i++) {
		const char *row = answers[i].name;
		struct policy_result r;

		policy_reverse(c->rewriter, mf_text_of(alias),
		    POLICY_SRS_DOMAINS, NOW, &r);
		expect_int(row, "first", r.reason, POLICY_TO_LOOK_UP);
		policy_looked_up(c->rewriter, answers[i].state,
		    mf_text_of(answers[i].value), POLICY_SRS_DOMAINS, NOW, &r);
		expect_int(row, "reason", r.reason, answers[i].reason);
		if (r.reason == POLICY_RESTORED)
			expect_text(row, "address", view(&r.address),
			    mf_text_of(answers[i].restored));
	}
	config_release(c);
}

/* No row is asked for what isn't ours, or is too old. */
static void
bounces_that_need_no_row(void **state)
{
	struct srsmilter_config *c = load(STORE, SQLITE);
	struct policy_result r;
	char forged[SRS_ADDR_SIZE];

	(void)state;
	snprintf(forged, sizeof(forged), "%s", alias);
	memset(forged + 5, 'x', 6);
	policy_reverse(
	    c->rewriter, mf_text_of(forged), POLICY_SRS_DOMAINS, NOW, &r);
	assert_int_equal(r.reason, POLICY_BAD_SIGNATURE);
	policy_reverse(c->rewriter, mf_text_of(alias), POLICY_SRS_DOMAINS,
	    NOW + 22 * DAY, &r);
	assert_int_equal(r.reason, POLICY_EXPIRED);
	config_release(c);
}

/* --- recipients of the filter --- */

static void
recipients_that_are_aliases(void **state)
{
	static const struct {
		const char *name;
		bool is_bounce, is_exempt;
		int row; /* of `answers`; -1: not asked */
		enum recipient_fate fate;
	} rows[] = {
	    {"bounce", true, false, -1, RECIPIENT_TO_LOOK_UP},
	    {"bounce, there", true, false, 0, RECIPIENT_RESTORED},
	    {"bounce, absent", true, false, 1, RECIPIENT_ROW_MISSING},
	    {"bounce, unknown", true, false, 2, RECIPIENT_STORE_DOWN},
	    {"mail", false, false, -1, RECIPIENT_NOT_A_BOUNCE},
	    {"mail of ours", false, true, -1, RECIPIENT_TO_LOOK_UP},
	    {"mail of ours, absent", false, true, 1, RECIPIENT_ROW_MISSING},
	    {"mail of ours, there", false, true, 0, RECIPIENT_RESTORED},
	};
	struct srsmilter_config *c = load(STORE, SQLITE);

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct recipient_row stored;
		struct recipient_facts facts = {.address = mf_text_of(alias),
		    .is_bounce = rows[i].is_bounce,
		    .from_exempt_host = rows[i].is_exempt,
		    .now_sec = NOW};
		struct recipient r;

		if (rows[i].row >= 0) {
			stored.state = answers[rows[i].row].state;
			stored.value = mf_text_of(answers[rows[i].row].value);
			facts.row = &stored;
		}
		recipient_judge(c, &facts, &r);
		expect_int(rows[i].name, "fate", r.fate, rows[i].fate);
		assert_false(r.is_forged);
		if (r.fate == RECIPIENT_RESTORED)
			expect_text(rows[i].name, "restored",
			    view(&r.reversed.address), mf_text_of(LONG));
	}
	config_release(c);
}

static void
settings_that_need_each_other(void **state)
{
	static const struct {
		const char *lines, *says;
	} rows[] = {
	    {STORE ALL,
		"error: DIR/mailfrom.conf:4: long_addresses: store requires "
		"url in [store]\n"},
	    {HIDE ALL,
		"error: DIR/mailfrom.conf:4: hide_senders: requires url in "
		"[store]\n"},
	    {STORE ALL "[store]\nurl=redis:h\n",
		"error: DIR/mailfrom.conf:8: url: neither none nor "
		"sqlite:/path, redis://HOST:PORT, rediss://HOST:PORT, "
		"redis+unix:/path or redis+sentinel://HOST:PORT/NAME\n"},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct heard heard;
		struct report report = report_to(&heard);

		assert_null(config_from(rows[i].lines, &report));
		expect_str(rows[i].lines, "said", heard.text, rows[i].says);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(senders_that_need_a_row),
	    cmocka_unit_test(rows_live_long_enough),
	    cmocka_unit_test(what_is_not_stored),
	    cmocka_unit_test(bounces_by_what_the_store_says),
	    cmocka_unit_test(bounces_that_need_no_row),
	    cmocka_unit_test(recipients_that_are_aliases),
	    cmocka_unit_test(settings_that_need_each_other),
	};

	return cmocka_run_group_tests_name(
	    "rows", tests, scratch_setup, scratch_teardown);
}
