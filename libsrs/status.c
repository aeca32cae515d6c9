/* SPDX-License-Identifier: ISC */
/*
 * What each status says to people.
 */
#include <mailfrom/srs.h>

const char *
srs_status_text(enum srs_status status)
{
	switch (status) {
	case SRS_OK:
		return "ok";
	case SRS_NOT_SRS:
		return "not a rewritten or signed address";
	case SRS_NULL_SENDER:
		return "the null sender is never rewritten";
	case SRS_BAD_SYNTAX:
		return "not an address, or fields are missing";
	case SRS_BAD_TIMESTAMP:
		return "the timestamp is not two characters of A-Z 2-7";
	case SRS_BAD_HASH:
		return "the hash does not match: forged, or signed with "
		       "another secret";
	case SRS_SHORT_HASH:
		return "the hash is shorter than the minimum";
	case SRS_EXPIRED:
		return "expired: older than the maximum age";
	case SRS_FUTURE:
		return "dated in the future: check the clock";
	case SRS_NO_SPACE:
		return "too long: over 64 bytes in the local part or 254 in "
		       "all (RFC 5321 4.5.3.1)";
	case SRS_NO_KEY:
		return "no secret";
	case SRS_BAD_PARAM:
		return "a parameter is out of range";
	case SRS_NO_MEMORY:
		return "out of memory";
	case SRS_BAD_FORWARDER:
		return "the forwarder is not a domain, such as example.net";
	}
	return "unknown status";
}
