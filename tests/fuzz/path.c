/* SPDX-License-Identifier: ISC */
/*
 * milter/path.h, reply.h and hosts.h: any octets.
 *
 * As an argument of MAIL with its macros; as a reply; and as a list of hosts, asked for its own
 * items, which has to have what the lists of each item alone have.
 */
#include "milter/path.h"
#include "common/reply.h"
#include "milter/hosts.h"
#include "tests/fuzz/fuzz.h"

#define ITEMS_MAX 64

static bool
is_inside(struct mf_text part, struct mf_text whole)
{
	return part.len == 0 ||
	    (part.p >= whole.p && part.p + part.len <= whole.p + whole.len);
}

/* What is read is a view, and then of one kind only. */
static void
check_sender(struct mf_text arg, const struct path_macros *macros)
{
	struct path path = path_sender(arg, macros);
	struct mf_text told =
	    macros->f.p != NULL ? macros->f : macros->mail_addr;
	struct mf_text written = path_unbracketed(arg);

	FUZZ_CHECK(
	    is_inside(path.mailbox, arg) || is_inside(path.mailbox, told));
	FUZZ_CHECK((path.kind == PATH_NULL) == (path.mailbox.len == 0) ||
	    path.kind == PATH_AMBIGUOUS);
	if (path.kind == PATH_AMBIGUOUS)
		return;
	/* Nothing but what is written or told, and told if it isn't plain. */
	FUZZ_CHECK(mf_text_eq(path.mailbox, written) ||
	    mf_text_eq(path.mailbox, told));
	if (path.kind == PATH_MAILBOX)
		FUZZ_CHECK(path_is_plain(path.mailbox) &&
		    path_domain(path.mailbox).len != 0);
	/* Null or not is as it is told, if anything is. */
	if (told.p != NULL && path_domain(told).len != 0)
		FUZZ_CHECK(path.kind == PATH_MAILBOX);
	if (told.p != NULL && told.len == 0)
		FUZZ_CHECK(path.kind == PATH_NULL);
	/* Where nothing is told, what is written is plain and qualified. */
	if (told.p == NULL && path.kind == PATH_MAILBOX)
		FUZZ_CHECK(
		    path_is_plain(written) && path_is_qualified(written));
}

static void
check_readings(struct mf_text mailbox)
{
	static struct path_reading r;
	size_t len = mailbox.len + 1;

	if (!path_reading(mailbox, &r))
		return;
	do {
		/* Each is shorter than the last one: there is an end. */
		FUZZ_CHECK(r.local.len < len || len == mailbox.len + 1);
		len = r.local.len;
		FUZZ_CHECK(r.local.len + r.domain.len < 2 * PATH_READING_MAX);
	} while (path_reading_next(&r));
}

/* input: the argument, and in further lines {mail_addr} and f, if any. */
static void
check_path(struct mf_text input)
{
	struct mf_text arg = input, mail_addr = mf_text_of(NULL),
		       f = mf_text_of(NULL);
	struct mf_text mailbox, local, domain;

	if (text_cut(&input, '\n', &arg))
		mail_addr = input;
	if (text_cut(&input, '\n', &mail_addr))
		f = input;
	check_sender(
	    arg, &(struct path_macros){.f = f, .mail_addr = mail_addr});
	check_sender(arg, &(struct path_macros){.mail_addr = mail_addr});
	check_sender(arg, &(struct path_macros){.f = {NULL, 0}});
	mailbox = path_unbracketed(arg);
	local = path_local(mailbox);
	domain = path_domain(mailbox);
	FUZZ_CHECK(is_inside(mailbox, arg));
	FUZZ_CHECK(is_inside(local, mailbox) && is_inside(domain, mailbox));
	FUZZ_CHECK(mailbox.len - local.len == domain.len ||
	    mailbox.len - local.len == domain.len + 1);
	FUZZ_CHECK(local.len == mailbox.len || mailbox.p[local.len] == '@');
	FUZZ_CHECK((path_recipient(arg).kind == PATH_MAILBOX) ==
	    path_is_plain(mailbox));
	check_readings(mailbox);
}

static void
check_reply(struct mf_text text)
{
	char out[REPLY_SIZE];
	size_t len, at = 0;

	memset(out, 'X', sizeof(out));
	reply_quote(text, out);
	FUZZ_CHECK(memchr(out, '\0', sizeof(out)) != NULL);
	len = strlen(out);
	FUZZ_CHECK(text_is_printable(mf_text_at(out, len)));
	for (size_t i = 0; i < len; i++, at++) {
		FUZZ_CHECK(at < text.len);
		if (out[i] == '%')
			FUZZ_CHECK(text.p[at] == '%' && out[++i] == '%');
		else if (out[i] != text.p[at])
			FUZZ_CHECK(out[i] == '?');
	}
	FUZZ_CHECK(at == text.len || len >= REPLY_SIZE - 2);
}

static struct hosts
build(struct mf_text *items, size_t count)
{
	struct report report = {.say = report_ignore};
	struct conf_list list = {items, count};
	struct hosts hosts;
	bool ok = hosts_build(&hosts, &list, "file", 1, "key", &report);

	FUZZ_CHECK(ok == (report.errors == 0));
	FUZZ_CHECK(hosts.count <= count && hosts.networks <= hosts.count);
	return hosts;
}

static void
check_client(const struct hosts *all, const struct hosts *alone, size_t count,
    const struct spf_ip *ip, struct mf_text name)
{
	bool any = false;

	for (size_t i = 0; i < count; i++)
		any = hosts_has(&alone[i], ip, name) || any;
	FUZZ_CHECK(hosts_has(all, ip, name) == any);
}

static void
check_hosts(struct mf_text input)
{
	struct mf_text items[ITEMS_MAX];
	struct hosts all, alone[ITEMS_MAX];
	size_t count = 0;

	while (input.len != 0 && count < ITEMS_MAX) {
		size_t len = text_find(input, ',');

		items[count] = text_trim(text_head(input, len));
		count += items[count].len != 0;
		input = text_from(input, len + 1);
	}
	all = build(items, count);
	for (size_t i = 0; i < count; i++)
		alone[i] = build(&items[i], 1);
	for (size_t i = 0; i < count; i++) {
		struct spf_ip ip;
		size_t len = text_find(items[i], '/');

		check_client(&all, alone, count, NULL, items[i]);
		if (!spf_ip_parse(text_head(items[i], len), &ip))
			continue;
		check_client(&all, alone, count, &ip, MF_TEXT(""));
		FUZZ_CHECK(alone[i].count == 0 ||
		    hosts_has(&alone[i], &ip, MF_TEXT("")));
		ip.octets[ip.v6 ? 15 : 3] ^= 1;
		check_client(&all, alone, count, &ip, items[0]);
	}
	for (size_t i = 0; i < count; i++)
		hosts_free(&alone[i]);
	hosts_free(&all);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct mf_text input = mf_text_at((const char *)data, size);

	check_path(input);
	check_reply(input);
	check_hosts(input);
	return 0;
}
