/* SPDX-License-Identifier: ISC */
/*
 * libspf2 over the answers of a struct spf_source: the only file that knows it.
 *
 * libspf2 asks its DNS layer and waits.  Ours has the answers already, or says
 * something in their stead, so that the run goes on and shows what else may be
 * needed: no such record, or "v=spf1 ?all" for a record, neither of which ends
 * a check.  A run that was told such a thing is no verdict.
 *
 * Put right here, because libspf2 leaves it to its caller: an error in a record
 * comes back as "invalid" with an error code; libspf2 knows no answer for type
 * 99 to mean "go on with TXT" but NO_DATA; names that can't exist are never
 * asked for; explanations are asked for once the result is certain, where
 * libspf2 would ask at each neutral or softfail, and within includes.
 *
 * Left as it is, since it is libspf2's opinion that is wanted: everything else.
 */
#include <pthread.h>
#include <setjmp.h>
#include <stdlib.h>

#include <netinet/in.h>

#include <spf2/spf.h>

#include "libspf-engine/client.h"
#include "libspf-engine/guard.h"
#include "libspf-engine/opinion.h"

/* What the names in an exp= may expand to, before anybody has cut them. */
#define EXPANDED_SIZE 1024

/*
 * Names of an MX or PTR answer that libspf2 is shown: more than 10 is enough.
 */
#define NAMES_MAX (SPF_MX_MAX + 1)

/* The herrno of an answer with records: <netdb.h> of glibc has a name for it. */
#define RR_FOUND 0

#define STAND_IN MF_TEXT("v=spf1 ?all")

/* The default explanation, by which we see that a record has none. */
#define NO_EXP "-"

struct libspf2_run {
	const struct spf_request *request;
	const struct spf_source *source;
	struct spf_verdict *verdict;
	enum spf_opinion opinion;
	bool pending; /* an answer is missing: what follows is a guess */
	bool over;    /* nothing is asked any more */
	unsigned lookups;
	/* The last lookup that failed: libspf2 stops at it, or forgives it. */
	enum spf_cause cause;
	enum spf_rr failed_rr;
	char failed_name[SPF_NAME_SIZE];
	/* The last exp= that was met: its target, and %{d} there. */
	char exp_name[EXPANDED_SIZE], exp_domain[EXPANDED_SIZE];
	SPF_dns_server_t layer;
	SPF_server_t *server;
	SPF_request_t *client;
	SPF_response_t *response;
	jmp_buf failed;
};

/* --- its messages --- */

/* Where a failed assertion of this thread goes to. */
static _Thread_local struct libspf2_run *running;

static void on_error(const char *file, int line, const char *message)
    __attribute__((noreturn));

static void
on_error(const char *file, int line, const char *message)
{
	(void)file;
	(void)line;
	(void)message;
	if (running == NULL)
		abort();
	longjmp(running->failed, 1);
}

static void
set_handlers(void)
{
	SPF_error_handler = on_error;
	SPF_warning_handler = NULL;
	SPF_info_handler = NULL;
	SPF_debug_handler = NULL;
}

/* --- answers --- */

/* There won't be an opinion; but a guess is no reason for that. */
static void
give_up(struct libspf2_run *run, enum spf_opinion why)
{
	if (!run->pending && !run->over)
		run->opinion = why;
	run->over = true;
}

static void
note_failure(struct libspf2_run *run, enum spf_rr rr, struct mf_text name,
    const struct spf_answer *a)
{
	run->cause = a->cause;
	run->failed_rr = rr;
	memcpy(run->failed_name, name.p, name.len);
	run->failed_name[name.len] = '\0';
}

/* NULL: unknown, or nothing is asked any more. */
static const struct spf_answer *
ask(struct libspf2_run *run, enum spf_rr rr, struct mf_text name)
{
	const struct spf_answer *a;

	if (run->over)
		return NULL;
	if (run->lookups == SPF_LIBSPF2_LOOKUPS_MAX) {
		give_up(run, SPF_OPINION_LOOKUPS);
		return NULL;
	}
	run->lookups++;
	a = run->source->lookup(run->source->arg, rr, name);
	opinion_tell_lookup_(run->request, rr, name, a);
	if (a == NULL) {
		run->pending = true;
		run->over = run->request->sequential;
	} else if (a->status == SPF_DNS_ERROR)
		note_failure(run, rr, name, a);
	return a;
}

static SPF_dns_rr_t *
rr_empty(struct libspf2_run *run, const char *domain, ns_type type, int herrno)
{
	return SPF_dns_rr_new_init(&run->layer, domain, type, 0, herrno);
}

/* Add a record to rr, with a NUL behind it.  False: out of memory. */
static bool
rr_add(SPF_dns_rr_t *rr, const void *octets, size_t len)
{
	if (SPF_dns_rr_buf_realloc(rr, rr->num_rr, len + 1) != SPF_E_SUCCESS)
		return false;
	char *to = (void *)rr->rr[rr->num_rr];
	memcpy(to, octets, len);
	to[len] = '\0';
	rr->num_rr++;
	return true;
}

static bool
rr_add_text(SPF_dns_rr_t *rr, struct mf_text text)
{
	return rr_add(rr, text.p, text.len);
}

/* The SPF records of an answer. */
static bool
rr_add_records(
    struct libspf2_run *run, SPF_dns_rr_t *rr, const struct spf_answer *a)
{
	if (a->spf_records > 1)
		return rr_add_text(rr, STAND_IN) && rr_add_text(rr, STAND_IN);
	if (a->spf_records == 0)
		return true;
	if (guard_record_ok_(spf_record_text(a->record)))
		return rr_add_text(rr, spf_record_text(a->record));
	give_up(run, SPF_OPINION_REFUSED);
	return true;
}

static bool
rr_add_names(SPF_dns_rr_t *rr, const struct spf_answer *a)
{
	for (size_t i = 0; i < a->count && i < NAMES_MAX; i++)
		if (memchr(a->names[i].p, '\0', a->names[i].len) == NULL &&
		    !rr_add_text(rr, a->names[i]))
			return false;
	return true;
}

static bool
rr_add_addresses(SPF_dns_rr_t *rr, const struct spf_answer *a)
{
	size_t size = a->rr == SPF_RR_AAAA ? 16 : 4;

	for (size_t i = 0; i < a->count; i++)
		if (!rr_add(rr, a->addresses + i * size, size))
			return false;
	return true;
}

static bool
rr_fill(struct libspf2_run *run, SPF_dns_rr_t *rr, const struct spf_answer *a)
{
	switch (a->rr) {
	case SPF_RR_TXT:
		return rr_add_records(run, rr, a);
	case SPF_RR_A:
	case SPF_RR_AAAA:
		return rr_add_addresses(rr, a);
	case SPF_RR_MX:
	case SPF_RR_PTR:
		return rr_add_names(rr, a);
	}
	return true;
}

static SPF_dns_rr_t *
rr_of_answer(struct libspf2_run *run, const char *domain, ns_type type,
    const struct spf_answer *a)
{
	SPF_dns_rr_t *rr = rr_empty(run, domain, type,
	    a->status == SPF_DNS_ERROR ? TRY_AGAIN : RR_FOUND);

	if (rr == NULL || a->status != SPF_DNS_FOUND) {
		if (rr != NULL && a->status == SPF_DNS_VOID)
			rr->herrno = NO_DATA;
		return rr;
	}
	if (!rr_fill(run, rr, a)) {
		SPF_dns_rr_free(rr);
		return NULL;
	}
	if (rr->num_rr == 0)
		rr->herrno = NO_DATA;
	return rr;
}

static SPF_dns_rr_t *
rr_of_stand_in(struct libspf2_run *run, const char *domain, ns_type type)
{
	SPF_dns_rr_t *rr = rr_empty(run, domain, type, NO_DATA);

	if (rr == NULL || type != ns_t_txt || run->over)
		return rr;
	rr->herrno = RR_FOUND;
	if (rr_add_text(rr, STAND_IN))
		return rr;
	SPF_dns_rr_free(rr);
	return NULL;
}

/* --- what libspf2 calls --- */

static bool
rr_of_type(ns_type type, enum spf_rr *out)
{
	static const struct {
		int type;
		enum spf_rr rr;
	} table[] = {{ns_t_txt, SPF_RR_TXT}, {ns_t_a, SPF_RR_A},
	    {ns_t_aaaa, SPF_RR_AAAA}, {ns_t_mx, SPF_RR_MX},
	    {ns_t_ptr, SPF_RR_PTR}};

	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++)
		if (table[i].type == (int)type) {
			*out = table[i].rr;
			return true;
		}
	return false;
}

/* NULL makes libspf2 call on_error(). */
static SPF_dns_rr_t *
on_lookup(
    SPF_dns_server_t *layer, const char *domain, ns_type type, int should_cache)
{
	struct libspf2_run *run = layer->hook;
	char room[SPF_NAME_SIZE];
	struct mf_text name;
	enum spf_rr rr;
	const struct spf_answer *a;

	(void)should_cache;
	if (!rr_of_type(type, &rr))
		return rr_empty(run, domain, type, NO_DATA);
	if (!client_name_(domain, room, &name))
		return rr_empty(run, domain, type, HOST_NOT_FOUND);
	a = ask(run, rr, name);
	return a != NULL ? rr_of_answer(run, domain, type, a)
			 : rr_of_stand_in(run, domain, type);
}

/* Keep text as a string.  What is too long becomes "". */
static void
keep(char out[static EXPANDED_SIZE], const char *text)
{
	size_t len = text != NULL ? strlen(text) : 0;

	if (len >= EXPANDED_SIZE)
		len = 0;
	memcpy(out, len != 0 ? text : "", len);
	out[len] = '\0';
}

/*
 * Note where the explanation is, for later.  *text, which domain points into,
 * is where libspf2 wants it.
 */
static SPF_errcode_t
on_explanation(
    SPF_server_t *server, const char *domain, char **text, size_t *size)
{
	struct libspf2_run *run = server->resolver->hook;

	(void)size;
	keep(run->exp_name, domain);
	keep(run->exp_domain, run->client->cur_dom);
	(*text)[0] = '\0';
	return SPF_E_SUCCESS;
}

/* --- explanations --- */

/* Expand a macro string; false if libspf2 finds fault with it. */
static bool
expand(struct libspf2_run *run, struct mf_text text)
{
	char copy[GUARD_TEXT_MAX + 1];
	SPF_macro_t *macro = NULL;
	char *out = NULL;
	size_t size = 0;
	SPF_errcode_t err;

	if (!guard_text_ok_(text))
		return false;
	memcpy(copy, text.p, text.len);
	copy[text.len] = '\0';
	err =
	    SPF_record_compile_macro(run->server, run->response, &macro, copy);
	if (err == SPF_E_SUCCESS)
		err = SPF_record_expand_data(run->server, run->client,
		    run->response, (SPF_data_t *)(macro + 1), macro->macro_len,
		    &out, &size);
	if (err == SPF_E_SUCCESS)
		opinion_put_text_(run->verdict->explanation,
		    sizeof(run->verdict->explanation), mf_text_of(out));
	free(out);
	if (macro != NULL)
		SPF_macro_free(macro);
	return err == SPF_E_SUCCESS;
}

/*
 * The record has failed the client.  Whatever is wrong with its exp=, the
 * default stands in for it; what libspf2 can't be trusted with isn't needed for
 * its opinion either.
 */
static void
explain(struct libspf2_run *run)
{
	const char *text = SPF_response_get_explanation(run->response);
	const struct spf_answer *a = NULL;
	char room[SPF_NAME_SIZE];
	struct mf_text name;

	if (text != NULL && text[0] != '\0' && strcmp(text, NO_EXP) != 0) {
		/* exp-text=, which is libspf2's own. */
		opinion_put_text_(run->verdict->explanation,
		    sizeof(run->verdict->explanation), mf_text_of(text));
		return;
	}
	if (text != NULL && text[0] == '\0') {
		run->client->cur_dom = run->exp_domain;
		if (client_name_(run->exp_name, room, &name))
			a = ask(run, SPF_RR_TXT, name);
	}
	if (run->pending ||
	    (a != NULL && a->only_text.len != 0 && expand(run, a->only_text)))
		return;
	if (run->request->default_explanation.len != 0)
		expand(run, run->request->default_explanation);
}

/* --- the verdict --- */

static enum spf_result
result_of_error(SPF_errcode_t err)
{
	return err == SPF_E_DNS_ERROR || err == SPF_E_NO_MEMORY ? SPF_TEMPERROR
								: SPF_PERMERROR;
}

static enum spf_result
result_of(SPF_result_t result, SPF_errcode_t err)
{
	switch (result) {
	case SPF_RESULT_INVALID:
		return result_of_error(err);
	case SPF_RESULT_NEUTRAL:
		return SPF_NEUTRAL;
	case SPF_RESULT_PASS:
		return SPF_PASS;
	case SPF_RESULT_FAIL:
		return SPF_FAIL;
	case SPF_RESULT_SOFTFAIL:
		return SPF_SOFTFAIL;
	case SPF_RESULT_NONE:
		return SPF_NONE;
	case SPF_RESULT_TEMPERROR:
		return SPF_TEMPERROR;
	case SPF_RESULT_PERMERROR:
		return SPF_PERMERROR;
	}
	return SPF_PERMERROR;
}

static void
put_problem(struct libspf2_run *run, SPF_errcode_t err)
{
	SPF_response_t *response = run->response;
	const char *text = SPF_strerror(err);
	struct spf_verdict *v = run->verdict;

	if (v->result == SPF_TEMPERROR && err != SPF_E_NO_MEMORY &&
	    run->cause != SPF_CAUSE_NONE) {
		char room[SPF_TEXT_SIZE];
		size_t len = spf_failure_print(run->failed_rr,
		    mf_text_of(run->failed_name), run->cause, room,
		    sizeof(room));

		v->cause = run->cause;
		opinion_put_text_(
		    v->problem, sizeof(v->problem), mf_text_at(room, len));
		return;
	}
	for (int i = 0; i < SPF_response_messages(response); i++) {
		SPF_error_t *error = SPF_response_message(response, i);

		if (SPF_error_errorp(error)) {
			text = SPF_error_message(error);
			break;
		}
	}
	opinion_put_text_(v->problem, sizeof(v->problem), mf_text_of(text));
}

/* Read what libspf2 has come to. */
static enum spf_result
read_response(struct libspf2_run *run, SPF_errcode_t err)
{
	int terms;

	if (run->response == NULL) /* no memory */
		on_error("", 0, "");
	terms = run->response->num_dns_mech;
	run->verdict->terms += terms > 0 ? (unsigned)terms : 0;
	run->verdict->result =
	    result_of(SPF_response_result(run->response), err);
	return run->verdict->result;
}

static void
drop_response(struct libspf2_run *run)
{
	if (run->response != NULL)
		SPF_response_free(run->response);
	run->response = NULL;
}

/* Check the domain by a record that isn't its own. */
static void
check_by(struct libspf2_run *run, struct mf_text record)
{
	char copy[GUARD_TEXT_MAX + 1];
	SPF_errcode_t err;

	if (!guard_record_ok_(record)) {
		give_up(run, SPF_OPINION_REFUSED);
		return;
	}
	memcpy(copy, record.p, record.len);
	copy[record.len] = '\0';
	drop_response(run);
	err = SPF_request_query_fallback(run->client, &run->response, copy);
	read_response(run, err);
}

/* <domain>._spf.<delegate>, as spf_evaluate() has it. */
static void
check_delegate(struct libspf2_run *run)
{
	char room[SPF_NAME_SIZE];
	const struct spf_answer *a;
	struct mf_text name;

	if (!client_delegated_(run->request, run->verdict->domain, room, &name))
		return;
	a = ask(run, SPF_RR_TXT, name);
	if (a != NULL && a->status == SPF_DNS_ERROR)
		run->verdict->result = SPF_TEMPERROR;
	if (a == NULL || a->spf_records == 0)
		return;
	run->verdict->delegated = true;
	if (a->spf_records > 1)
		run->verdict->result = SPF_PERMERROR;
	else
		check_by(run, spf_record_text(a->record));
}

static void
check(struct libspf2_run *run)
{
	const struct spf_request *q = run->request;
	struct spf_verdict *v = run->verdict;
	SPF_errcode_t err =
	    SPF_request_query_mailfrom(run->client, &run->response);

	read_response(run, err);
	if (v->result == SPF_NONE && !run->pending && q->delegate.len != 0)
		check_delegate(run);
	if (v->result == SPF_NONE && !run->pending && q->best_guess != NULL) {
		check_by(run, spf_record_text(q->best_guess));
		/* Of what the domain hasn't published nothing can be wrong. */
		v->guessed = v->result != SPF_PERMERROR;
		if (!v->guessed)
			v->result = SPF_NONE;
	}
	if (run->pending || run->opinion != SPF_OPINION_GIVEN)
		return;
	if (v->result == SPF_FAIL)
		explain(run);
	if (v->result == SPF_TEMPERROR || v->result == SPF_PERMERROR)
		put_problem(run, SPF_response_errcode(run->response));
	v->lookups = run->lookups;
}

/* --- the request --- */

static bool
set_client(struct libspf2_run *run)
{
	const struct spf_request *q = run->request;
	char sender[CLIENT_SENDER_SIZE], helo[CLIENT_TEXT_SIZE];
	struct in6_addr v6;
	struct in_addr v4;

	if (!client_sender_(q, sender, run->verdict->domain) ||
	    !client_text_(q->helo, helo))
		return false;
	if (q->ip.v6) {
		memcpy(&v6, q->ip.octets, sizeof(v6));
		SPF_request_set_ipv6(run->client, v6);
	} else {
		memcpy(&v4, q->ip.octets, sizeof(v4));
		SPF_request_set_ipv4(run->client, v4);
	}
	return SPF_request_set_helo_dom(run->client, helo) == SPF_E_SUCCESS &&
	    SPF_request_set_env_from(run->client, sender) == SPF_E_SUCCESS;
}

static bool
set_server(struct libspf2_run *run)
{
	char receiver[CLIENT_TEXT_SIZE];
	SPF_response_t *response = NULL;
	SPF_errcode_t err;

	if (!client_text_(run->request->receiver, receiver))
		return false;
	err = SPF_server_set_explanation(run->server, NO_EXP, &response);
	if (response != NULL)
		SPF_response_free(response);
	return err == SPF_E_SUCCESS &&
	    SPF_server_set_rec_dom(run->server,
		receiver[0] != '\0' ? receiver : "unknown") == SPF_E_SUCCESS;
}

static void
run_check(struct libspf2_run *run)
{
	run->opinion = SPF_OPINION_FAILED;
	run->server = SPF_server_new_dns(&run->layer, 0);
	if (run->server == NULL || !set_server(run))
		return;
	run->client = SPF_request_new(run->server);
	if (run->client == NULL)
		return;
	run->opinion = SPF_OPINION_REFUSED;
	if (!set_client(run))
		return;
	run->opinion = SPF_OPINION_GIVEN;
	check(run);
}

/*
 * In a function of its own, so that nothing but *run lives across a longjmp().
 * What libspf2 has allocated is lost then: nobody knows in what state it is.
 */
static void
run_guarded(struct libspf2_run *run)
{
	if (setjmp(run->failed) != 0) {
		running = NULL;
		run->opinion = SPF_OPINION_FAILED;
		return;
	}
	running = run;
	run_check(run);
	drop_response(run);
	if (run->client != NULL)
		SPF_request_free(run->client);
	if (run->server != NULL)
		SPF_server_free(run->server);
	running = NULL;
}

enum spf_status
spf_libspf2_evaluate(const struct spf_request *request,
    const struct spf_source *source, struct spf_verdict *out,
    enum spf_opinion *opinion)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	struct libspf2_run run = {.request = request,
	    .source = source,
	    .verdict = out,
	    .layer = {.lookup = on_lookup,
		.get_exp = on_explanation,
		.name = "mailfrom"}};

	pthread_once(&once, set_handlers);
	run.layer.hook = &run;
	opinion_none_(out, SPF_OPINION_FAILED, opinion);
	out->problem[0] = '\0';
	run_guarded(&run);
	if (run.pending && run.opinion != SPF_OPINION_FAILED)
		return SPF_PENDING;
	if (run.opinion != SPF_OPINION_GIVEN)
		return opinion_none_(out, run.opinion, opinion);
	if (opinion != NULL)
		*opinion = SPF_OPINION_GIVEN;
	return SPF_OK;
}
