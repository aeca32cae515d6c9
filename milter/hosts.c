/* SPDX-License-Identifier: ISC */
#include "milter/hosts.h"

#include <stdlib.h>

#include "milter/client.h"

/* The list at hand and where complaints about it go. */
struct hosts_builder {
	const char *file;
	unsigned line;
	const char *key;
	struct report *report;
};

static bool
refuse(const struct hosts_builder *b, const char *reason, struct mf_text item)
{
	report_error(b->report, b->file, b->line, b->key, "%s: \"%.*s\"",
	    reason, (int)text_head(item, 200).len, item.p);
	return false;
}

static struct mf_text
without_dot(struct mf_text name)
{
	if (name.len > 1 && name.p[name.len - 1] == '.')
		name.len--;
	return name;
}

/* --- networks --- */

/* Order of addresses: IPv4 first. */
static int
compare_ip(const struct network *a, const struct network *b)
{
	if (a->v6 != b->v6)
		return a->v6 ? 1 : -1;
	return memcmp(a->octets, b->octets, sizeof(a->octets));
}

static bool
is_within(const struct network *ip, const struct network *network)
{
	struct network masked = *ip;

	network_mask(masked.octets, network->prefix_len);
	return compare_ip(&masked, network) == 0;
}

/* Networks first, by their first address, the larger before the smaller. */
static int
compare_items(const void *first, const void *second)
{
	const struct network *a = first, *b = second;
	int order;

	if (a->kind != NETWORK_OF_IPS || b->kind != NETWORK_OF_IPS)
		return (int)a->kind - (int)b->kind;
	order = compare_ip(a, b);
	return order != 0 ? order : (int)a->prefix_len - (int)b->prefix_len;
}

/*
 * Drop networks that lie in another.  Two networks are apart or one is in the
 * other, so that an address can only be in the last that begins before it.
 */
static void
sort(struct hosts *hosts)
{
	struct network *items = hosts->items;
	size_t kept = 0;

	qsort(items, hosts->count, sizeof(*items), compare_items);
	for (size_t i = 0; i < hosts->count; i++) {
		bool network = items[i].kind == NETWORK_OF_IPS;

		if (network && kept != 0 &&
		    is_within(&items[i], &items[kept - 1]))
			continue;
		items[kept++] = items[i];
		if (network)
			hosts->networks = kept;
	}
	hosts->count = kept;
}

static bool
has_network(const struct hosts *hosts, const struct spf_ip *ip)
{
	struct network one = {.v6 = ip->v6};
	size_t low = 0, high = hosts->networks;

	memcpy(one.octets, ip->octets, ip->v6 ? 16 : 4);
	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (compare_ip(&hosts->items[middle], &one) <= 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low != 0 && is_within(&one, &hosts->items[low - 1]);
}

/* --- patterns --- */

/* Goes back to the last "*" only: the time is that of t times pattern. */
static bool
matches(struct mf_text pattern, struct mf_text t)
{
	size_t p = 0, i = 0, star = pattern.len, from = 0;

	while (i < t.len) {
		char c = p < pattern.len ? pattern.p[p] : '\0';

		if (p < pattern.len && c == '*') {
			star = p++;
			from = i;
		} else if (p < pattern.len &&
		    (c == '?' || ascii_lower(c) == ascii_lower(t.p[i]))) {
			p++;
			i++;
		} else if (star < pattern.len) {
			p = star + 1;
			i = ++from;
		} else
			return false;
	}
	while (p < pattern.len && pattern.p[p] == '*')
		p++;
	return p == pattern.len;
}

static bool
is_below(struct mf_text name, struct mf_text dotted)
{
	return name.len > dotted.len && text_ends_fold(name, dotted);
}

/* --- building --- */

static bool
read_item(
    const struct hosts_builder *b, struct mf_text item, struct network *out)
{
	const char *why;

	if (!network_read(item, out, &why))
		return refuse(b, why, item);
	if (out->was_masked)
		report_warning(b->report, b->file, b->line, b->key,
		    "host bits set; ignored: \"%.*s\"", (int)item.len, item.p);
	return true;
}

bool
hosts_build(struct hosts *out, const struct conf_list *items, const char *file,
    unsigned line, const char *key, struct report *report)
{
	const struct hosts_builder b = {file, line, key, report};
	bool ok = true;

	*out = (struct hosts){.count = 0};
	if (items->count == 0)
		return true;
	out->items = calloc(items->count, sizeof(*out->items));
	if (out->items == NULL) {
		report_error(report, file, line, key, "out of memory");
		return false;
	}
	for (size_t i = 0; i < items->count; i++) {
		if (read_item(&b, items->items[i], &out->items[out->count]))
			out->count++;
		else
			ok = false;
	}
	sort(out);
	return ok;
}

void
hosts_free(struct hosts *hosts)
{
	free(hosts->items);
	*hosts = (struct hosts){.count = 0};
}

/* --- asking --- */

/* Mapped addresses are IPv4. */
static struct spf_ip
normal(const struct spf_ip *ip)
{
	static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};
	struct spf_ip out = *ip;

	if (ip->v6 && memcmp(ip->octets, mapped, sizeof(mapped)) == 0) {
		out.v6 = false;
		memcpy(out.octets, ip->octets + sizeof(mapped), 4);
	}
	return out;
}

static bool
item_has(const struct network *item, struct mf_text ip, struct mf_text name)
{
	switch (item->kind) {
	case NETWORK_OF_IPS:
		return false; /* has_network() */
	case NETWORK_IP_GLOB:
		return ip.len != 0 && matches(item->pattern, ip);
	case NETWORK_NAME_GLOB:
		return name.len != 0 && matches(item->pattern, name);
	case NETWORK_NAME:
		return item->pattern.p[0] == '.'
		    ? is_below(name, item->pattern)
		    : text_eq_fold(name, item->pattern);
	}
	return false;
}

bool
hosts_has(
    const struct hosts *hosts, const struct spf_ip *ip, struct mf_text name)
{
	char printed[SPF_IP_SIZE];
	struct mf_text address = MF_TEXT("");
	struct spf_ip client;

	if (hosts->count == 0)
		return false;
	name = without_dot(name);
	if (ip != NULL) {
		client = normal(ip);
		if (has_network(hosts, &client))
			return true;
		address = mf_text_at(printed, spf_ip_print(&client, printed));
		if (name.len == 0 && client_is_loopback(&client))
			name = MF_TEXT("localhost");
	}
	for (size_t i = hosts->networks; i < hosts->count; i++)
		if (item_has(&hosts->items[i], address, name))
			return true;
	return false;
}
