/* SPDX-License-Identifier: ISC */
/*
 * milter/path.h, reply.h and hosts.h: any octets.
 *
 * As an argument of MAIL; as a reply; and as a list of hosts, asked for its own
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

static void
check_path(struct mf_text arg)
{
	static char room[70000];
	struct mf_text mailbox = path_mailbox(arg), sender;
	struct mf_text local = path_local(mailbox),
		       domain = path_domain(mailbox);
	struct text_out o = text_out(room, sizeof(room));

	FUZZ_CHECK(is_inside(mailbox, arg));
	FUZZ_CHECK(is_inside(local, mailbox) && is_inside(domain, mailbox));
	FUZZ_CHECK(mailbox.len - local.len == domain.len ||
	    mailbox.len - local.len == domain.len + 1);
	FUZZ_CHECK(local.len == mailbox.len || mailbox.p[local.len] == '@');
	if (mailbox.len == 0 || !path_is_plain(mailbox))
		return;
	FUZZ_CHECK(path_sender(arg, mf_text_of(NULL), &sender) ==
	    path_is_qualified(mailbox));
	FUZZ_CHECK(!path_is_qualified(mailbox) || mf_text_eq(sender, mailbox));
	/* What is plain is the same in every guise. */
	out_str(&o, " (x) <@r.example,@[IPv6:::1]: ");
	out_text(&o, mailbox);
	out_str(&o, " > (<y@z>)\t");
	FUZZ_CHECK(o.full || mf_text_eq(path_mailbox(out_view(&o)), mailbox));
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
