/* SPDX-License-Identifier: ISC */
/*
 * Engines: names, and who evaluates.
 */
#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "common/text.h"
#include "libspf-engine/audit.h"
#include "libspf-engine/helpers.h"

#define TIMEOUT_MS_MIN 10
#define TIMEOUT_MS_MAX 10000

struct spf_engine_ctx {
	struct spf_engine_params params;
	struct engine_libspf2_ libspf2;
	struct helpers *helpers;
	atomic_uint_fast64_t opinions[SPF_OPINIONS];
	atomic_uint_fast64_t differences;
};

static const char *const engine_names[] = {
    [SPF_ENGINE_NATIVE] = "native",
    [SPF_ENGINE_LIBSPF2] = "libspf2",
    [SPF_ENGINE_AUDIT] = "audit",
};

#define ENGINES (sizeof(engine_names) / sizeof(engine_names[0]))

const char *
spf_engine_text(enum spf_engine engine)
{
	return engine_names[engine];
}

bool
spf_engine_parse(struct mf_text name, enum spf_engine *out)
{
	for (size_t i = 0; i < ENGINES; i++)
		if (mf_text_eq(name, mf_text_of(engine_names[i]))) {
			*out = (enum spf_engine)i;
			return true;
		}
	return false;
}

const char *
spf_engine_status_text(enum spf_engine_status status)
{
	switch (status) {
	case SPF_ENGINE_OK:
		return "no error";
	case SPF_ENGINE_NO_MEMORY:
		return "out of memory";
	case SPF_ENGINE_NO_HELPER:
		return "libspf2's helper can't be started";
	}
	return "?";
}

/* --- who evaluates --- */

static enum spf_status
in_process(void *arg, const struct spf_request *request,
    const struct spf_source *source, struct spf_verdict *out,
    enum spf_opinion *opinion)
{
	struct spf_engine_ctx *ctx = arg;

	return ctx->params.in_process(request, source, out, opinion);
}

static enum spf_status
in_helper(void *arg, const struct spf_request *request,
    const struct spf_source *source, struct spf_verdict *out,
    enum spf_opinion *opinion)
{
	struct spf_engine_ctx *ctx = arg;

	return helpers_evaluate_(ctx->helpers, request, source, out, opinion);
}

static void
count(atomic_uint_fast64_t *counter)
{
	atomic_fetch_add_explicit(counter, 1, memory_order_relaxed);
}

static enum spf_status
audit(struct spf_engine_ctx *ctx, const struct spf_request *request,
    const struct spf_source *source, struct spf_verdict *out,
    enum spf_opinion *opinion)
{
	struct spf_verdict other;
	struct spf_audit audit;

	if (audit_evaluate_(&ctx->libspf2, request, source, out, &other,
		&audit) == SPF_PENDING)
		return SPF_PENDING;
	count(&ctx->opinions[audit.opinion]);
	if (audit.outcome == SPF_AUDIT_RESULT)
		count(&ctx->differences);
	if (ctx->params.audited != NULL)
		ctx->params.audited(ctx->params.arg, &audit);
	*opinion = audit.opinion;
	return SPF_OK;
}

enum spf_status
spf_engine_evaluate(struct spf_engine_ctx *ctx,
    const struct spf_request *request, const struct spf_source *source,
    struct spf_verdict *out, enum spf_opinion *opinion)
{
	enum spf_opinion ignored;
	enum spf_status status;

	if (opinion == NULL)
		opinion = &ignored;
	*opinion = SPF_OPINION_GIVEN;
	/* libspf2 can't be asked without one. */
	if (request->ip_unknown)
		return spf_evaluate(request, source, out);
	switch (ctx->params.engine) {
	case SPF_ENGINE_NATIVE:
		break;
	case SPF_ENGINE_LIBSPF2:
		status =
		    ctx->libspf2.evaluate(ctx, request, source, out, opinion);
		if (status == SPF_OK)
			count(&ctx->opinions[*opinion]);
		return status;
	case SPF_ENGINE_AUDIT:
		return audit(ctx, request, source, out, opinion);
	}
	return spf_evaluate(request, source, out);
}

/* --- making and ending --- */

static unsigned
clamp(unsigned n, unsigned min, unsigned max)
{
	return n < min ? min : n > max ? max : n;
}

enum spf_engine_status
spf_engine_new(
    const struct spf_engine_params *params, struct spf_engine_ctx **out)
{
	struct spf_engine_ctx *ctx = calloc(1, sizeof(*ctx));
	enum spf_engine_status status = SPF_ENGINE_OK;

	*out = NULL;
	if (ctx == NULL)
		return SPF_ENGINE_NO_MEMORY;
	ctx->params = *params;
	ctx->params.helper = NULL; /* the helpers have a copy */
	ctx->libspf2 = (struct engine_libspf2_){
	    params->in_process != NULL ? in_process : in_helper, ctx};
	if (params->engine != SPF_ENGINE_NATIVE && params->in_process == NULL)
		status = helpers_new_(params->helper,
		    clamp(params->helpers, 1, SPF_HELPERS_MAX),
		    clamp(params->timeout_ms, TIMEOUT_MS_MIN, TIMEOUT_MS_MAX),
		    &ctx->helpers);
	if (status == SPF_ENGINE_OK)
		*out = ctx;
	else
		spf_engine_free(ctx);
	return status;
}

void
spf_engine_free(struct spf_engine_ctx *ctx)
{
	if (ctx == NULL)
		return;
	int why = errno;
	helpers_free_(ctx->helpers);
	free(ctx);
	errno = why;
}

void
spf_engine_stats(struct spf_engine_ctx *ctx, struct spf_engine_stats *out)
{
	*out = (struct spf_engine_stats){.differences = ctx->differences};
	for (size_t i = 0; i < SPF_OPINIONS; i++)
		out->opinions[i] = ctx->opinions[i];
	if (ctx->helpers != NULL)
		helpers_stats_(
		    ctx->helpers, &out->helper_starts, &out->helper_status);
}
