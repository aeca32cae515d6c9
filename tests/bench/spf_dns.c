/* SPDX-License-Identifier: ISC */
/*
 * spf_dns ENGINE IN-FLIGHT COUNT PREFIX [NAMESERVERS [ATTEMPT-MS]]: check COUNT
 * messages of user@PREFIX0.test, PREFIX1.test and so on from 198.51.100.1, for
 * spf_dns.py.
 *
 * ENGINE is native, the resolver, with IN-FLIGHT checks at a time; or libspf2,
 * with its own resolver and cache, which has one at a time.  Prints how many
 * failed, as all should, microseconds of the median check and of all together,
 * and those of CPU time.
 */
#include <netinet/in.h>
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <time.h>

#include <spf2/spf.h>

#include <mailfrom/spf_resolver.h>

#define CLIENT    "198.51.100.1"
#define COUNT_MAX 100000

static uint64_t spent_us[COUNT_MAX];
static size_t fails; /* changed by one thread */
static sem_t may_start;

static uint64_t
now_us(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

static uint64_t
cpu_us(void)
{
	struct rusage usage;

	if (getrusage(RUSAGE_SELF, &usage) != 0)
		return 0;
	return (uint64_t)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) *
	    1000000 +
	    (uint64_t)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec);
}

static void
die(const char *why)
{
	fprintf(stderr, "spf_dns: %s\n", why);
	exit(1);
}

/* --- native --- */

/* arg is the place of the check's time. */
static void
done(void *arg, const struct spf_verdict *verdict, const struct spf_cost *cost)
{
	uint64_t *spent = arg;

	*spent = cost->elapsed_us;
	fails += verdict->result == SPF_FAIL;
	sem_post(&may_start);
}

static void
run_native(size_t in_flight, size_t count, const char *prefix,
    const char *nameservers, const char *attempt_ms)
{
	struct spf_resolver_params params = SPF_RESOLVER_PARAMS_DEFAULT;
	struct spf_request request = {.helo = MF_TEXT("helo.test")};
	struct spf_resolver *resolver;
	char sender[80];

	params.nameservers = nameservers;
	if (attempt_ms != NULL)
		params.attempt_ms = (unsigned)strtoul(attempt_ms, NULL, 10);
	if (spf_resolver_new(&params, &resolver) != SPF_RESOLVER_OK)
		die("no resolver");
	if (!spf_ip_parse(MF_TEXT(CLIENT), &request.ip) ||
	    sem_init(&may_start, 0, (unsigned)in_flight) != 0)
		die("sem_init");
	for (size_t i = 0; i < count; i++) {
		snprintf(sender, sizeof(sender), "user@%s%zu.test", prefix, i);
		request.sender = mf_text_of(sender);
		sem_wait(&may_start);
		spf_resolver_start(
		    resolver, &request, SPF_TIMEOUT_MS_MAX, done, &spent_us[i]);
	}
	for (size_t i = 0; i < in_flight; i++)
		sem_wait(&may_start);
	spf_resolver_free(resolver);
}

/* --- libspf2 --- */

static void
check_libspf2(SPF_server_t *server, const char *sender)
{
	SPF_request_t *request = SPF_request_new(server);
	SPF_response_t *response = NULL;

	if (request == NULL || SPF_request_set_ipv4_str(request, CLIENT) != 0 ||
	    SPF_request_set_helo_dom(request, "helo.test") != 0 ||
	    SPF_request_set_env_from(request, sender) != 0)
		die("libspf2 takes no request");
	SPF_request_query_mailfrom(request, &response);
	fails += response != NULL &&
	    SPF_response_result(response) == SPF_RESULT_FAIL;
	SPF_response_free(response);
	SPF_request_free(request);
}

static void
run_libspf2(size_t count, const char *prefix)
{
	SPF_server_t *server = SPF_server_new(SPF_DNS_CACHE, 0);
	char sender[80];

	if (server == NULL)
		die("no libspf2");
	for (size_t i = 0; i < count; i++) {
		uint64_t begin = now_us();

		snprintf(sender, sizeof(sender), "user@%s%zu.test", prefix, i);
		check_libspf2(server, sender);
		spent_us[i] = now_us() - begin;
	}
	SPF_server_free(server);
}

static int
compare(const void *a, const void *b)
{
	const uint64_t *x = a, *y = b;

	return *x < *y ? -1 : *x > *y;
}

int
main(int argc, char **argv)
{
	if (argc < 5)
		die("ENGINE IN-FLIGHT COUNT PREFIX [NAMESERVERS [ATTEMPT-MS]]");
	size_t in_flight = strtoul(argv[2], NULL, 10);
	size_t count = strtoul(argv[3], NULL, 10);
	uint64_t begin = now_us(), cpu = cpu_us(), spent;

	if (count == 0 || count > COUNT_MAX || in_flight == 0)
		die("the number is out of range");
	if (strcmp(argv[1], "native") == 0)
		run_native(in_flight, count, argv[4], argv[5],
		    argc > 6 ? argv[6] : NULL);
	else
		run_libspf2(count, argv[4]);
	spent = now_us() - begin;
	cpu = cpu_us() - cpu;
	qsort(spent_us, count, sizeof(*spent_us), compare);
	printf("%zu %llu %llu %llu\n", fails,
	    (unsigned long long)spent_us[count / 2], (unsigned long long)spent,
	    (unsigned long long)cpu);
	return 0;
}
