/* SPDX-License-Identifier: ISC */
#include "access/change.h"

enum access_verdict
access_decide_change(const struct access_change *c)
{
	size_t lost;

	if (!c->is_readable)
		return ACCESS_REFUSE;
	if (c->how == ACCESS_ASKED || c->new_count >= c->old_count)
		return ACCESS_TAKE;
	lost = c->old_count - c->new_count;
	if (c->new_count == 0 || c->is_cut ||
	    (c->old_count > ACCESS_SMALL && lost > c->old_count / 2))
		return ACCESS_HOLD;
	return ACCESS_TAKE;
}
