/* SPDX-License-Identifier: ISC */
/* common/sockaddr.h: any octets; what is accepted is a usable address. */
#include <stdlib.h>

#include "common/sockaddr.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct sockaddr_spec spec;
	const char *why = NULL;

	if (!sockaddr_parse(text_at((const char *)data, size), &spec, &why)) {
		if (why == NULL || *why == '\0')
			abort();
		return 0;
	}
	if (spec.family == SOCKADDR_UNIX) {
		if (spec.path[0] != '/' ||
		    memchr(spec.path, '\0', sizeof(spec.path)) == NULL)
			abort();
	} else if (spec.port == 0 || spec.host[0] == '\0' ||
	    memchr(spec.host, '\0', sizeof(spec.host)) == NULL)
		abort();
	return 0;
}
