/* SPDX-License-Identifier: ISC */
#include "tools/spfquery/lookup_report.h"

const char *
lookup_rcode(const struct spf_origin *o)
{
	if (!o->has_rcode)
		return "";
	return o->rcode == 0 ? "NOERROR"
			     : spf_cause_text((enum spf_cause)o->rcode);
}

/* --- for people --- */

void
lookup_put_origin(const struct canvas *c, const struct spf_answer *a,
    const struct spf_origin *o)
{
	if (a->status == SPF_DNS_VOID && o->has_rcode)
		canvas_paint(c, DIM,
		    o->rcode == 0 ? " (no such record)" : " (%s)",
		    lookup_rcode(o));
	if (o->server[0] == '\0')
		return;
	canvas_paint(c, DIM, "  %s, ", o->server);
	if (o->cached)
		canvas_paint(c, DIM, "cached");
	else
		canvas_paint(c, DIM, "%.1f ms", (double)o->elapsed_us / 1000);
	if (a->status != SPF_DNS_ERROR)
		canvas_paint(c, DIM, ", TTL %u", (unsigned)o->ttl_sec);
}

/* --- JSON --- */

static struct mf_text
address_at(const struct spf_answer *a, size_t i, char room[SPF_IP_SIZE])
{
	struct spf_ip ip = {.v6 = a->rr == SPF_RR_AAAA};
	size_t size = ip.v6 ? 16 : 4;

	memcpy(ip.octets, a->addresses + i * size, size);
	return mf_text_at(room, spf_ip_print(&ip, room));
}

void
lookup_write_answer(struct json_writer *w, const struct spf_answer *a)
{
	static const char *const words[] = {
	    [SPF_DNS_FOUND] = "found",
	    [SPF_DNS_VOID] = "void",
	    [SPF_DNS_ERROR] = "error",
	};
	char room[SPF_IP_SIZE];

	json_text(w, "answer", mf_text_of(words[a->status]));
	if (a->status == SPF_DNS_ERROR)
		json_text(w, "cause", mf_text_of(spf_cause_text(a->cause)));
	if (a->status != SPF_DNS_FOUND)
		return;
	if (a->rr == SPF_RR_TXT) {
		json_number(w, "spf_records", a->spf_records);
		if (a->spf_records == 0 && a->only_text.len != 0)
			json_text(w, "text", a->only_text);
		return;
	}
	json_open(w, a->addresses != NULL ? "addresses" : "names", '[');
	for (size_t i = 0; i < a->count; i++) {
		json_item(w,
		    a->addresses != NULL ? address_at(a, i, room)
					 : a->names[i]);
	}
	json_close(w, ']');
}

void
lookup_write_origin(struct json_writer *w, const struct spf_origin *o)
{
	json_text(w, "rcode", mf_text_of(lookup_rcode(o)));
	json_text(w, "server", mf_text_of(o->server));
	if (o->server[0] == '\0')
		return;
	json_truth(w, "cached", o->cached);
	json_number(w, "ttl", o->ttl_sec);
	json_number(w, "microseconds", o->elapsed_us);
}
