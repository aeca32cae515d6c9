/* SPDX-License-Identifier: ISC */
/*
 * c-ares knows where the system keeps its servers.  What it doesn't tell is
 * read from /etc/resolv.conf: options, of which 1.34 says nothing, and servers
 * with a scope, which 1.18 drops.
 */
#include "libspf-dns/system_servers.h"

#include "common/text.h"

#include <pthread.h>
#include <stdio.h>

#include <ares.h>

#define RESOLV_CONF "/etc/resolv.conf"

static int library_status;

/* DNS alone: no /etc/hosts. */
static char lookups[] = "b";

static void
init_library(void)
{
	library_status = ares_library_init(ARES_LIB_INIT_ALL);
}

/* --- what c-ares knows --- */

#if ARES_VERSION >= 0x011800

static bool
take_servers(ares_channel_t *channel, struct system_servers *out)
{
	char *list = ares_get_servers_csv(channel);

	if (list == NULL)
		return false;
	out->count = nameservers_read_some_(mf_text_of(list), out->all);
	ares_free_string(list);
	return true;
}

#else /* before 1.24; it leaves out servers with a scope */

#define DROPS_SCOPED 1

typedef struct ares_channeldata ares_channel_t;

static bool
take_servers(ares_channel_t *channel, struct system_servers *out)
{
	struct ares_addr_port_node *list, *s;

	if (ares_get_servers_ports(channel, &list) != ARES_SUCCESS)
		return false;
	for (s = list; s != NULL && out->count < SPF_NAMESERVERS_MAX;
	     s = s->next) {
		struct nameserver *one = &out->all[out->count++];

		*one = (struct nameserver){.ip.v6 = s->family == AF_INET6,
		    .port = s->udp_port != 0 ? (unsigned)s->udp_port : 53};
		memcpy(one->ip.octets, &s->addr, one->ip.v6 ? 16 : 4);
	}
	ares_free_data(list);
	return true;
}

#endif

/* --- what it doesn't tell --- */

#ifndef DROPS_SCOPED
#define DROPS_SCOPED 0
#endif

/* Cut the first word off line. */
static struct mf_text
cut_word(struct mf_text *line)
{
	size_t len = 0;

	*line = text_trim(*line);
	while (len < line->len && !ascii_is_blank(line->p[len]))
		len++;
	struct mf_text word = text_head(*line, len);
	*line = text_from(*line, len);
	return word;
}

/* Take N, at most max, of an option "name:N". */
static void
take_number(
    struct mf_text option, struct mf_text name, unsigned max, unsigned *out)
{
	uint64_t n;

	if (text_starts(option, name) &&
	    text_uint(text_from(option, name.len), UINT32_MAX, &n) && n != 0)
		*out = n < max ? (unsigned)n : max;
}

static void
take_option(struct mf_text option, struct system_servers *out)
{
	if (mf_text_eq(option, MF_TEXT("rotate")))
		out->rotate = true;
	take_number(option, MF_TEXT("timeout:"), SYSTEM_TIMEOUT_SEC_MAX,
	    &out->timeout_sec);
	take_number(
	    option, MF_TEXT("attempts:"), SYSTEM_ATTEMPTS_MAX, &out->attempts);
}

static void
insert(struct system_servers *out, size_t at, const struct nameserver *one)
{
	if (at >= SPF_NAMESERVERS_MAX)
		return;
	if (out->count == SPF_NAMESERVERS_MAX)
		out->count--;
	memmove(&out->all[at + 1], &out->all[at],
	    (out->count - at) * sizeof(out->all[0]));
	out->all[at] = *one;
	out->count++;
}

/* How many servers of the file were seen: with a scope, and others. */
struct servers_seen {
	size_t scoped, others;
};

/* c-ares has the others in the order of their lines. */
static void
take_line(
    struct mf_text line, struct servers_seen *seen, struct system_servers *out)
{
	struct mf_text key = cut_word(&line), word;
	struct nameserver found[SPF_NAMESERVERS_MAX];

	if (mf_text_eq(key, MF_TEXT("options"))) {
		while ((word = cut_word(&line)).len != 0)
			take_option(word, out);
		return;
	}
	if (!DROPS_SCOPED || !mf_text_eq(key, MF_TEXT("nameserver")) ||
	    nameservers_read_(cut_word(&line), found) != 1)
		return;
	if (found[0].scope[0] == '\0')
		seen->others++;
	else if (seen->scoped + seen->others <= out->count)
		insert(out, seen->scoped++ + seen->others, &found[0]);
}

static void
read_file(struct system_servers *out)
{
	FILE *file = fopen(RESOLV_CONF, "re");
	struct servers_seen seen = {0, 0};
	char line[512];

	while (file != NULL && fgets(line, sizeof(line), file) != NULL)
		take_line(mf_text_of(line), &seen, out);
	if (file != NULL)
		fclose(file);
	/* Then c-ares has made up 127.0.0.1. */
	if (seen.scoped != 0 && seen.others == 0)
		out->count = seen.scoped;
}

bool
system_servers_read_(struct system_servers *out)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	struct ares_options options = {.lookups = lookups};
	ares_channel_t *channel;
	bool ok;

	*out = (struct system_servers){.count = 0};
	pthread_once(&once, init_library);
	if (library_status != ARES_SUCCESS ||
	    ares_init_options(&channel, &options, ARES_OPT_LOOKUPS) !=
		ARES_SUCCESS)
		return false;
	ok = take_servers(channel, out);
	ares_destroy(channel);
	if (ok)
		read_file(out);
	return ok;
}
