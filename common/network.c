/* SPDX-License-Identifier: ISC */
#include "common/network.h"

#include <arpa/inet.h>

#include "common/domain.h"

#define DIGITS     "0123456789"
#define NAME_CHARS DIGITS "abcdefghijklmnopqrstuvwxyz-_"

static bool
consists_of(struct mf_text t, const char *set)
{
	for (size_t i = 0; i < t.len; i++)
		if (t.p[i] == '\0' || strchr(set, ascii_lower(t.p[i])) == NULL)
			return false;
	return true;
}

/* --- addresses --- */

bool
network_read_ip(struct mf_text t, struct network *out)
{
	static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};
	struct network n = {.kind = NETWORK_OF_IPS, .prefix_len = 32};
	char copy[INET6_ADDRSTRLEN];

	if (t.len == 0 || t.len >= sizeof(copy) ||
	    memchr(t.p, '\0', t.len) != NULL)
		return false;
	memcpy(copy, t.p, t.len);
	copy[t.len] = '\0';
	if (inet_pton(AF_INET, copy, n.octets) != 1) {
		if (inet_pton(AF_INET6, copy, n.octets) != 1)
			return false;
		n.v6 = memcmp(n.octets, mapped, sizeof(mapped)) != 0;
		n.prefix_len = n.v6 ? 128 : 32;
		if (!n.v6) {
			memmove(n.octets, n.octets + 12, 4);
			memset(n.octets + 4, 0, 12);
		}
	}
	*out = n;
	return true;
}

void
network_mask(uint8_t octets[static 16], unsigned len)
{
	for (unsigned i = 0; i < 16; i++) {
		unsigned keep = len > i * 8 ? len - i * 8 : 0;

		if (keep < 8)
			octets[i] &= (uint8_t)(0xff00u >> keep);
	}
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

static const char *
read_prefixed(struct mf_text item, struct network *out)
{
	struct mf_text length = item, address = MF_TEXT("");
	uint8_t written[16];
	unsigned mapped = 0;
	uint64_t n;

	text_cut(&length, '/', &address);
	if (!network_read_ip(without_literal(address), out))
		return "not a network";
	if (!out->v6 && text_find(address, ':') < address.len)
		mapped = 128 - 32;
	if (!text_uint(length, out->prefix_len + mapped, &n) || n < mapped)
		return out->v6    ? "not a prefix length from 0 to 128"
		    : mapped != 0 ? "not a prefix length from 96 to 128"
				  : "not a prefix length from 0 to 32";
	out->prefix_len = (unsigned)n - mapped;
	memcpy(written, out->octets, sizeof(written));
	network_mask(out->octets, out->prefix_len);
	out->was_masked = memcmp(written, out->octets, sizeof(written)) != 0;
	return NULL;
}

/* --- names and patterns --- */

/*
 * Labels of letters, digits, "-" and "_".  Without a letter in the last one it
 * is an address with a mistake.
 */
static bool
is_name(struct mf_text t)
{
	struct mf_text label = t;

	if (t.len > DOMAIN_MAX)
		return false;
	while (text_cut(&t, '.', &label))
		if (label.len == 0 || !consists_of(label, NAME_CHARS))
			return false;
	return t.len != 0 && consists_of(t, NAME_CHARS) &&
	    !consists_of(t, DIGITS "-_");
}

static bool
read_glob(struct mf_text item, struct network *out)
{
	struct mf_text below = text_from(item, 1);

	out->pattern = item;
	out->kind = NETWORK_IP_GLOB;
	if (consists_of(item, DIGITS ".*?") ||
	    (text_find(item, ':') < item.len &&
		consists_of(item, DIGITS "abcdef:.*?")))
		return true;
	out->kind = NETWORK_NAME_GLOB;
	if (text_starts(item, MF_TEXT("*.")) && is_name(text_from(below, 1))) {
		out->kind = NETWORK_NAME;
		out->pattern = below;
	}
	return consists_of(item, NAME_CHARS ".*?");
}

bool
network_read(struct mf_text item, struct network *out, const char **why)
{
	struct mf_text name = item;

	*why = NULL;
	*out = (struct network){.kind = NETWORK_NAME};
	if (text_find(item, '/') < item.len) {
		*why = read_prefixed(item, out);
		return *why == NULL;
	}
	if (network_read_ip(without_literal(item), out))
		return true;
	if (name.len > 1 && name.p[name.len - 1] == '.')
		name.len--;
	if (text_find(item, '*') < item.len ||
	    text_find(item, '?') < item.len) {
		if (read_glob(name, out))
			return true;
	} else {
		out->pattern = name;
		if (is_name(text_from(name, text_starts(name, MF_TEXT(".")))))
			return true;
	}
	*why = "not an address, network, host name or pattern";
	return false;
}
