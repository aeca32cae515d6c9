/* SPDX-License-Identifier: ISC */
#include "milter/hosts.h"

#include <stdlib.h>

/* The list at hand and where complaints about it go. */
struct builder {
	const char *file;
	unsigned line;
	const char *key;
	struct report *report;
};

static bool
refuse(const struct builder *b, const char *reason, struct mf_text item)
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

static unsigned
address_bits(const struct spf_ip *ip)
{
	return ip->v6 ? 128 : 32;
}

/* Clear the bits beyond the first len, unused octets of IPv4 among them. */
static void
mask(struct spf_ip *ip, unsigned len)
{
	for (unsigned i = 0; i < sizeof(ip->octets); i++) {
		unsigned keep = len > i * 8 ? len - i * 8 : 0;

		if (keep < 8)
			ip->octets[i] &= (uint8_t)(0xff00u >> keep);
	}
}

/* Order of addresses: IPv4 first. */
static int
compare_ip(const struct spf_ip *a, const struct spf_ip *b)
{
	if (a->v6 != b->v6)
		return a->v6 ? 1 : -1;
	return memcmp(a->octets, b->octets, sizeof(a->octets));
}

static bool
is_within(const struct spf_ip *ip, const struct hosts_item *network)
{
	struct spf_ip masked = *ip;

	mask(&masked, network->prefix_len);
	return compare_ip(&masked, &network->ip) == 0;
}

/* Networks first, by their first address, the larger before the smaller. */
static int
compare_items(const void *first, const void *second)
{
	const struct hosts_item *a = first, *b = second;
	int order;

	if (a->kind != HOSTS_NETWORK || b->kind != HOSTS_NETWORK)
		return (int)a->kind - (int)b->kind;
	order = compare_ip(&a->ip, &b->ip);
	return order != 0 ? order : (int)a->prefix_len - (int)b->prefix_len;
}

/*
 * Drop networks that lie in another.  Two networks are apart or one is in the
 * other, so that an address can only be in the last that begins before it.
 */
static void
sort(struct hosts *hosts)
{
	struct hosts_item *items = hosts->items;
	size_t kept = 0;

	qsort(items, hosts->count, sizeof(*items), compare_items);
	for (size_t i = 0; i < hosts->count; i++) {
		bool network = items[i].kind == HOSTS_NETWORK;

		if (network && kept != 0 &&
		    is_within(&items[i].ip, &items[kept - 1]))
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
	size_t low = 0, high = hosts->networks;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (compare_ip(&hosts->items[middle].ip, ip) <= 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low != 0 && is_within(ip, &hosts->items[low - 1]);
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
consists_of(struct mf_text t, const char *set)
{
	for (size_t i = 0; i < t.len; i++)
		if (t.p[i] == '\0' || strchr(set, ascii_lower(t.p[i])) == NULL)
			return false;
	return true;
}

#define DIGITS     "0123456789"
#define NAME_CHARS DIGITS "abcdefghijklmnopqrstuvwxyz-_"

/*
 * Labels of letters, digits, "-" and "_".  Without a letter in the last one it
 * is an address with a mistake.
 */
static bool
is_name(struct mf_text t)
{
	struct mf_text label = t;

	if (t.len > SPF_NAME_MAX)
		return false;
	while (text_cut(&t, '.', &label))
		if (label.len == 0 || !consists_of(label, NAME_CHARS))
			return false;
	return t.len != 0 && consists_of(t, NAME_CHARS) &&
	    !consists_of(t, DIGITS "-_");
}

static struct mf_text
without_literal(struct mf_text t)
{
	if (t.len > 2 && t.p[0] == '[' && t.p[t.len - 1] == ']')
		t = mf_text_at(t.p + 1, t.len - 2);
	if (text_starts_fold(t, MF_TEXT("IPv6:")))
		t = text_from(t, 5);
	return t;
}

static bool
read_address(struct mf_text t, struct hosts_item *out)
{
	out->kind = HOSTS_NETWORK;
	if (!spf_ip_parse(without_literal(t), &out->ip))
		return false;
	out->prefix_len = address_bits(&out->ip);
	return true;
}

static bool
read_network(
    const struct builder *b, struct mf_text item, struct hosts_item *out)
{
	struct mf_text length = item, address = MF_TEXT("");
	struct spf_ip written;
	unsigned mapped = 0;
	uint64_t n;

	text_cut(&length, '/', &address);
	if (!read_address(address, out))
		return refuse(b, "not a network", item);
	if (!out->ip.v6 && text_find(address, ':') < address.len)
		mapped = 128 - 32;
	if (!text_uint(length, out->prefix_len + mapped, &n) || n < mapped)
		return refuse(b,
		    out->ip.v6        ? "not a prefix length from 0 to 128"
			: mapped != 0 ? "not a prefix length from 96 to 128"
				      : "not a prefix length from 0 to 32",
		    item);
	out->prefix_len = (unsigned)n - mapped;
	written = out->ip;
	mask(&out->ip, out->prefix_len);
	if (compare_ip(&written, &out->ip) != 0)
		report_warning(b->report, b->file, b->line, b->key,
		    "bits beyond the prefix mean nothing: \"%.*s\"",
		    (int)item.len, item.p);
	return true;
}

static bool
read_glob(struct mf_text item, struct hosts_item *out)
{
	struct mf_text below = text_from(item, 1);

	out->pattern = item;
	out->kind = HOSTS_IP_GLOB;
	if (consists_of(item, DIGITS ".*?") ||
	    (text_find(item, ':') < item.len &&
		consists_of(item, DIGITS "abcdef:.*?")))
		return true;
	out->kind = HOSTS_NAME_GLOB;
	if (text_starts(item, MF_TEXT("*.")) && is_name(text_from(below, 1))) {
		out->kind = HOSTS_NAME;
		out->pattern = below;
	}
	return consists_of(item, NAME_CHARS ".*?");
}

static bool
read_item(const struct builder *b, struct mf_text item, struct hosts_item *out)
{
	struct mf_text name = without_dot(item);

	if (text_find(item, '/') < item.len)
		return read_network(b, item, out);
	if (read_address(item, out))
		return true;
	if (text_find(item, '*') < item.len ||
	    text_find(item, '?') < item.len) {
		if (read_glob(name, out))
			return true;
	} else {
		out->kind = HOSTS_NAME;
		out->pattern = name;
		if (is_name(text_from(name, text_starts(name, MF_TEXT(".")))))
			return true;
	}
	return refuse(b,
	    "neither an address nor a network, a host name or a pattern", item);
}

bool
hosts_build(struct hosts *out, const struct conf_list *items, const char *file,
    unsigned line, const char *key, struct report *report)
{
	const struct builder b = {file, line, key, report};
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

/* Mapped addresses are IPv4.  What is in unused octets doesn't matter. */
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
is_loopback(const struct spf_ip *ip)
{
	static const uint8_t one[16] = {[15] = 1};

	return ip->v6 ? memcmp(ip->octets, one, sizeof(one)) == 0
		      : ip->octets[0] == 127;
}

static bool
item_has(const struct hosts_item *item, struct mf_text ip, struct mf_text name)
{
	switch (item->kind) {
	case HOSTS_NETWORK:
		return false; /* has_network() */
	case HOSTS_IP_GLOB:
		return ip.len != 0 && matches(item->pattern, ip);
	case HOSTS_NAME_GLOB:
		return name.len != 0 && matches(item->pattern, name);
	case HOSTS_NAME:
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
		if (name.len == 0 && is_loopback(&client))
			name = MF_TEXT("localhost");
	}
	for (size_t i = hosts->networks; i < hosts->count; i++)
		if (item_has(&hosts->items[i], address, name))
			return true;
	return false;
}
