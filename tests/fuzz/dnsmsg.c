/* SPDX-License-Identifier: ISC */
/*
 * libspf-dns/dnsmsg.h: any octets that a server may send.
 *
 * The first octet chooses the type; with its highest bit the rest is the whole
 * message, else what follows a good header and question: an octet each of flags
 * and counts of records, then the records.
 */
#include "libspf-dns/dnsmsg.h"
#include "tests/fuzz/fuzz.h"

#define NAME "x.y.test"

/* RFC 1035 names: letters in lower case, no octet lost on the way. */
static void
check_name(const struct dnsmsg_name *name)
{
	char text[SPF_NAME_SIZE];
	struct dnsmsg_name again;
	size_t len = dnsmsg_name_text_(name, text);

	FUZZ_CHECK(len <= SPF_NAME_MAX && text[len] == '\0');
	if (len == 0)
		return;
	FUZZ_CHECK(dnsmsg_name_(mf_text_at(text, len), &again));
	FUZZ_CHECK(again.len == name->len);
	FUZZ_CHECK(memcmp(again.wire, name->wire, name->len) == 0);
}

static void
check_answer(const struct spf_answer *a, enum spf_rr rr)
{
	struct dnsmsg_name name;

	FUZZ_CHECK(a->rr == rr);
	FUZZ_CHECK(a->status != SPF_DNS_ERROR);
	FUZZ_CHECK(a->status == SPF_DNS_FOUND ||
	    (a->count == 0 && a->only_text.len == 0 && a->record == NULL));
	FUZZ_CHECK((a->record != NULL) == (a->spf_records == 1));
	if (a->names == NULL)
		return;
	FUZZ_CHECK(a->count <= DNSMSG_NAMES_KEPT);
	for (size_t i = 0; i < a->count; i++) {
		if (a->names[i].len == 0)
			continue;
		FUZZ_CHECK(dnsmsg_name_(a->names[i], &name));
		check_name(&name);
	}
}

static void
check_message(const uint8_t *octets, size_t len, enum spf_rr rr)
{
	struct dnsmsg_name name;
	struct dnsmsg_result result;
	enum dnsmsg_status status;

	FUZZ_CHECK(dnsmsg_name_(MF_TEXT(NAME), &name));
	status = dnsmsg_parse_(octets, len, rr, &name, &result);
	FUZZ_CHECK((result.answer != NULL) == (status == DNSMSG_ANSWER));
	if (status == DNSMSG_ANSWER || status == DNSMSG_ALIAS) {
		FUZZ_CHECK(result.aliases <= DNSMSG_ALIASES_MAX);
		FUZZ_CHECK(result.ttl_sec <= INT32_MAX);
		check_name(&result.target);
	}
	if (status == DNSMSG_ALIAS)
		FUZZ_CHECK(result.aliases > 0);
	if (result.answer != NULL)
		check_answer(result.answer, rr);
	spf_answer_free(result.answer);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct mf_text input = mf_text_at((const char *)data, size);
	uint8_t choice = fuzz_octet(&input), *message;
	enum spf_rr rr = (enum spf_rr)((choice & 0x7f) % (SPF_RR_PTR + 1));
	struct dnsmsg_name name;
	size_t len;

	if ((choice & 0x80) != 0) {
		check_message((const uint8_t *)input.p, input.len, rr);
		return 0;
	}
	message = malloc(DNSMSG_QUERY_SIZE + input.len);
	FUZZ_CHECK(message != NULL && dnsmsg_name_(MF_TEXT(NAME), &name));
	len = dnsmsg_query_(0, rr, &name, false, message);
	message[2] = (uint8_t)(0x80 | (fuzz_octet(&input) & 0x06));
	message[3] = fuzz_octet(&input);
	message[7] = fuzz_octet(&input);
	message[9] = fuzz_octet(&input);
	if (input.len != 0)
		memcpy(message + len, input.p, input.len);
	/* Of exactly its length, so that sanitizers see a read beyond it. */
	uint8_t *exact = realloc(message, len + input.len);
	FUZZ_CHECK(exact != NULL);
	check_message(exact, len + input.len, rr);
	free(exact);
	return 0;
}
