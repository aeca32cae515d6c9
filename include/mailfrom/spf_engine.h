/* SPDX-License-Identifier: ISC */
/*
 * Which engine checks: our own, libspf2, or both.
 *
 *	native	spf_evaluate()
 *	libspf2	that library, over the same answers
 *	audit	native decides; then libspf2 runs over the very answers that
 *		native has seen, and the two are compared
 *
 * libspf2 has crashed on hostile records and calls abort() by itself.  So text
 * that it is known not to stand never reaches it, and a daemon runs it in
 * helper processes, over a socket: the daemon is not even linked with it.
 */
#ifndef MAILFROM_SPF_ENGINE_H
#define MAILFROM_SPF_ENGINE_H

#include <mailfrom/spf.h>

enum spf_engine { SPF_ENGINE_NATIVE, SPF_ENGINE_LIBSPF2, SPF_ENGINE_AUDIT };

/* "native", "libspf2", "audit". */
const char *spf_engine_text(enum spf_engine engine);

/* The engine of that name.  False, and *out untouched, if there is none. */
bool spf_engine_parse(struct mf_text name, enum spf_engine *out);

/*
 * Lookups that libspf2 may make in one check, repeated ones counted.  RFC 7208
 * allows about 125; libspf2 counts afresh in each include, and would make tens
 * of thousands.
 */
#ifndef SPF_LIBSPF2_LOOKUPS_MAX /* a test counts what it is good for */
#define SPF_LIBSPF2_LOOKUPS_MAX 200
#endif

/*
 * Whether the engine has an opinion.  That it has none says nothing about the
 * sender: the verdict is then a temperror whose problem says why.
 */
enum spf_opinion {
	SPF_OPINION_GIVEN = 0, /* the verdict is the engine's */
	SPF_OPINION_REFUSED,   /* it can't be trusted with a text or answer */
	SPF_OPINION_LOOKUPS,   /* more than SPF_LIBSPF2_LOOKUPS_MAX */
	SPF_OPINION_LACKING,   /* audit: it asks what native hasn't asked */
	SPF_OPINION_FAILED,    /* an assertion of its own, or no memory */
	SPF_OPINION_DIED,      /* the helper crashed */
	SPF_OPINION_LATE,      /* the helper, or a free one, took too long */
	SPF_OPINION_GARBLED,   /* the helper broke the protocol */
	/* it can't be started, or has died too often */
	SPF_OPINION_UNAVAILABLE,
	SPF_OPINIONS /* how many there are */
};

/* A sentence without a dot, such as "libspf2 has crashed". */
const char *spf_opinion_text(enum spf_opinion opinion);

/*
 * libspf2 in this process: what tools and the helper use.  The contract is that
 * of spf_evaluate(): looks up everything that it lacks, the first being what
 * libspf2 would ask next, with these differences:
 *  - *opinion, with SPF_OK, says whether *out is libspf2's.  NULL is fine.
 *  - mechanism and at are empty, voids and depth are 0, libspf2 doesn't tell;
 *    terms are those outside of includes; now_sec is the system's time.
 *  - The trace is told of lookups alone.
 *  - Takes 64 KB of stack, and memory; a failed assertion leaks what was
 *    allocated, and memory corruption would end the process.
 * SPF_OK, SPF_PENDING.  Any number of threads.
 */
enum spf_status spf_libspf2_evaluate(const struct spf_request *request,
    const struct spf_source *source, struct spf_verdict *out,
    enum spf_opinion *opinion);

/* --- audit --- */

enum spf_audit_outcome {
	SPF_AUDIT_AGREED,
	SPF_AUDIT_RESULT,      /* the results differ */
	SPF_AUDIT_EXPLANATION, /* both fail, with other words */
	SPF_AUDIT_SILENT       /* libspf2 has no opinion */
};

/* "agreed", "result", "explanation", "silent". */
const char *spf_audit_text(enum spf_audit_outcome outcome);

struct spf_audit {
	enum spf_audit_outcome outcome;
	const struct spf_request *request;
	const struct spf_verdict *native, *libspf2;
	enum spf_opinion opinion; /* libspf2's */
};

/* How the verdict of libspf2 compares with native's. */
enum spf_audit_outcome spf_audit_compare(const struct spf_verdict *native,
    const struct spf_verdict *libspf2, enum spf_opinion opinion);

/* --- an engine --- */

/* How many helper processes there can be. */
#define SPF_HELPERS_MAX 16

struct spf_engine_params {
	enum spf_engine engine;
	/*
	 * For libspf2 and audit: spf_libspf2_evaluate, or NULL for helper
	 * processes.
	 */
	enum spf_status (*in_process)(const struct spf_request *request,
	    const struct spf_source *source, struct spf_verdict *out,
	    enum spf_opinion *opinion);
	/* The helper's program, spf-libspf2; an absolute path. */
	const char *helper;
	unsigned helpers; /* processes at most, 1 to SPF_HELPERS_MAX */
	/*
	 * Of one evaluation in a helper, which waits for nothing: 10 to 10000.
	 */
	unsigned timeout_ms;
	/*
	 * audit: told of every verdict, on the thread that evaluates.  Pointers
	 * are valid during the call only.  May be NULL.
	 */
	void (*audited)(void *arg, const struct spf_audit *audit);
	void *arg;
};

#define SPF_ENGINE_PARAMS_DEFAULT    \
	((struct spf_engine_params){ \
	    .engine = SPF_ENGINE_NATIVE, .helpers = 2, .timeout_ms = 1000})

enum spf_engine_status {
	SPF_ENGINE_OK = 0,
	SPF_ENGINE_NO_MEMORY,
	SPF_ENGINE_NO_HELPER /* it doesn't start, or is another program */
};

const char *spf_engine_status_text(enum spf_engine_status status);

struct spf_engine_ctx;

/*
 * Make an engine, and start one helper if it needs any, so that a wrong path is
 * known at once.  Processes are this process's children: make the engine after
 * the last fork, and leave SIGCHLD alone (ignoring it would let the system give
 * the helper's pid to others).  *out is the caller's, for spf_engine_free();
 * NULL unless SPF_ENGINE_OK.  errno says more about SPF_ENGINE_NO_HELPER if it
 * isn't 0.
 */
enum spf_engine_status spf_engine_new(
    const struct spf_engine_params *params, struct spf_engine_ctx **out);

/* End its helpers.  Nobody may be evaluating.  NULL is fine. */
void spf_engine_free(struct spf_engine_ctx *ctx);

/*
 * Evaluate: the contract of spf_evaluate().  *opinion (or NULL) is
 * SPF_OPINION_GIVEN for native.  For audit status and verdict are native's, and
 * *opinion is libspf2's, if the status is SPF_OK.  A helper that dies is
 * replaced, at most ten times in quick succession and then every six seconds.
 * SPF_OK, SPF_PENDING.  Any number of threads; more than there are helpers wait
 * for each other.  Takes 100 KB of stack, and that of spf_evaluate().
 */
enum spf_status spf_engine_evaluate(struct spf_engine_ctx *ctx,
    const struct spf_request *request, const struct spf_source *source,
    struct spf_verdict *out, enum spf_opinion *opinion);

struct spf_engine_stats {
	uint64_t opinions[SPF_OPINIONS]; /* of libspf2, by enum spf_opinion */
	uint64_t differences;            /* of audits, other results */
	uint64_t helper_starts;
	/* wait(2)'s of the last that had to be ended, or 0 */
	int helper_status;
};

void spf_engine_stats(struct spf_engine_ctx *ctx, struct spf_engine_stats *out);

#endif
