/* SPDX-License-Identifier: ISC */
/*
 * nothing_milter [-a ACTIONS] [-n STEPS] [-m STAGE=MACROS]... SOCKET
 *
 * A filter by libmilter that does nothing: what any filter that negotiates the
 * same can't be faster than.  ACTIONS and STEPS are SMFIF_* and SMFIP_* added
 * up, in decimal; STAGE is SMFIM_*.  milter.py gives those of the filter that
 * it stands beside.
 */
#include <libmilter/mfapi.h>
#include <stdio.h>
#include <unistd.h>

#include "common/text.h"

static uint64_t actions, steps;
static char *macro_lists[SMFIM_LAST + 1];

/*
 * libmilter writes a line to the system's log for each answer to a step that
 * was to have none.
 */
static sfsistat
answer(unsigned long no_reply)
{
	return (steps & no_reply) != 0 ? SMFIS_NOREPLY : SMFIS_CONTINUE;
}

static sfsistat
on_connect(SMFICTX *ctx, char *host, _SOCK_ADDR *address)
{
	(void)ctx, (void)host, (void)address;
	return answer(SMFIP_NR_CONN);
}

static sfsistat
on_helo(SMFICTX *ctx, char *name)
{
	(void)ctx, (void)name;
	return answer(SMFIP_NR_HELO);
}

static sfsistat
on_mail(SMFICTX *ctx, char **argv)
{
	(void)ctx, (void)argv;
	return answer(SMFIP_NR_MAIL);
}

static sfsistat
on_rcpt(SMFICTX *ctx, char **argv)
{
	(void)ctx, (void)argv;
	return answer(SMFIP_NR_RCPT);
}

static sfsistat
on_data(SMFICTX *ctx)
{
	(void)ctx;
	return answer(SMFIP_NR_DATA);
}

static sfsistat
on_header(SMFICTX *ctx, char *name, char *value)
{
	(void)ctx, (void)name, (void)value;
	return answer(SMFIP_NR_HDR);
}

static sfsistat
on_eoh(SMFICTX *ctx)
{
	(void)ctx;
	return answer(SMFIP_NR_EOH);
}

static sfsistat
on_body(SMFICTX *ctx, unsigned char *chunk, size_t len)
{
	(void)ctx, (void)chunk, (void)len;
	return answer(SMFIP_NR_BODY);
}

static sfsistat
on_unknown(SMFICTX *ctx, const char *line)
{
	(void)ctx, (void)line;
	return answer(SMFIP_NR_UNKN);
}

static sfsistat
on_other(SMFICTX *ctx)
{
	(void)ctx;
	return SMFIS_CONTINUE;
}

static sfsistat
on_negotiate(SMFICTX *ctx, unsigned long f0, unsigned long f1, unsigned long f2,
    unsigned long f3, unsigned long *pf0, unsigned long *pf1,
    unsigned long *pf2, unsigned long *pf3)
{
	(void)f0, (void)f1, (void)f2, (void)f3;
	*pf0 = (unsigned long)actions;
	*pf1 = (unsigned long)steps;
	*pf2 = *pf3 = 0;
	for (int i = 0; i <= SMFIM_LAST; i++)
		if (macro_lists[i] != NULL)
			smfi_setsymlist(ctx, i, macro_lists[i]);
	return SMFIS_CONTINUE;
}

static bool
take_option(int option)
{
	struct mf_text value = mf_text_of(optarg), stage;
	uint64_t number;

	switch (option) {
	case 'a':
		return text_uint(value, UINT32_MAX, &actions);
	case 'n':
		return text_uint(value, UINT32_MAX, &steps);
	case 'm':
		if (!text_cut(&value, '=', &stage) ||
		    !text_uint(stage, SMFIM_LAST, &number))
			return false;
		macro_lists[number] = optarg + stage.len + 1;
		return true;
	default:
		return false;
	}
}

int
main(int argc, char **argv)
{
	struct smfiDesc description = {.xxfi_name = "nothing",
	    .xxfi_version = SMFI_VERSION,
	    .xxfi_connect = on_connect,
	    .xxfi_helo = on_helo,
	    .xxfi_envfrom = on_mail,
	    .xxfi_envrcpt = on_rcpt,
	    .xxfi_header = on_header,
	    .xxfi_eoh = on_eoh,
	    .xxfi_body = on_body,
	    .xxfi_eom = on_other,
	    .xxfi_abort = on_other,
	    .xxfi_close = on_other,
	    .xxfi_unknown = on_unknown,
	    .xxfi_data = on_data,
	    .xxfi_negotiate = on_negotiate};
	bool ok = true;
	int option;

	while (ok && (option = getopt(argc, argv, "a:n:m:")) != -1)
		ok = take_option(option);
	if (!ok || optind + 1 != argc) {
		fputs("usage: nothing_milter [-a ACTIONS] [-n STEPS] "
		      "[-m STAGE=MACROS]... SOCKET\n",
		    stderr);
		return 2;
	}
	description.xxfi_flags = (unsigned long)actions;
	if (smfi_setconn(argv[optind]) != MI_SUCCESS ||
	    smfi_register(description) != MI_SUCCESS ||
	    smfi_setbacklog(1024) != MI_SUCCESS)
		return 1;
	return smfi_main() == MI_SUCCESS ? 0 : 1;
}
