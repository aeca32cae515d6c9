/* SPDX-License-Identifier: ISC */
/*
 * Keys, from a zone file or the DNS.
 */
#include <errno.h>
#include <string.h>

#include "common/clock.h"
#include "common/text.h"
#include "tools/dkimquery/dkimquery.h"
#include "tools/zone/zone.h"
#include <mailfrom/spf_resolver.h>

static void
take(struct dkim_check *check, size_t i, const struct spf_answer *answer,
    struct dkimquery_key *key)
{
	struct mf_text record = MF_TEXT("");

	switch (answer->status) {
	case SPF_DNS_FOUND:
		key->status =
		    answer->count == 1 ? DKIM_KEY_FOUND : DKIM_KEY_MANY;
		record = answer->only_text;
		break;
	case SPF_DNS_VOID:
		key->status = DKIM_KEY_NONE;
		break;
	case SPF_DNS_ERROR:
		key->status = DKIM_KEY_FAILED;
		key->cause = answer->cause;
		break;
	}
	dkim_check_answer(check, i, key->status, record);
}

/* The next question, or empty. */
static struct mf_text
question(const struct dkim_check *check, size_t i, struct dkimquery_key *key)
{
	struct mf_text name = dkim_check_question(check, i);

	key->asked = name.len != 0;
	if (name.len != 0)
		memcpy(key->name, name.p, name.len);
	key->name[name.len] = '\0';
	return name;
}

static bool
from_zone(const struct dkimquery_options *o, struct dkim_check *check,
    struct dkimquery_key *keys)
{
	struct zone *zone = zone_from_file(o->zone);
	struct spf_source source;

	if (zone == NULL)
		return false;
	source = zone_source(zone);
	for (size_t i = 0; i < dkim_check_count(check, NULL); i++) {
		struct mf_text name = question(check, i, &keys[i]);

		if (name.len != 0)
			take(check, i,
			    source.lookup(source.arg, SPF_RR_TXT, name),
			    &keys[i]);
	}
	zone_free(zone);
	return true;
}

static struct spf_resolver *
open_resolver(const struct dkimquery_options *o)
{
	struct spf_resolver_params params = SPF_RESOLVER_PARAMS_DEFAULT;
	struct spf_resolver *resolver = NULL;
	enum spf_resolver_status status;

	params.nameservers = o->nameservers;
	params.timeout_ms = o->timeout_sec * 1000;
	status = spf_resolver_new(&params, &resolver);
	if (status == SPF_RESOLVER_OK)
		return resolver;
	fprintf(stderr, "dkimquery: %s%s%s%s%s\n",
	    status == SPF_RESOLVER_BAD_SERVERS ? o->nameservers : "",
	    status == SPF_RESOLVER_BAD_SERVERS ? ": " : "",
	    spf_resolver_status_text(status),
	    status == SPF_RESOLVER_SYSTEM ? ": " : "",
	    status == SPF_RESOLVER_SYSTEM ? strerror(errno) : "");
	return NULL;
}

/* All are on their way before the first is waited for. */
static bool
from_dns(const struct dkimquery_options *o, struct dkim_check *check,
    struct dkimquery_key *keys)
{
	struct spf_resolver *resolver = open_resolver(o);
	size_t count = dkim_check_count(check, NULL);
	uint64_t until_ms = clock_ms() + o->timeout_sec * 1000;
	bool ok = resolver != NULL;

	for (size_t i = 0; ok && i < count; i++)
		if (question(check, i, &keys[i]).len != 0)
			spf_resolver_ask_ahead(
			    resolver, SPF_RR_TXT, mf_text_of(keys[i].name));
	for (size_t i = 0; ok && i < count; i++) {
		uint64_t now_ms = clock_ms();
		const struct spf_reply *reply;

		if (!keys[i].asked)
			continue;
		reply = spf_resolver_ask_for(resolver, SPF_RR_TXT,
		    mf_text_of(keys[i].name),
		    until_ms > now_ms ? (unsigned)(until_ms - now_ms) : 0);
		ok = reply != NULL;
		if (ok)
			take(check, i, spf_reply_answer(reply), &keys[i]);
		else
			fputs("dkimquery: out of memory\n", stderr);
		spf_reply_release(reply);
	}
	spf_resolver_free(resolver);
	return ok;
}

bool
dkimquery_keys(const struct dkimquery_options *o, struct dkim_check *check,
    struct dkimquery_key keys[static DKIM_SIGNATURES_MAX])
{
	bool any = false;

	if (o->zone != NULL)
		return from_zone(o, check, keys);
	for (size_t i = 0; i < dkim_check_count(check, NULL); i++)
		any = any || dkim_check_question(check, i).len != 0;
	return !any || from_dns(o, check, keys);
}
