/* SPDX-License-Identifier: ISC */
#include "tools/spfquery/json_record.h"

#include "common/text.h"
#include "tools/spfquery/ipset.h"
#include "tools/spfquery/spfquery.h"

static const char *const names[] = {
    [SPF_TERM_ALL] = "all",
    [SPF_TERM_IP4] = "ip4",
    [SPF_TERM_IP6] = "ip6",
    [SPF_TERM_A] = "a",
    [SPF_TERM_MX] = "mx",
    [SPF_TERM_PTR] = "ptr",
    [SPF_TERM_EXISTS] = "exists",
    [SPF_TERM_INCLUDE] = "include",
};

static void
write_network(struct json_writer *w, const struct spf_term *t)
{
	struct spf_ip ip = {.v6 = t->kind == SPF_TERM_IP6};
	struct ip_net net;
	char text[IP_NET_SIZE];

	memcpy(ip.octets, t->network, ip.v6 ? 16 : 4);
	net = ip_net(&ip, ip.v6 ? t->cidr6 : t->cidr4);
	json_text(w, "network", mf_text_at(text, ip_net_print(&net, text)));
}

static void
write_domain(struct json_writer *w, const struct spf_domain_spec *spec)
{
	json_text(w, "domain", spec->text);
	json_truth(w, "macros", spec->macros);
}

static void
write_mechanism(struct json_writer *w, const struct spf_term *t)
{
	json_text(w, "mechanism", mf_text_of(names[t->kind]));
	json_text(w, "result", mf_text_of(spf_result_text(t->result)));
	switch (t->kind) {
	case SPF_TERM_ALL:
		break;
	case SPF_TERM_IP4:
	case SPF_TERM_IP6:
		write_network(w, t);
		break;
	case SPF_TERM_A:
	case SPF_TERM_MX:
		write_domain(w, &t->target);
		json_number(w, "prefix4", t->cidr4);
		json_number(w, "prefix6", t->cidr6);
		break;
	case SPF_TERM_PTR:
	case SPF_TERM_EXISTS:
	case SPF_TERM_INCLUDE:
		write_domain(w, &t->target);
		break;
	}
}

static void
write_modifier(
    struct json_writer *w, const struct spf_record *record, struct mf_text word)
{
	struct mf_text name = MF_TEXT("");

	text_cut(&word, '=', &name);
	json_text(w, "modifier", name);
	if (text_eq_fold(name, MF_TEXT("redirect")))
		write_domain(w, spf_record_redirect(record));
	else if (text_eq_fold(name, MF_TEXT("exp")))
		write_domain(w, spf_record_explanation(record));
	else
		json_text(w, "value", word);
}

/* spf_record_terms() has the mechanisms; other words are modifiers. */
static void
write_terms(struct json_writer *w, const struct spf_record *record)
{
	size_t count;
	const struct spf_term *next = spf_record_terms(record, &count);
	const struct spf_term *end = next + count;
	struct mf_text rest = spf_record_text(record), word;

	rest = text_from(rest, sizeof("v=spf1") - 1);
	for (; rest.len != 0; rest = text_from(rest, word.len + 1)) {
		word = text_head(rest, text_find(rest, ' '));
		if (word.len == 0)
			continue;
		json_open(w, NULL, '{');
		json_text(w, "term", word);
		if (next != end && next->written.p == word.p)
			write_mechanism(w, next++);
		else
			write_modifier(w, record, word);
		json_close(w, '}');
	}
}

void
json_record(struct json_writer *w, struct mf_text text)
{
	struct spf_record *record = spfquery_must(spf_record_compile(text));
	const char *problem = spf_record_problem(record);

	json_text(w, "record", text);
	if (problem != NULL)
		json_text(w, "problem", mf_text_of(problem));
	json_open(w, "parsed", '[');
	if (problem == NULL)
		write_terms(w, record);
	json_close(w, ']');
	spf_record_free(record);
}
