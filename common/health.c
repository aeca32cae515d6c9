/* SPDX-License-Identifier: ISC */
#include "common/health.h"

#include <stdatomic.h>

static atomic_bool wrong[HEALTH_TROUBLES];

static const struct {
	const char *word, *text;
} troubles[HEALTH_TROUBLES] = {
    [HEALTH_CONFIGURATION] = {"configuration",
	"the last reload failed; the old configuration stays in force"},
    [HEALTH_ACCESS_FILE] = {"access_file",
	"the access file has changed and cannot be used; the old entries stay "
	"in force"},
    [HEALTH_THREADS] = {"threads", "no thread can be created"},
    [HEALTH_DESCRIPTORS] = {"descriptors", "no file descriptor is left"},
};

void
health_set(enum health_trouble trouble, bool is_wrong)
{
	atomic_store(&wrong[trouble], is_wrong);
}

bool
health_is_wrong(enum health_trouble trouble)
{
	return atomic_load(&wrong[trouble]);
}

const char *
health_word(enum health_trouble trouble)
{
	return troubles[trouble].word;
}

const char *
health_text(enum health_trouble trouble)
{
	return troubles[trouble].text;
}
