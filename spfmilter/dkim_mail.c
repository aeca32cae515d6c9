/* SPDX-License-Identifier: ISC */
#include "spfmilter/dkim_mail.h"

#include <stdlib.h>
#include <time.h>

#include "common/text.h"
#include "spfmilter/from_address.h"

struct dkim_mail *
dkim_mail_new(void)
{
	struct dkim_mail *mail = calloc(1, sizeof(*mail));

	if (mail == NULL)
		return NULL;
	mail->check = dkim_check_new((uint64_t)time(NULL), NULL);
	if (mail->check != NULL)
		return mail;
	free(mail);
	return NULL;
}

void
dkim_mail_free(struct dkim_mail *mail)
{
	if (mail == NULL)
		return;
	dkim_check_free(mail->check);
	free(mail);
}

static void
see_from(struct dkim_mail *mail, struct mf_text value)
{
	struct mf_text domain;
	size_t len;

	mail->from_domain[0] = '\0';
	if (++mail->from_fields == 1 && from_domain(value, &domain))
		spf_name_to_ascii(domain, mail->from_domain, &len);
}

bool
dkim_mail_field(
    struct dkim_mail *mail, struct mf_text name, struct mf_text value)
{
	if (text_eq_fold(name, MF_TEXT("From")))
		see_from(mail, value);
	return dkim_check_field(mail->check, name, value) == DKIM_OK;
}

bool
dkim_mail_header_end(struct dkim_mail *mail, struct checker *checker)
{
	if (mail->header_over)
		return true;
	mail->header_over = true;
	if (dkim_check_header_end(mail->check) != DKIM_OK)
		return false;
	for (size_t i = 0; i < dkim_check_count(mail->check, NULL); i++) {
		struct mf_text name = dkim_check_question(mail->check, i);

		if (name.len != 0)
			checker_ask_ahead(checker, name);
	}
	return true;
}

bool
dkim_mail_body(struct dkim_mail *mail, struct mf_text piece)
{
	return dkim_check_body(mail->check, piece) == DKIM_OK;
}

static void
take(struct dkim_mail *mail, size_t i, struct mf_text name,
    const struct spf_answer *answer)
{
	struct mf_text record = MF_TEXT("");
	enum dkim_key_status status = DKIM_KEY_FAILED;

	switch (answer->status) {
	case SPF_DNS_FOUND:
		status = answer->count == 1 ? DKIM_KEY_FOUND : DKIM_KEY_MANY;
		record = answer->only_text;
		break;
	case SPF_DNS_VOID:
		status = DKIM_KEY_NONE;
		break;
	case SPF_DNS_ERROR:
		if (mail->failed_key[0] != '\0')
			break;
		mail->cause = answer->cause;
		memcpy(mail->failed_key, name.p, name.len);
		break;
	}
	dkim_check_answer(mail->check, i, status, record);
}

bool
dkim_mail_end(struct dkim_mail *mail, struct checker *checker)
{
	uint64_t deadline_ms = checker_deadline(checker);

	if (!dkim_mail_header_end(mail, checker))
		return false;
	for (size_t i = 0; i < dkim_check_count(mail->check, NULL); i++) {
		struct mf_text name = dkim_check_question(mail->check, i);
		const struct spf_reply *reply;

		if (name.len == 0)
			continue;
		reply = checker_ask(checker, name, deadline_ms);
		if (reply == NULL)
			return false;
		take(mail, i, name, spf_reply_answer(reply));
		spf_reply_release(reply);
	}
	mail->over = true;
	return dkim_check_end(mail->check) == DKIM_OK;
}
