/* SPDX-License-Identifier: ISC */
/* IP addresses, parsed from text and printed. */
#include <arpa/inet.h>

#include <mailfrom/spf.h>

#include "common/text.h"

static const uint8_t mapped_prefix[12] = {
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

bool
spf_ip_parse(struct mf_text text, struct spf_ip *out)
{
	char copy[SPF_IP_SIZE];
	struct spf_ip ip = {.v6 = false};

	if (text.len == 0 || text.len >= sizeof(copy) ||
	    memchr(text.p, '\0', text.len) != NULL)
		return false;
	memcpy(copy, text.p, text.len);
	copy[text.len] = '\0';
	if (inet_pton(AF_INET, copy, ip.octets) != 1) {
		if (inet_pton(AF_INET6, copy, ip.octets) != 1)
			return false;
		ip.v6 = memcmp(ip.octets, mapped_prefix,
			    sizeof(mapped_prefix)) != 0;
		if (!ip.v6) {
			memmove(ip.octets, ip.octets + 12, 4);
			memset(ip.octets + 4, 0, 12);
		}
	}
	*out = ip;
	return true;
}

/* inet_ntop() takes printf for it, and each message has a few of them. */
static size_t
print_v4(const uint8_t *octets, char out[static SPF_IP_SIZE])
{
	struct text_out o = text_out(out, SPF_IP_SIZE - 1);

	for (size_t i = 0; i < 4; i++) {
		if (i != 0)
			out_char(&o, '.');
		out_uint(&o, octets[i]);
	}
	out[o.len] = '\0';
	return o.len;
}

size_t
spf_ip_print(const struct spf_ip *ip, char out[static SPF_IP_SIZE])
{
	if (!ip->v6)
		return print_v4(ip->octets, out);
	inet_ntop(AF_INET6, ip->octets, out, SPF_IP_SIZE);
	return strlen(out);
}
