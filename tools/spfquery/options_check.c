/* SPDX-License-Identifier: ISC */
/*
 * The command line as a whole: what its arguments are, and which options don't
 * go together.
 */
#include <stdarg.h>
#include <stdio.h>

#include "common/text.h"
#include "tools/spfquery/ipset.h"
#include "tools/spfquery/spfquery.h"

int
spfquery_bad_usage(const char *format, ...)
{
	va_list args;

	fputs("spfquery: ", stderr);
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fputs("; spfquery --help shows the usage\n", stderr);
	return SPFQUERY_USAGE;
}

/* pyspf: [RECORD] IP SENDER HELO. */
static int
take_arguments(struct spfquery_options *o)
{
	char **a = o->arguments;

	if (o->argument_count == 4 &&
	    text_starts_fold(mf_text_of(a[0]), MF_TEXT("v=spf1"))) {
		o->record = *a++;
		o->argument_count--;
	}
	if (o->argument_count == 3 && o->ip == NULL && o->sender == NULL &&
	    o->helo == NULL) {
		o->ip = a[0];
		o->sender = a[1];
		o->helo = a[2];
		return SPFQUERY_OK;
	}
	if (o->argument_count != 0)
		return spfquery_bad_usage(
		    "\"%s\": without options, IP, sender and HELO name are "
		    "wanted; to look at a domain's record use --lint",
		    a[0]);
	return SPFQUERY_OK;
}

/* Mail::SPF: --identity is the one to check, by --scope. */
static int
take_identity(struct spfquery_options *o)
{
	if (o->identity == NULL)
		return SPFQUERY_OK;
	/* The other tools' word for what --scope says here. */
	if (strcmp(o->identity, "helo") == 0 ||
	    strcmp(o->identity, "mailfrom") == 0 ||
	    strcmp(o->identity, "mfrom") == 0) {
		o->helo_scope = strcmp(o->identity, "helo") == 0;
		return SPFQUERY_OK;
	}
	if (o->helo_scope)
		o->helo = o->identity;
	else
		o->sender = o->identity;
	return SPFQUERY_OK;
}

/* --- reports about domains --- */

static int
check_form(const struct spfquery_options *o)
{
	if (o->json + o->csv + o->html > 1)
		return spfquery_bad_usage(
		    "--json, --csv and --html exclude each other");
	if (o->html && o->view == VIEW_FLATTEN)
		return spfquery_bad_usage(
		    "--html is for --lint, --tree and --networks");
	if (o->html && (o->argument_count != 1 || o->file != NULL))
		return spfquery_bad_usage("--html is for one domain");
	if (o->contains != NULL && (o->csv || o->html))
		return spfquery_bad_usage(
		    "--contains excludes --csv and --html");
	if (o->check && o->csv)
		return spfquery_bad_usage("--check excludes --csv");
	return SPFQUERY_OK;
}

static int
check_view(const struct spfquery_options *o)
{
	if (o->suite || o->trace || (o->ip != NULL && o->view != VIEW_LINT))
		return spfquery_bad_usage(
		    "--lint, --tree, --networks and --flatten exclude --suite "
		    "and --trace; --ip is for --lint alone");
	if (o->argument_count == 0 && o->file == NULL)
		return spfquery_bad_usage("which domain?");
	if (o->record != NULL && (o->argument_count != 1 || o->file != NULL))
		return spfquery_bad_usage("--record is for one domain");
	if (o->from != NULL && o->record != NULL)
		return spfquery_bad_usage(
		    "--from and --record exclude each other");
	return check_form(o);
}

/* What one of them alone has. */
static int
check_single(const struct spfquery_options *o)
{
	struct ip_net net;

	if (o->contains != NULL && !ip_net_parse(mf_text_of(o->contains), &net))
		return spfquery_bad_usage(
		    "--contains: \"%s\" is not a network or address",
		    o->contains);
	if (o->contains != NULL && o->view != VIEW_NETWORKS)
		return spfquery_bad_usage("--contains is for --networks");
	if ((o->from != NULL || o->check) && o->view != VIEW_FLATTEN)
		return spfquery_bad_usage(
		    "--from and --check are for --flatten");
	if ((o->csv || o->html) && o->view == VIEW_NONE)
		return spfquery_bad_usage(
		    "--csv and --html are for --lint, --tree and --networks");
	return SPFQUERY_OK;
}

/* --- checks --- */

static int
check_client(const struct spfquery_options *o)
{
	if (o->suite + (o->file != NULL) > 1)
		return spfquery_bad_usage(
		    "--suite and --file exclude each other");
	if (o->file != NULL && o->record != NULL)
		return spfquery_bad_usage("--record is for one check; "
					  "--override says for which domain");
	if (o->suite && (o->json || o->trace))
		return spfquery_bad_usage("--suite shows no trace");
	if (o->suite || o->file != NULL)
		return SPFQUERY_OK;
	if (o->ip == NULL)
		return spfquery_bad_usage("which client? --ip");
	if (o->sender == NULL && o->helo == NULL)
		return spfquery_bad_usage(
		    "which sender? --sender, or --helo alone");
	if (o->helo_scope && o->helo == NULL)
		return spfquery_bad_usage("--scope helo needs --helo");
	return SPFQUERY_OK;
}

int
spfquery_options_check(struct spfquery_options *o)
{
	int rc = SPFQUERY_OK;

	if (!o->suite && o->view == VIEW_NONE)
		rc = take_arguments(o);
	if (rc == SPFQUERY_OK)
		rc = take_identity(o);
	if (rc == SPFQUERY_OK)
		rc = check_single(o);
	if (rc != SPFQUERY_OK)
		return rc;
	if (o->zone != NULL && o->nameservers != NULL)
		return spfquery_bad_usage(
		    "--zone and --nameserver exclude each other");
	return o->view != VIEW_NONE ? check_view(o) : check_client(o);
}
