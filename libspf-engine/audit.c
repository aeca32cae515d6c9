/* SPDX-License-Identifier: ISC */
/*
 * Audit: libspf2 judges by the very answers that native has judged by.
 *
 * It must cause no DNS query of its own, nor see an answer that changed
 * meanwhile.  So native's answers are kept in the order it got them, and
 * nothing else is to be had: where libspf2 wants more than that, it evaluates
 * something that native doesn't, which is worth a line in itself.
 */
#include "libspf-engine/audit.h"

#include <stdlib.h>

#include "libspf-engine/opinion.h"

const char *
spf_audit_text(enum spf_audit_outcome outcome)
{
	switch (outcome) {
	case SPF_AUDIT_AGREED:
		return "agreed";
	case SPF_AUDIT_RESULT:
		return "result";
	case SPF_AUDIT_EXPLANATION:
		return "explanation";
	case SPF_AUDIT_SILENT:
		return "silent";
	}
	return "?";
}

enum spf_audit_outcome
spf_audit_compare(const struct spf_verdict *native,
    const struct spf_verdict *libspf2, enum spf_opinion opinion)
{
	if (opinion != SPF_OPINION_GIVEN)
		return SPF_AUDIT_SILENT;
	if (native->result != libspf2->result)
		return SPF_AUDIT_RESULT;
	return strcmp(native->explanation, libspf2->explanation) == 0
	    ? SPF_AUDIT_AGREED
	    : SPF_AUDIT_EXPLANATION;
}

/* --- the answers that were seen --- */

struct seen {
	const struct spf_answer *answer;
	enum spf_rr rr;
	size_t at, len; /* of the name, in names */
};

struct witness {
	const struct spf_source *source;
	struct seen *seen;
	size_t count, size;
	char *names;
	size_t names_len, names_size;
	bool no_memory;
};

/* Room for `more` elements behind the `used` ones of *array. */
static bool
make_room(void **array, size_t *size, size_t used, size_t more, size_t element)
{
	void *larger;

	if (more <= *size - used)
		return true;
	larger = realloc(*array, (2 * *size + more) * element);
	if (larger == NULL)
		return false;
	*array = larger;
	*size = 2 * *size + more;
	return true;
}

static void
witness_keep(struct witness *w, const struct spf_answer *answer, enum spf_rr rr,
    struct mf_text name)
{
	void *seen = w->seen, *names = w->names;
	bool ok = make_room(&seen, &w->size, w->count, 1, sizeof(*w->seen));

	w->seen = seen;
	ok = ok && make_room(&names, &w->names_size, w->names_len, name.len, 1);
	w->names = names;
	if (!ok) {
		w->no_memory = true;
		return;
	}
	memcpy(w->names + w->names_len, name.p, name.len);
	w->seen[w->count++] = (struct seen){answer, rr, w->names_len, name.len};
	w->names_len += name.len;
}

static const struct spf_answer *
ask_and_keep(void *arg, enum spf_rr rr, struct mf_text name)
{
	struct witness *w = arg;
	const struct spf_answer *answer =
	    w->source->lookup(w->source->arg, rr, name);

	if (answer != NULL)
		witness_keep(w, answer, rr, name);
	return answer;
}

static const struct spf_answer *
recall(void *arg, enum spf_rr rr, struct mf_text name)
{
	const struct witness *w = arg;

	for (size_t i = 0; i < w->count; i++) {
		const struct seen *seen = &w->seen[i];

		if (seen->rr == rr &&
		    mf_text_eq(
			mf_text_at(w->names + seen->at, seen->len), name))
			return seen->answer;
	}
	return NULL;
}

/* --- audit --- */

static enum spf_opinion
ask_libspf2(const struct engine_libspf2_ *libspf2, struct witness *w,
    const struct spf_request *request, struct spf_verdict *out)
{
	struct spf_request quiet = *request;
	enum spf_opinion opinion;

	if (w->no_memory) {
		opinion_none_(out, SPF_OPINION_FAILED, &opinion);
		return opinion;
	}
	quiet.trace = NULL;
	quiet.sequential = true;
	if (libspf2->evaluate(libspf2->arg, &quiet,
		&(struct spf_source){.lookup = recall, .arg = w}, out,
		&opinion) == SPF_PENDING)
		opinion_none_(out, SPF_OPINION_LACKING, &opinion);
	return opinion;
}

enum spf_status
audit_evaluate_(const struct engine_libspf2_ *libspf2,
    const struct spf_request *request, const struct spf_source *source,
    struct spf_verdict *out, struct spf_verdict *other, struct spf_audit *audit)
{
	struct witness w = {.source = source};
	enum spf_status status = spf_evaluate(request,
	    &(struct spf_source){.lookup = ask_and_keep, .arg = &w}, out);

	if (status == SPF_OK) {
		*audit = (struct spf_audit){
		    .request = request, .native = out, .libspf2 = other};
		audit->opinion = ask_libspf2(libspf2, &w, request, other);
		audit->outcome = spf_audit_compare(out, other, audit->opinion);
	}
	free(w.seen);
	free(w.names);
	return status;
}
