/* SPDX-License-Identifier: ISC */
/*
 * print: what include/mailfrom/spf_header.h makes of requests and verdicts, for the parsers
 * of test_headers.py.
 *
 * A line each of stdin, "IDENTITY RESULT GUESSED IP SENDER HELO AUTHORITY
 * DOMAIN MECHANISM PROBLEM": three numbers, then hexadecimal with "x" in front.
 * A line each to stdout: Received-SPF, a blank, Authentication-Results, in
 * hexadecimal.
 */
#include <stdio.h>
#include <stdlib.h>

#include <mailfrom/spf_header.h>

#include "common/text.h"

#define LINE_SIZE 65536

enum {
	IDENTITY,
	RESULT,
	GUESSED,
	IP,
	SENDER,
	HELO,
	AUTHORITY,
	DOMAIN,
	MECHANISM,
	PROBLEM,
	FIELDS
};

static _Noreturn void
wrong(const char *what)
{
	fprintf(stderr, "print: %s\n", what);
	exit(1);
}

static unsigned
digit(char c)
{
	return ascii_is_digit(c) ? (unsigned)(c - '0')
				 : (unsigned)(c - 'a' + 10) & 15;
}

/* The octets of "x68656c6f", in place. */
static struct mf_text
decode(struct mf_text t)
{
	char *p = (char *)(uintptr_t)t.p;

	if (t.len % 2 != 1 || p[0] != 'x')
		wrong("not hexadecimal");
	for (size_t i = 0; i < t.len / 2; i++)
		p[i] = (char)(digit(p[1 + 2 * i]) << 4 | digit(p[2 + 2 * i]));
	return mf_text_at(p, t.len / 2);
}

static unsigned
number(struct mf_text t, unsigned max)
{
	uint64_t n;

	if (!text_uint(t, max, &n))
		wrong("not a number");
	return (unsigned)n;
}

static void
put(char *out, size_t size, struct mf_text t)
{
	if (t.len >= size || memchr(t.p, '\0', t.len) != NULL)
		wrong("not the text of a verdict");
	memcpy(out, t.p, t.len);
	out[t.len] = '\0';
}

static void
print(const char *field)
{
	for (; *field != '\0'; field++)
		printf("%02x", (unsigned)(unsigned char)*field);
}

static void
answer(const struct mf_text *f)
{
	struct spf_request q = {
	    .identity = number(f[IDENTITY], 1) != 0 ? SPF_HELO : SPF_MAILFROM,
	    .sender = decode(f[SENDER]),
	    .helo = decode(f[HELO])};
	struct spf_verdict v = {
	    .result = (enum spf_result)number(f[RESULT], SPF_PERMERROR),
	    .guessed = number(f[GUESSED], 1) != 0};
	char out[SPF_HEADER_SIZE];

	if (!spf_ip_parse(decode(f[IP]), &q.ip))
		wrong("not an address");
	put(v.domain, sizeof(v.domain), decode(f[DOMAIN]));
	put(v.mechanism, sizeof(v.mechanism), decode(f[MECHANISM]));
	put(v.problem, sizeof(v.problem), decode(f[PROBLEM]));
	spf_header_received(&q, &v, decode(f[AUTHORITY]), out);
	print(out);
	putchar(' ');
	spf_header_authentication(&q, &v, out);
	print(out);
	putchar('\n');
}

int
main(void)
{
	static char line[LINE_SIZE];

	while (fgets(line, sizeof(line), stdin) != NULL) {
		struct mf_text rest = text_trim(mf_text_of(line)), f[FIELDS];
		size_t count = 0;

		while (count < FIELDS - 1 && text_cut(&rest, ' ', &f[count]))
			count++;
		if (count != FIELDS - 1)
			wrong("not ten fields");
		f[count] = rest;
		answer(f);
	}
	return 0;
}
