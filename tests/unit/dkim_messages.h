/* SPDX-License-Identifier: ISC */
/*
 * The messages that RFC 6376 (A.2, with errata 3192 and 4926) and RFC 8463 (A.3)
 * have signed, and their keys.
 */
#ifndef MAILFROM_TESTS_UNIT_DKIM_MESSAGES_H
#define MAILFROM_TESTS_UNIT_DKIM_MESSAGES_H

#include "common/text.h"
#include <mailfrom/dkim.h>

#define RFC6376_SIGNED                                                      \
	"DKIM-Signature: v=1; a=rsa-sha256; s=brisbane; d=example.com;\r\n" \
	"      c=simple/simple; q=dns/txt; i=joe@football.example.com;\r\n" \
	"      h=Received : From : To : Subject : Date : Message-ID;\r\n"   \
	"      bh=2jUSOH9NhtVGCQWNr9BrIAPreKQjO6Sn7XIkfJVOzv8=;\r\n"        \
	"      b=AuUoFEfDxTDkHlLXSZEpZj79LICEps6eda7W3deTVFOk4yAUoqOB\r\n"  \
	"        4nujc7YopdG5dWLSdNg6xNAZpOPr+kHxt1IrE+NahM6L/LbvaHut\r\n"  \
	"        KVdkLLkpVaVVQPzeRDI009SO2Il5Lu7rDNH6mZckBdrIx0orEtZV\r\n"  \
	"        4bmp/YzhwvcubU4=;\r\n"                                     \
	"Received: from client1.football.example.com  [192.0.2.1]\r\n"      \
	"      by submitserver.example.com with SUBMISSION;\r\n"            \
	"      Fri, 11 Jul 2003 21:01:54 -0700 (PDT)\r\n"

#define RFC8463_SIGNED                                                    \
	"DKIM-Signature: v=1; a=ed25519-sha256; c=relaxed/relaxed;\r\n"   \
	" d=football.example.com; i=@football.example.com;\r\n"           \
	" q=dns/txt; s=brisbane; t=1528637909; h=from : to :\r\n"         \
	" subject : date : message-id : from : subject : date;\r\n"       \
	" bh=2jUSOH9NhtVGCQWNr9BrIAPreKQjO6Sn7XIkfJVOzv8=;\r\n"           \
	" b=/gCrinpcQOoIfuHNQIbq4pgh9kyIK3AQUdt9OdqQehSwhEIug4D11Bus\r\n" \
	" Fa3bT3FY5OsU7ZbnKELq+eXdp1Q1Dw==\r\n"                           \
	"DKIM-Signature: v=1; a=rsa-sha256; c=relaxed/relaxed;\r\n"       \
	" d=football.example.com; i=@football.example.com;\r\n"           \
	" q=dns/txt; s=test; t=1528637909; h=from : to : subject :\r\n"   \
	" date : message-id : from : subject : date;\r\n"                 \
	" bh=2jUSOH9NhtVGCQWNr9BrIAPreKQjO6Sn7XIkfJVOzv8=;\r\n"           \
	" b=F45dVWDfMbQDGHJFlXUNB2HKfbCeLRyhDXgFpEL8GwpsRe0IeIixNTe3\r\n" \
	" DhCVlUrSjV4BwcVcOF6+FF3Zo9Rpo1tFOeS9mPYQTnGdaSGsgeefOsk2Jz\r\n" \
	" dA+L10TeYt9BgDfQNZtKdN1WO//KgIqXP7OdEFE4LjFYNcUxZQ4FADY+8=\r\n"

#define DINNER_HEADER                                      \
	"From: Joe SixPack <joe@football.example.com>\r\n" \
	"To: Suzie Q <suzie@shopping.example.net>\r\n"     \
	"Subject: Is dinner ready?\r\n"                    \
	"Date: Fri, 11 Jul 2003 21:00:37 -0700 (PDT)\r\n"  \
	"Message-ID: <20030712040037.46341.5F8J@football.example.com>\r\n"

#define DINNER_BODY \
	"Hi.\r\n\r\nWe lost the game. Are you hungry yet?\r\n\r\nJoe.\r\n"

#define RFC6376_KEY                                                           \
	"v=DKIM1; p=MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQDwIRP/UC3SBsEmGqZ9" \
	"ZJW3/DkMoGeLnQg1fWn7/zYtIxN2SnFCjxOCKG9v3b4jYfcTNh5ijSsq631uBItLa7"  \
	"od+v/RtdC2UzJ1lWT947qR+Rcac2gbto/NMqJ0fzfVjH4OuKhitdY9tf6mcwGjaNBc"  \
	"WToIMmPSPDdQPNUYckcQ2QIDAQAB"
#define RFC8463_ED25519_KEY \
	"v=DKIM1; k=ed25519; p=11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo="
#define RFC8463_RSA_KEY                                                         \
	"v=DKIM1; k=rsa; p=MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQDkHlOQoBTzWR"  \
	"iGs5V6NpP3idY6Wk08a5qhdR6wy5bdOKb2jLQiY/J16JYi0Qvx/byYzCNb3W91y3FutAC" \
	"DfzwQ/BC/e/8uBsCR+yz1Lxj+PL6lHvqMKrM3rG4hstT5QjvHO9PzoxZyVYLzBfO2EeC3" \
	"Ip3G+2kryOTIKT+l/K4w3QIDAQAB"

static const struct {
	const char *name, *record;
} dinner_keys[] = {
    {"brisbane._domainkey.example.com", RFC6376_KEY},
    {"brisbane._domainkey.football.example.com", RFC8463_ED25519_KEY},
    {"test._domainkey.football.example.com", RFC8463_RSA_KEY},
};

/* Answer all questions by dinner_keys. */
static inline void
answer_dinner(struct dkim_check *check)
{
	for (size_t i = 0; i < dkim_check_count(check, NULL); i++) {
		struct mf_text name = dkim_check_question(check, i);
		struct mf_text record = MF_TEXT("");

		for (size_t k = 0; k < 3; k++)
			if (mf_text_eq(name, mf_text_of(dinner_keys[k].name)))
				record = mf_text_of(dinner_keys[k].record);
		dkim_check_answer(check, i,
		    record.len != 0 ? DKIM_KEY_FOUND : DKIM_KEY_NONE, record);
	}
}

#endif
