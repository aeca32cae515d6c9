/* SPDX-License-Identifier: ISC */
/*
 * spf MODE TIMES: check one message TIMES times in a row, answers in memory.
 *
 * MODE is RECORD-STATE.  RECORD: ip4, "v=spf1 ip4:192.0.2.0/24 -all" and a
 * client within it; includes, five includes, a and mx, of which nothing matches
 * but -all.  STATE: cold, from the text of the records to the verdict; warm,
 * with compiled records.  Prints checks per second.  For instructions run it
 * under callgrind with two values of TIMES and divide the difference: 10000 and
 * 20000 will do.
 */
#include <stdio.h>
#include <time.h>

#include <mailfrom/spf.h>

#include "common/text.h"

#define INCLUDES 5
#define RECORDS  (1 + INCLUDES)

struct world {
	struct mf_text records[RECORDS]; /* the domain's, those it includes */
	size_t count;
	struct spf_answer *txt[RECORDS];
	struct spf_answer *mx;
	struct spf_answer *address;
	struct spf_answer *nothing;
	struct spf_request request;
	enum spf_result want;
};

/* The domain is e.example, the includes are 1.example to 5.example. */
static const struct spf_answer *
lookup(void *arg, enum spf_rr rr, struct mf_text name)
{
	const struct world *w = arg;

	switch (rr) {
	case SPF_RR_TXT:
		return w->txt[ascii_is_digit(name.p[0]) ? name.p[0] - '0' : 0];
	case SPF_RR_A:
		return w->address;
	case SPF_RR_MX:
		return w->mx;
	case SPF_RR_AAAA:
	case SPF_RR_PTR:
		return w->nothing;
	}
	return NULL;
}

static bool
compile(struct world *w)
{
	for (size_t i = 0; i < w->count; i++) {
		w->txt[i] = spf_answer_txt(&w->records[i], 1);
		if (w->txt[i] == NULL)
			return false;
	}
	return true;
}

static void
drop(struct world *w)
{
	for (size_t i = 0; i < w->count; i++)
		spf_answer_free(w->txt[i]);
}

static bool
check(struct world *w)
{
	const struct spf_source source = {.lookup = lookup, .arg = w};
	struct spf_verdict verdict;

	return spf_evaluate(&w->request, &source, &verdict) == SPF_OK &&
	    verdict.result == w->want;
}

static bool
prepare(struct world *w, bool includes)
{
	static const uint8_t address[4] = {203, 0, 113, 1};
	static const char *const included[INCLUDES] = {
	    "v=spf1 ip4:198.51.100.1 -all", "v=spf1 ip4:198.51.100.2 -all",
	    "v=spf1 ip4:198.51.100.3 -all", "v=spf1 ip4:198.51.100.4 -all",
	    "v=spf1 ip4:198.51.100.5 -all"};
	const struct mf_text host = MF_TEXT("m.example");

	w->request =
	    (struct spf_request){.sender = MF_TEXT("bob.smith@e.example"),
		.helo = MF_TEXT("mail.e.example"),
		.receiver = MF_TEXT("mx.example")};
	w->count = includes ? RECORDS : 1;
	w->want = includes ? SPF_FAIL : SPF_PASS;
	w->records[0] = includes
	    ? MF_TEXT("v=spf1 include:1.example include:2.example "
		      "include:3.example include:4.example include:5.example "
		      "a mx -all")
	    : MF_TEXT("v=spf1 ip4:192.0.2.0/24 -all");
	for (size_t i = 1; i < w->count; i++)
		w->records[i] = mf_text_of(included[i - 1]);
	w->mx = spf_answer_names(SPF_RR_MX, &host, 1);
	w->address = spf_answer_addresses(SPF_RR_A, address, 1);
	w->nothing = spf_answer_void(SPF_RR_PTR);
	return w->mx != NULL && w->address != NULL && w->nothing != NULL &&
	    spf_ip_parse(MF_TEXT("192.0.2.1"), &w->request.ip);
}

static bool
run(struct world *w, bool cold, uint64_t times)
{
	if (!cold) {
		if (!compile(w))
			return false;
		for (uint64_t n = 0; n < times; n++)
			if (!check(w))
				return false;
		drop(w);
		return true;
	}
	for (uint64_t n = 0; n < times; n++) {
		if (!compile(w) || !check(w))
			return false;
		drop(w);
	}
	return true;
}

static double
seconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

int
main(int argc, char **argv)
{
	static const struct {
		const char *name;
		bool includes, cold;
	} modes[] = {{"ip4-cold", false, true}, {"ip4-warm", false, false},
	    {"includes-cold", true, true}, {"includes-warm", true, false}};
	static struct world world;
	uint64_t times;

	if (argc == 3 && text_uint(mf_text_of(argv[2]), UINT32_MAX, &times))
		for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++) {
			if (strcmp(argv[1], modes[i].name) != 0)
				continue;
			if (!prepare(&world, modes[i].includes))
				return 1;
			double begin = seconds();
			if (!run(&world, modes[i].cold, times)) {
				fputs("spf: a wrong verdict\n", stderr);
				return 1;
			}
			printf("%.0f\n", (double)times / (seconds() - begin));
			spf_answer_free(world.mx);
			spf_answer_free(world.address);
			spf_answer_free(world.nothing);
			return 0;
		}
	fputs("usage: spf ip4-cold|ip4-warm|includes-cold|includes-warm "
	      "TIMES\n",
	    stderr);
	return 2;
}
