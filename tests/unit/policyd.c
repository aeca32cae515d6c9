/* SPDX-License-Identifier: ISC */
/*
 * The policy service without sockets: requests read, what they are answered,
 * and that it is what the filter answers.
 *
 * Source: Postfix's SMTPD_POLICY_README; access(5).
 */
#include "tests/unit/sessions.h"

#include "spfmilter/policyd_message.h"

#define HEAD "request=smtpd_access_policy\n"

/* --- requests --- */

static const struct {
	const char *name;
	struct mf_text input;
	enum policyd_parsed expect;
	const char
	    *got; /* stage, sender, recipient, and what is left; or why */
} requests[] = {
    {"what Postfix sends",
	BYTES(HEAD "protocol_state=RCPT\nsender=a@b\nrecipient=c@d\n"
		   "instance=1.2\n\n"),
	POLICYD_TAKEN, "3 a@b c@d 0"},
    {"nothing yet", BYTES(""), POLICYD_MORE, ""},
    {"half a line", BYTES("request=smtpd_acc"), POLICYD_MORE, ""},
    {"half a request", BYTES(HEAD "sender=a@b\n"), POLICYD_MORE, ""},
    {"two", BYTES(HEAD "sender=a@b\n\n" HEAD "sender=x\n\n"), POLICYD_TAKEN,
	"3 a@b  38"},
    {"unknown attributes", BYTES("x=y\n" HEAD "sender_x=q\n=\nsender=a\n\n"),
	POLICYD_TAKEN, "3 a  0"},
    {"one twice", BYTES(HEAD "sender=a\nsender=b\n\n"), POLICYD_TAKEN,
	"3 b  0"},
    {"\"=\" in a value", BYTES(HEAD "sender=a=b=c@d\n\n"), POLICYD_TAKEN,
	"3 a=b=c@d  0"},
    {"MAIL", BYTES(HEAD "protocol_state=MAIL\n\n"), POLICYD_TAKEN, "2   0"},
    {"DATA", BYTES(HEAD "protocol_state=DATA\n\n"), POLICYD_TAKEN, "4   0"},
    {"BDAT", BYTES(HEAD "protocol_state=BDAT\n\n"), POLICYD_TAKEN, "4   0"},
    {"the end", BYTES(HEAD "protocol_state=END-OF-MESSAGE\n\n"), POLICYD_TAKEN,
	"5   0"},
    {"CONNECT", BYTES(HEAD "protocol_state=CONNECT\n\n"), POLICYD_TAKEN,
	"1   0"},
    {"VRFY", BYTES(HEAD "protocol_state=VRFY\n\n"), POLICYD_TAKEN, "0   0"},
    {"a state of the future", BYTES(HEAD "protocol_state=XYZ\n\n"),
	POLICYD_TAKEN, "0   0"},
    {"an empty request", BYTES("\n"), POLICYD_BAD, "an empty request"},
    {"another's", BYTES("request=junk\n\n"), POLICYD_BAD,
	"no request=smtpd_access_policy"},
    {"no \"=\"", BYTES(HEAD "junk\n\n"), POLICYD_BAD, "a line without \"=\""},
    {"CR LF", BYTES("request=smtpd_access_policy\r\n\r\n"), POLICYD_MORE, ""},
    {"a NUL", BYTES(HEAD "sender=a\0b\n\n"), POLICYD_BAD, "a NUL in a value"},
};

static void
out_request(struct text_out *out, const struct policyd_request *r, size_t left)
{
	out_uint(out, r->stage);
	out_char(out, ' ');
	out_text(out, r->sender);
	out_char(out, ' ');
	out_text(out, r->recipient);
	out_char(out, ' ');
	out_uint(out, left);
}

static void
parsing(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(requests); i++) {
		struct mf_text input = requests[i].input;
		struct policyd_request r;
		char have[256];
		struct text_out out = text_out(have, sizeof(have) - 1);
		const char *why, *name = requests[i].name;

		expect_int(name, "status", policyd_parse(&input, &r, &why),
		    requests[i].expect);
		if (requests[i].expect == POLICYD_TAKEN)
			out_request(&out, &r, input.len);
		else if (why != NULL)
			out_str(&out, why);
		have[out.len] = '\0';
		expect_str(name, "request", have, requests[i].got);
		if (requests[i].expect != POLICYD_TAKEN)
			expect_int(name, "input left", (int)input.len,
			    (int)requests[i].input.len);
	}
}

/* Nobody is read for ever. */
static void
size_limit(void **state)
{
	static char octets[POLICYD_REQUEST_MAX + 100];
	struct policyd_request r;
	struct mf_text input = mf_text_at(octets, POLICYD_REQUEST_MAX);
	const char *why;

	(void)state;
	memset(octets, 'x', sizeof(octets));
	assert_int_equal(policyd_parse(&input, &r, &why), POLICYD_MORE);
	input.len = POLICYD_REQUEST_MAX + 1;
	assert_int_equal(policyd_parse(&input, &r, &why), POLICYD_BAD);
	octets[sizeof(octets) - 2] = octets[sizeof(octets) - 1] = '\n';
	input.len = sizeof(octets);
	assert_int_equal(policyd_parse(&input, &r, &why), POLICYD_BAD);
}

/* --- addresses --- */

static void
paths(void **state)
{
	static const struct {
		const char *address, *expect;
	} rows[] = {
	    {"", ""},
	    {"a@b", "a@b"},
	    {"a.b+c=d@e", "a.b+c=d@e"},
	    {"postmaster", "postmaster"},
	    {"a b@c", "\"a b\"@c"},
	    {"a@b@c", "\"a@b\"@c"},
	    {"a\"b\\c@d", "\"a\\\"b\\\\c\"@d"},
	    {".a@b", "\".a\"@b"},
	    {"a..b@c", "\"a..b\"@c"},
	    {"a.@b", "\"a.\"@b"},
	    {"@b", "\"\"@b"},
	    {"\xc3\xbc@b", "\xc3\xbc@b"},
	    {"a%b@c", "a%b@c"},
	};
	static char store[POLICYD_PATH_SIZE], address[2 * POLICYD_PATH_SIZE];
	struct mf_text have;

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		have = policyd_path(mf_text_of(rows[i].address), store);
		if (!mf_text_eq(have, mf_text_of(rows[i].expect)))
			fail_msg("%s: have \"%.*s\"", rows[i].address,
			    (int)have.len, have.p);
	}
	memset(address, 'a', sizeof(address) - 1);
	memcpy(address + sizeof(address) - 6, "@b.de", 5);
	have = policyd_path(mf_text_of(address), store);
	assert_int_equal(
	    path_sender(have, &(struct path_macros){{NULL, 0}, {NULL, 0}}).kind,
	    PATH_AMBIGUOUS);
	assert_false(path_is_plain(have));
}

/* --- answers --- */

static void
answers(void **state)
{
	static char long_value[2 * POLICYD_ANSWER_MAX];
	const struct {
		struct policyd_answer answer;
		const char *expect;
	} rows[] = {
	    {{.verb = POLICYD_DUNNO}, "action=DUNNO\n\n"},
	    {{.verb = POLICYD_REFUSE,
		 .code = 550,
		 .dsn = "5.7.23",
		 .text = "100%% sure"},
		"action=550 5.7.23 100% sure\n\n"},
	    {{.verb = POLICYD_HOLD, .text = "odd"}, "action=HOLD odd\n\n"},
	    {{.verb = POLICYD_DISCARD, .text = "odd"},
		"action=DISCARD odd\n\n"},
	    {{.verb = POLICYD_PREPEND, .name = "X", .value = "a;\n\tb\tc"},
		"action=PREPEND X: a; b c\n\n"},
	    {{.verb = POLICYD_PREPEND, .name = "X", .value = "a\n\naction=OK"},
		"action=PREPEND X: a??action=OK\n\n"},
	    {{.verb = POLICYD_PREPEND, .name = "X", .value = long_value},
		"action=DUNNO\n\n"},
	};
	char have[POLICYD_ANSWER_MAX];

	(void)state;
	memset(long_value, 'x', sizeof(long_value) - 1);
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct text_out out = text_out(have, sizeof(have));

		policyd_format(&rows[i].answer, &out);
		assert_false(out.full);
		if (!mf_text_eq(out_view(&out), mf_text_of(rows[i].expect)))
			fail_msg("have %.*s", (int)out.len, out.p);
	}
}

/* --- messages --- */

/* Checks are over at once: the records are in a file. */
static void
never_woken(void *arg)
{
	(void)arg;
	fail_msg("it waited");
}

struct fields_of_request {
	const char *ip, *name, *helo, *user, *instance, *sender, *recipient;
	enum policyd_stage stage;
};

/* Ask, and write the first two words of the action. */
static void
ask(struct policyd_message *m, struct spfmilter *service,
    const struct fields_of_request *f, struct text_out *out)
{
	const struct policyd_context context = {.service = service,
	    .host = MF_TEXT("mx.example.net"),
	    .woken = never_woken};
	const struct policyd_request request = {.stage = f->stage,
	    .instance = mf_text_of(f->instance),
	    .client_address = mf_text_of(f->ip),
	    .client_name = mf_text_of(f->name),
	    .helo = mf_text_of(f->helo),
	    .sender = mf_text_of(f->sender),
	    .recipient = mf_text_of(f->recipient),
	    .user = mf_text_of(f->user)};
	char store[POLICYD_ANSWER_MAX];
	struct text_out answer = text_out(store, sizeof(store));
	struct mf_text words;

	assert_true(policyd_message_take(m, &context, &request, m));
	policyd_message_answer(m, &request, &answer);
	words = text_from(out_view(&answer), strlen("action="));
	words = text_head(words, text_find(words, '\n'));
	out_char(out, ' ');
	if (words.len != 0 && ascii_is_digit(words.p[0])) {
		out_text(out, text_head(words, 3));
		out_char(out, '/');
		words = text_from(words, 4);
	}
	out_text(out, text_head(words, text_find(words, ' ')));
}

/*
 * A script: a line for each request, "STAGE INSTANCE IP NAME HELO USER SENDER
 * RECIPIENT"; "-" is empty.
 */
static void
run_script(struct spfmilter *service, const char *script, struct text_out *out)
{
	struct policyd_message m = {.session = NULL};
	char copy[1024], *rest = copy;

	snprintf(copy, sizeof(copy), "%s", script);
	while (*rest != '\0') {
		char *line = rest, *stage;
		struct fields_of_request f;
		size_t len = strcspn(rest, "\n");

		rest += len + (rest[len] == '\n');
		line[len] = '\0';
		stage = session_word(&line);
		f = (struct fields_of_request){
		    .stage = (enum policyd_stage)(
			strchr("OCMRDE", stage[0]) - "OCMRDE")};
		f.instance = session_word(&line);
		f.ip = session_word(&line);
		f.name = session_word(&line);
		f.helo = session_word(&line);
		f.user = session_word(&line);
		f.sender = session_word(&line);
		f.recipient = session_word(&line);
		ask(&m, service, &f, out);
	}
	policyd_message_end(&m);
}

#define OUT  " 198.51.100.1 unknown neutral.example - "
#define FAIL "a@fail.example "

static const struct {
	const char *name, *config, *access, *script, *expect;
} messages[] = {
    {"the field once a message", "", "",
	"R 1" OUT "a@soft.example b@x\nR 1" OUT "a@soft.example c@x\n"
	"R 2" OUT "a@soft.example b@x",
	" PREPEND DUNNO PREPEND"},
    {"without instance each is a message", "", "",
	"R -" OUT "a@soft.example b@x\nR -" OUT "a@soft.example c@x",
	" PREPEND PREPEND"},
    {"no field", "policy_header = none", "", "R 1" OUT "a@soft.example b@x",
	" DUNNO"},
    {"an answer for each recipient", "", "",
	"R 1" OUT FAIL "b@x\nR 1" OUT FAIL "postmaster@x\nR 1" OUT FAIL
	"postmaster\nR 1" OUT FAIL "c@x",
	" 550/5.7.23 PREPEND DUNNO 550/5.7.23"},
    {"another sender is another message", "", "",
	"R 1" OUT FAIL "b@x\nR 1" OUT "a@soft.example b@x",
	" 550/5.7.23 PREPEND"},
    {"before MAIL nothing is checked", "", "",
	"C 1" OUT "- -\nR 1" OUT FAIL "b@x", " DUNNO 550/5.7.23"},
    {"at MAIL", "", "", "M 1" OUT FAIL "-", " 550/5.7.23"},
    {"at DATA, having seen the recipients", "", "",
	"R 1" OUT FAIL "postmaster@x\nD 1" OUT FAIL "-\nE 1" OUT FAIL "-",
	" PREPEND DUNNO DUNNO"},
    {"at DATA alone", "", "",
	"D 1" OUT FAIL "-\nE 2" OUT FAIL "-\nD 3" OUT FAIL "postmaster@x",
	" 550/5.7.23 550/5.7.23 PREPEND"},
    {"no field at the end of the message", "", "", "E 1" OUT "a@soft.example -",
	" DUNNO"},
    {"reject_at = mail has no exempt recipients", "reject_at = mail", "",
	"R 1" OUT FAIL "postmaster@x", " 550/5.7.23"},
    {"held once", "", "spf-fail: QUARANTINE:odd\n",
	"R 1" OUT FAIL "b@x\nR 1" OUT FAIL "c@x\nR 1" OUT FAIL "d@x",
	" HOLD PREPEND DUNNO"},
    {"discarded", "", "spf-fail: DISCARD\n", "R 1" OUT FAIL "b@x", " DISCARD"},
    {"not with an exempt recipient", "", "spf-fail: DISCARD\n",
	"R 1" OUT FAIL "abuse@x\nR 1" OUT FAIL "b@x", " PREPEND DUNNO"},
    {"report", "mode = report", "spf-soft: DISCARD\n", "R 1" OUT FAIL "b@x",
	" PREPEND"},
    {"internal", "internal_connect = 198.51.100.0/24", "", "R 1" OUT FAIL "b@x",
	" DUNNO"},
    {"a trusted relay isn't checked",
	"trusted_relay = 198.51.100.1\ntrusted_relay_check = reject\n"
	"trusted_relay_unreadable = tempfail",
	"", "R 1" OUT FAIL "b@x\nR 1" OUT FAIL "a%b@x", " DUNNO DUNNO"},
    {"authenticated", "", "smtp-auth:fail.example REJECT\n",
	"R 1 198.51.100.1 unknown x bob " FAIL "b@x\n"
	"R 2 198.51.100.1 unknown x bob a@soft.example b@x",
	" 550/5.7.1 DUNNO"},
    {"a client exempt by its verified name", "exempt_clients = mx.example", "",
	"R 1 198.51.100.1 mx.example x - " FAIL "b@x\n"
	"R 2 198.51.100.1 other.example x - " FAIL "b@x",
	" PREPEND 550/5.7.23"},
    /* "Infrastructure trouble never turns into a pass." */
    {"an address that nobody knows",
	"internal_connect = localhost\nexempt_clients = *", "",
	"R 1 unknown localhost x - a@pass.example b@x\n"
	"R 2 - - - - a@pass.example b@x\nR 3 1.2.3 a b - a@pass.example b@x",
	" 451/4.7.24 451/4.7.24 451/4.7.24"},
    {"a sender without a domain", "", "", "R 1" OUT "root b@x", " 553/5.1.7"},
    {"a recipient in two readings", "", "", "R 1" OUT FAIL "postmaster%y@x",
	" 553/5.1.3"},
    {"IPv6", "", "", "R 1 2001:db8::1 unknown x - a@pass.example b@x",
	" PREPEND"},
};

static void
scripts(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(messages); i++) {
		struct milter_service *service = service_of(
		    messages[i].config, "fwd.example", messages[i].access);
		char have[1024];
		struct text_out out = text_out(have, sizeof(have) - 1);

		run_script(
		    (struct spfmilter *)service, messages[i].script, &out);
		have[out.len] = '\0';
		expect_str(
		    messages[i].name, "answers", have, messages[i].expect);
		spfmilter_free(service);
	}
}

/* --- beside the filter --- */

static const char *const ips[] = {"192.0.2.1", "198.51.100.1", "203.0.113.9",
    "192.0.2.77", "2001:db8::1", "::ffff:192.0.2.1"};
static const char *const names[] = {"mx.exempt.example", "x.example", NULL};
static const char *const domains[] = {"pass.example", "fail.example",
    "soft.example", "neutral.example", "perm.example", "srs.example",
    "key.example", "xn--bcher-kva.example"};
static const char *const recipients[] = {"b@x.example", "postmaster@x.example",
    "abuse@x.example", "friend@x.example", "a%b@x.example", "Postmaster"};
static const char *const locals[] = {
    "a", "SRS0=AbCd=G3=x.example=bob", "exempt", "o'brien", "a.b"};

#define PARITY_CONFIG                                            \
	"exempt_clients = .exempt.example, 203.0.113.9\n"        \
	"exempt_senders = exempt@\nexempt_helo = pass.example\n" \
	"delay_checks = friend\nbad_helo = reject\n"             \
	"internal_connect = 192.0.2.77"
#define PARITY_ACCESS                                                  \
	"spf-soft:soft.example ERROR:5.7.9:554 no %\nspf-fail:a@ OK\n" \
	"spf-neutral: TEMPFAIL\nspf-none:key.example REJECT\n"         \
	"helo-fail: REJECT\nsmtp-auth:fail.example REJECT not yours\n" \
	"spf-to:friend@x.example OK\nspf-permerror:perm.example OK\n"

static uint32_t seed = 17;

static const char *
pick(const char *const *list, size_t count)
{
	seed = seed * 1664525 + 1013904223;
	return list[(seed >> 16) % count];
}
#define PICK(list) pick(list, COUNT(list))

/* What the filter answers each recipient, its fields left out. */
static void
filter_says(struct milter_service *service, const struct fields_of_request *f,
    const char *const *to, size_t count, struct text_out *out)
{
	struct session *s = session_new(&spfmilter_filter, service);
	char script[1024];

	assert_non_null(s);
	snprintf(script, sizeof(script), "c %s %s\nh %s\nm <%s> - %s", f->ip,
	    f->name != NULL ? f->name : "-", f->helo, f->sender,
	    f->user != NULL ? f->user : "-");
	session_run(s, script, &(struct text_out){.full = true});
	for (size_t i = 0; i < count; i++) {
		snprintf(script, sizeof(script), "r <%s>", to[i]);
		session_run(s, script, out);
	}
	session_free(s);
}

static void
policy_says(struct milter_service *service, struct fields_of_request f,
    const char *const *to, size_t count, struct text_out *out)
{
	struct policyd_message m = {.session = NULL};

	for (size_t i = 0; i < count; i++) {
		char word[64];
		struct text_out one = text_out(word, sizeof(word));

		f.recipient = to[i];
		ask(&m, (struct spfmilter *)service, &f, &one);
		if (mf_text_eq(out_view(&one), MF_TEXT(" PREPEND")) ||
		    mf_text_eq(out_view(&one), MF_TEXT(" DUNNO")))
			out_str(out, " ok");
		else
			out_text(out, out_view(&one));
	}
	policyd_message_end(&m);
}

static void
parity(void **state)
{
	struct milter_service *service =
	    service_of(PARITY_CONFIG, "fwd.example", PARITY_ACCESS);
	static const char *const users[] = {NULL, NULL, NULL, "bob"};

	(void)state;
	for (unsigned n = 0; n < 2000; n++) {
		char sender[128], filter[256], policy[256];
		struct text_out a = text_out(filter, sizeof(filter) - 1);
		struct text_out b = text_out(policy, sizeof(policy) - 1);
		const char *to[3] = {
		    PICK(recipients), PICK(recipients), PICK(recipients)};
		struct fields_of_request f = {.ip = PICK(ips),
		    .name = PICK(names),
		    .helo = n % 9 != 0 ? PICK(domains) : "192.0.2.1",
		    .user = PICK(users),
		    .instance = "1.2.3",
		    .sender = sender,
		    .stage = POLICYD_RCPT};

		if (n % 11 == 0)
			sender[0] = '\0';
		else
			snprintf(sender, sizeof(sender), "%s@%s", PICK(locals),
			    PICK(domains));
		filter_says(service, &f, to, 3, &a);
		policy_says(service, f, to, 3, &b);
		filter[a.len] = policy[b.len] = '\0';
		if (strcmp(filter, policy) != 0)
			fail_msg("%u: %s %s from <%s> to %s %s %s: filter%s, "
				 "policy%s",
			    n, f.ip, f.helo, sender, to[0], to[1], to[2],
			    filter, policy);
	}
	spfmilter_free(service);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(parsing),
	    cmocka_unit_test(size_limit),
	    cmocka_unit_test(paths),
	    cmocka_unit_test(answers),
	    cmocka_unit_test_setup_teardown(
		scripts, scratch_setup, scratch_teardown),
	    cmocka_unit_test_setup_teardown(
		parity, scratch_setup, scratch_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
