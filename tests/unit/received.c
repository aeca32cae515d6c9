/* SPDX-License-Identifier: ISC */
/*
 * milter/received.h: who gave the message to the host that wrote the field.
 *
 * Sources: "8.17.1" and "3.7.11" are fields that this sendmail or Postfix wrote
 * for the HELO name in them; "exim" is host_build_sender_fullhost() of 4.9x,
 * "qmail" received.c, "courier" courieresmtpd.c; the other names are products
 * whose format is known from their mail only.
 */
#include "tests/unit/support.h"

#include "milter/received.h"

#define SENDMAIL                                                \
	"\n\tby mx.fwd.test (8.17.1.9/8.17.1.9/Debian-2) with " \
	"ESMTP id 6APGKUPo000046\n\tfor <local@fwd.test>; "     \
	"Wed, 25 Nov 2026 16:20:30 GMT"
#define POSTFIX                                                   \
	"\n\tby mx.fwd.test (Postfix) with ESMTP id 2B7EB233\n\t" \
	"for <local@fwd.test>; Wed, 25 Nov 2026 16:21:01 +0000 (UTC)"
#define EXIM                                                   \
	"\n\tby mx.fwd.test with esmtps (TLS1.3) tls "         \
	"TLS_AES_256_GCM_SHA384\n\t(Exim 4.96)\n\t(envelope-"  \
	"from <a@sender.test>)\n\tid 1nQ0u4-0001Ab-2c\n\tfor " \
	"local@fwd.test;\n\tWed, 25 Nov 2026 16:21:01 +0000"
#define QMAIL "\n  by mx.fwd.test with SMTP; 25 Nov 2026 16:21:01 -0000"
#define COURIER                                             \
	"\n  by mx.fwd.test with esmtps; Wed, 25 Nov 2026 " \
	"16:21:01 +0000\n  id 0000000000A41BC3.5FBE.0F21"

static const struct {
	const char *name;
	const char *value;
	const char *ip; /* NULL: none */
	const char *helo;
} rows[] = {
    {"RFC 5321 4.4",
	"from bar.com ([192.0.2.1]) by foo.com with ESMTP id 1; "
	"Thu, 05 Nov 1998 17:23:34 -0800",
	"192.0.2.1", "bar.com"},
    {"RFC 5321 4.4, IPv6",
	"from bar.com (host.bar.com [IPv6:2001:db8::1]) by foo.com; Thu",
	"2001:db8::1", "bar.com"},
    {"mapped", "from a (b [IPv6:::ffff:192.0.2.1]) by c; d", "192.0.2.1", "a"},
    {"case", "FROM a (b [192.0.2.1]) BY c ID 1; d", "192.0.2.1", "a"},
    {"blank before", " from a ([192.0.2.1]) by c", "192.0.2.1", "a"},
    {"folded everywhere",
	"from\r\n\ta\r\n (b\n\t[192.0.2.1]\r\n )\r\n\tby\r\n\tc; d",
	"192.0.2.1", "a"},

    /* sendmail */
    {"8.17.1", "from client.test ([127.0.0.99])" SENDMAIL, "127.0.0.99",
	"client.test"},
    {"8.17.1, literal", "from [127.0.0.5] ([127.0.0.99])" SENDMAIL,
	"127.0.0.99", "[127.0.0.5]"},
    {"8.17.1, HELO by", "from by ([127.0.0.99])" SENDMAIL, "127.0.0.99", "by"},
    {"8.17.1, HELO from", "from from ([127.0.0.99])" SENDMAIL, "127.0.0.99",
	"from"},
    {"8.17.1, address in HELO", "from a[1.1.1.1] ([127.0.0.99])" SENDMAIL,
	"127.0.0.99", "a[1.1.1.1]"},
    {"8.17.1, address as HELO", "from 1.1.1.1 ([127.0.0.99])" SENDMAIL,
	"127.0.0.99", "1.1.1.1"},
    {"sendmail, name", "from a (b.example [192.0.2.1])" SENDMAIL, "192.0.2.1",
	"a"},
    {"sendmail, forged",
	"from a (b.example [192.0.2.1] (may be forged))" SENDMAIL, "192.0.2.1",
	"a"},
    {"sendmail, ident", "from a (IDENT:bob@b.example [192.0.2.1])" SENDMAIL,
	"192.0.2.1", "a"},
    {"sendmail, ident, no name", "from a (IDENT:bob@[192.0.2.1])" SENDMAIL,
	"192.0.2.1", "a"},
    {"sendmail, old ident", "from a (bob@b.example [192.0.2.1])" SENDMAIL,
	"192.0.2.1", "a"},
    {"sendmail, authenticated",
	"from [1.1.1.1] (b [192.0.2.1])\n\t(authenticated bits=0)" SENDMAIL,
	"192.0.2.1", "[1.1.1.1]"},
    {"sendmail, IPv6", "from a (b [IPv6:2001:db8::1])" SENDMAIL, "2001:db8::1",
	"a"},
    {"sendmail, no HELO", "(from b.example [192.0.2.1])" SENDMAIL, "192.0.2.1",
	""},
    {"sendmail, no HELO or name", "(from [192.0.2.1])" SENDMAIL, "192.0.2.1",
	""},
    {"sendmail, local", "(from root@localhost)" SENDMAIL, NULL, ""},
    {"sendmail, UNIX",
	"from localhost (localhost [[UNIX: localhost]])" SENDMAIL, NULL, ""},

    /* Postfix */
    {"3.7.11", "from client.test (unknown [127.0.0.99])" POSTFIX, "127.0.0.99",
	"client.test"},
    {"3.7.11, literal", "from [1.1.1.1] (unknown [127.0.0.99])" POSTFIX,
	"127.0.0.99", "[1.1.1.1]"},
    {"3.7.11, parentheses",
	"from a?b?[1.1.1.1]? (unknown [127.0.0.99])" POSTFIX, "127.0.0.99",
	"a?b?[1.1.1.1]?"},
    {"3.7.11, Exim's",
	"from [1.1.1.1]?helo=x?by (unknown [127.0.0.99])" POSTFIX, "127.0.0.99",
	"[1.1.1.1]?helo=x?by"},
    {"3.7.11, a key", "from helo=x (unknown [127.0.0.99])" POSTFIX,
	"127.0.0.99", "helo=x"},
    {"3.7.11, UTF-8", "from b\xc3\xbc.test (unknown [127.0.0.99])" POSTFIX,
	"127.0.0.99", "b\xc3\xbc.test"},
    {"Postfix, TLS",
	"from a (b.example [192.0.2.1])\n\t(using TLSv1.3 with cipher "
	"TLS_AES_256_GCM_SHA384 (256/256 bits)\n\t key-exchange X25519 "
	"server-signature RSA-PSS (2048 bits) server-digest SHA256)\n\t(Client "
	"CN \"b.example\", Issuer \"R3\" (verified OK))" POSTFIX,
	"192.0.2.1", "a"},
    {"Postfix, no certificate",
	"from a (b [192.0.2.1]) (using TLSv1) (No client certificate "
	"requested)" POSTFIX,
	"192.0.2.1", "a"},
    {"Postfix, authenticated",
	"from [10.0.0.1] (b [192.0.2.1])\n\t(Authenticated sender: "
	"bob@example.com)" POSTFIX,
	"192.0.2.1", "[10.0.0.1]"},
    {"Postfix, IPv6", "from a (unknown [IPv6:2001:db8::1])" POSTFIX,
	"2001:db8::1", "a"},
    {"Postfix, socket", "from localhost (unknown [unknown])" POSTFIX, NULL, ""},
    {"Postfix, local", "by mx.fwd.test (Postfix, from userid 0)\n\tid 1; d",
	NULL, ""},
    {"Postfix, address scrubbed",
	"from [1.1.1.1] (Authenticated sender: bob)" POSTFIX, NULL, ""},

    /* Exim */
    {"exim, no name", "from [192.0.2.1] (helo=a.example)" EXIM, "192.0.2.1",
	"a.example"},
    {"exim, port", "from [192.0.2.1] (port=2525 helo=a.example)" EXIM,
	"192.0.2.1", "a.example"},
    {"exim, ident", "from [192.0.2.1] (helo=a ident=bob)" EXIM, "192.0.2.1",
	"a"},
    {"exim, port alone", "from [192.0.2.1] (port=2525)" EXIM, "192.0.2.1", ""},
    {"exim, literal", "from [192.0.2.1] (helo=[10.0.0.1])" EXIM, "192.0.2.1",
	"[10.0.0.1]"},
    {"exim, that literal", "from [192.0.2.1]" EXIM, "192.0.2.1", ""},
    {"exim, IPv6", "from [2001:db8::1] (helo=a)" EXIM, "2001:db8::1", "a"},
    {"exim, name", "from b.example ([192.0.2.1])" EXIM, "192.0.2.1",
	"b.example"},
    {"exim, name and HELO", "from b.example ([192.0.2.1] helo=a.example)" EXIM,
	"192.0.2.1", "a.example"},
    {"exim, name, port", "from b.example ([192.0.2.1]:25 helo=a)" EXIM,
	"192.0.2.1", "a"},
    {"exim, all",
	"from b.example\n\t([192.0.2.1]:25 helo=[10.0.0.1] ident=bob)" EXIM,
	"192.0.2.1", "[10.0.0.1]"},
    {"exim, name, IPv6", "from b.example ([2001:db8::1]:25 helo=a)" EXIM,
	"2001:db8::1", "a"},
    {"exim, local", "from bob (helo=a)" EXIM, NULL, ""},
    {"exim, ident with brackets",
	"from b ([192.0.2.1] ident=[W9VcNxE2vKxgWHD05PJb])" EXIM, "192.0.2.1",
	"b"},

    /* qmail and its children */
    {"qmail", "from b.example (HELO a.example) (192.0.2.1)" QMAIL, "192.0.2.1",
	"a.example"},
    {"qmail, no name", "from unknown (HELO a.example) (192.0.2.1)" QMAIL,
	"192.0.2.1", "a.example"},
    {"qmail, HELO is the name", "from b.example (192.0.2.1)" QMAIL, "192.0.2.1",
	"b.example"},
    {"qmail, ident", "from b (HELO a) (bob@192.0.2.1)" QMAIL, "192.0.2.1", "a"},
    {"qmail, ident with an address",
	"from b (HELO a) (1.1.1.1@192.0.2.1)" QMAIL, "192.0.2.1", "a"},
    {"qmail, HELO is an address",
	"from unknown (HELO 1.1.1.1) (192.0.2.1)" QMAIL, "192.0.2.1",
	"1.1.1.1"},
    {"qmail, name is an address", "from 1.1.1.1 (HELO a) (192.0.2.1)" QMAIL,
	"192.0.2.1", "a"},
    {"qmail, literal", "from unknown (HELO ?1.1.1.1?) (192.0.2.1)" QMAIL,
	"192.0.2.1", "?1.1.1.1?"},
    {"qmail, empty HELO", "from b (HELO ) (192.0.2.1)" QMAIL, "192.0.2.1", ""},
    {"qmail, IPv6", "from b (HELO a) (2001:db8::1)" QMAIL, "2001:db8::1", "a"},
    {"qmail, inner", "(qmail 1234 invoked from network); 25 Nov 2026", NULL,
	""},
    {"qmail-ldap",
	"from b (HELO a) (bob@[192.0.2.1]) (envelope-sender "
	"<x@[1.1.1.1]>)" QMAIL,
	"192.0.2.1", "a"},
    {"qpsmtpd, IronPort", "from b (EHLO [10.0.0.1]) ([192.0.2.1])" QMAIL,
	"192.0.2.1", "[10.0.0.1]"},
    {"Yahoo", "from 127.0.0.1  (EHLO a) (bob@192.0.2.1 with plain)" QMAIL,
	"192.0.2.1", "a"},
    {"Qsmtp", "from b ([192.0.2.1] HELO a) by c with ESMTP; d", "192.0.2.1",
	"a"},

    /* others */
    {"Exchange",
	"from a.example (192.0.2.1) by b.example (10.0.0.2) with Microsoft "
	"SMTP Server\r\n (version=TLS1_2, cipher=TLS_ECDHE_RSA) id 15.20; "
	"Wed, 25 Nov",
	"192.0.2.1", "a.example"},
    {"Exchange, IPv6",
	"from a (2001:db8::1) by b (2001:db8::2) with Microsoft; d",
	"2001:db8::1", "a"},
    {"Exchange, zone", "from a (fe80::1%12) by b with mapi; d", "fe80::1", "a"},
    {"Exchange, literal", "from [127.0.0.1] (192.0.2.1) by b with HTTPS; d",
	"192.0.2.1", "[127.0.0.1]"},
    {"IIS",
	"from a ([192.0.2.1] RDNS failed) by b with Microsoft SMTPSVC(6.0); d",
	"192.0.2.1", "a"},
    {"Exchange IMC", "from a (1.1.1.1 [192.0.2.1]) by b; d", "192.0.2.1", "a"},
    {"courier", "from a (b.example [::ffff:192.0.2.1])" COURIER, "192.0.2.1",
	"a"},
    {"courier, TLS",
	"from a (b [192.0.2.1])\n  (AUTH: LOGIN bob, "
	"TLS: TLSv1.3,128bits)" COURIER,
	"192.0.2.1", "a"},
    {"courier, softdnserr", "from a (softdnserr [::ffff:192.0.2.1])" COURIER,
	"192.0.2.1", "a"},
    {"CommuniGate", "from [192.0.2.1] (HELO a) by b (CommuniGate Pro) id 1; d",
	"192.0.2.1", "a"},
    {"CommuniGate, account",
	"from [192.0.2.1] (account bob HELO [10.0.0.1]) by b; d", "192.0.2.1",
	"[10.0.0.1]"},
    {"CommuniGate, verified",
	"from a (account bob [192.0.2.1] verified) by b; d", "192.0.2.1", "a"},
    {"CommuniGate, verified name", "from a ([192.0.2.1] verified) by b; d",
	"192.0.2.1", "a"},
    {"Gmail",
	"from a.example (b.example. [192.0.2.1])\r\n        by mx.google.com "
	"with ESMTPS id y1-20.2026.11.25\r\n        for <x@gmail.com>\r\n"
	"        (version=TLS1_3 cipher=X bits=256/256); Wed (PST)",
	"192.0.2.1", "a.example"},
    {"Gmail, IPv6", "from a (b. [2001:db8::1]) by mx.google.com; d",
	"2001:db8::1", "a"},
    {"Gmail, inner", "by 2002:a17:90b:4f8d:b0:2b with SMTP id y13csp1; d", NULL,
	""},
    {"OpenSMTPD", "from a (b [192.0.2.1])\n\tby c (OpenSMTPD) with ESMTP; d",
	"192.0.2.1", "a"},
    {"OpenSMTPD, local", "from localhost (c [local])\n\tby c (OpenSMTPD); d",
	NULL, ""},
    {"MDaemon, IMail",
	"from a [192.0.2.1] by b with ESMTP (SMTPD-9.10) id A; d", "192.0.2.1",
	"a"},
    {"MailMarshal", "from a (Not Verified[192.0.2.1]) by b with MailMarshal; d",
	"192.0.2.1", "a"},
    {"glued", "from a (b[192.0.2.1]) by c; d", "192.0.2.1", "a"},
    {"bare name", "from a (1.1.1.1 [192.0.2.1]) by c; d", "192.0.2.1", "a"},
    {"XMail", "from a (192.0.2.1:23198) by b with [XMail 1.20] id <S72>; d",
	"192.0.2.1", "a"},
    {"MessageLabs", "from [192.0.2.1:17452] by b id 1; d", "192.0.2.1", ""},
    {"Momentum", "from [192.0.2.1] ([192.0.2.1:53418] helo=a) by b; d",
	"192.0.2.1", "a"},
    {"F-Secure", "from [192.0.2.1]:50999 (HELO a) by b ([10.0.0.2]:25); d",
	"192.0.2.1", "a"},
    {"smap", "from a(192.0.2.1) by b via smap (V1.3)", "192.0.2.1", "a"},
    {"no name at all", "from ([192.0.2.1]) by b with ESMTP ; d", "192.0.2.1",
	""},
    {"twice the same", "from a ([192.0.2.1] [192.0.2.1]) by b; d", "192.0.2.1",
	"a"},
    {"Dovecot LMTP", "from mx.example\n\tby b with LMTP\n\tid 1; d", NULL, ""},
    {"SquirrelMail",
	"from 192.0.2.1 (proxying for 1.1.1.1)\n (SquirrelMail authenticated "
	"user bob)\n by c with HTTP; d",
	NULL, ""},
    {"quoted pairs", "from a (b\\) [192.0.2.1]) by c; d", "192.0.2.1", "a"},
    {"nested", "from a (b (x (y)) [192.0.2.1] (z)) by c; d", "192.0.2.1", "a"},
    {"bare name", "from a (1.1.1.1 [192.0.2.1]) by c; d", "192.0.2.1", "a"},

    /* no field of that kind, or none that is whole */
    {"nothing", "", NULL, ""},
    {"blanks", " \r\n\t", NULL, ""},
    {"from alone", "from", NULL, ""},
    {"from and by", "from by", NULL, ""},
    {"no by", "from a ([192.0.2.1]); Thu", NULL, ""},
    {"no by at all", "from a ([192.0.2.1])", NULL, ""},
    {"no from", "a ([192.0.2.1]) by b; d", NULL, ""},
    {"from glued", "from[192.0.2.1] by b; d", NULL, ""},
    {"another first word", "for a ([192.0.2.1]) by b; d", NULL, ""},
    {"behind by", "from a by b ([192.0.2.1]) for c; d", NULL, ""},
    {"no address", "from a (b) by c; d", NULL, ""},
    {"not an address", "from a (b [192.0.2.256]) by c; d", NULL, ""},
    {"too long an address", "from a (b [192.0.2.1.1]) by c; d", NULL, ""},
    {"a network", "from a (b [192.0.2.0/24]) by c; d", NULL, ""},
    {"empty brackets", "from a (b []) by c; d", NULL, ""},
    {"bracket not closed", "from a (b [192.0.2.1) by c; d", NULL, ""},
    {"bracket not opened", "from a (b 192.0.2.1]) by c; d", NULL, ""},
    {"brackets turned round", "from a (b ]192.0.2.1[) by c; d", NULL, ""},
    {"no port", "from a ([192.0.2.1]:x) by c; d", NULL, ""},
    {"large port", "from a ([192.0.2.1]:65536) by c; d", NULL, ""},
    {"comment not closed", "from a (b [192.0.2.1] by c; d", NULL, ""},
    {"comment not opened", "from a b [192.0.2.1]) by c; d", NULL, ""},
    {"comment not closed, later", "from a ([192.0.2.1]) by c (x; d", NULL, ""},
    {"comment not opened, later", "from a ([192.0.2.1]) by c x); d", NULL, ""},
    {"quote not closed, later", "from a ([192.0.2.1]) by c \"x; d", NULL, ""},
    {"path not closed, later", "from a ([192.0.2.1]) by c for <x; d", NULL, ""},
    {"path not opened, later", "from a ([192.0.2.1]) by c for x>; d", NULL, ""},
    {"blank in a path", "from a ([192.0.2.1]) by c for <x y>; d", NULL, ""},
    {"path in a path", "from a ([192.0.2.1]) by c for <x<y>>; d", NULL, ""},
    {"path opened twice", "from a ([192.0.2.1]) by c for <x<y>; d", NULL, ""},
    {"quoted in a path", "from a ([192.0.2.1]) by c for <\"> (<\"@y>; d",
	"192.0.2.1", "a"},
    {"empty path", "from a ([192.0.2.1]) by c envelope-from <>; d", "192.0.2.1",
	"a"},
    {"more words", "from a b ([192.0.2.1]) by c; d", NULL, ""},
    {"words behind", "from a ([192.0.2.1]) via x by c; d", NULL, ""},
    {"quoted name", "from \"a\" ([192.0.2.1]) by c; d", NULL, ""},
    {"name as a path", "from <a> ([192.0.2.1]) by c; d", NULL, ""},
    {"backslash last", "from a ([192.0.2.1]) by c\\", "192.0.2.1", "a"},
    {"backslash last in a comment", "from a ([192.0.2.1]) by c (\\", NULL, ""},

    /* what clients could write, where hosts let them: forged is 1.1.1.1 */
    {"two comments", "from evil (relay [1.1.1.1]) (real [6.6.6.6]) by r; d",
	NULL, ""},
    {"two addresses", "from a (x [1.1.1.1] [6.6.6.6]) by r; d", NULL, ""},
    {"beside and in", "from x [1.1.1.1] (b [6.6.6.6]) by r; d", NULL, ""},
    {"bare and in", "from a (1.1.1.1) (b [6.6.6.6]) by r; d", NULL, ""},
    {"bare, then bare", "from a (1.1.1.1) (6.6.6.6) by r; d", NULL, ""},
    {"courier, by in HELO", "from a([1.1.1.1])by (b [6.6.6.6])" COURIER, NULL,
	""},
    {"courier, by and a date", "from a([1.1.1.1])by; (b [6.6.6.6])" COURIER,
	NULL, ""},
    {"courier, as Exim", "from [1.1.1.1](helo=x)by (b [6.6.6.6])" COURIER, NULL,
	""},
    {"courier, comment open", "from a([1.1.1.1])by( (b [6.6.6.6])" COURIER,
	NULL, ""},
    {"courier, quote open", "from a([1.1.1.1])by\" (b [6.6.6.6])" COURIER, NULL,
	""},
    {"courier, path open", "from a([1.1.1.1])by< (b [6.6.6.6])" COURIER, NULL,
	""},
    {"courier, escape", "from a([1.1.1.1])by\\ (b [6.6.6.6])" COURIER, NULL,
	""},
    {"courier, parentheses alone", "from a(b) (b [6.6.6.6])" COURIER, "6.6.6.6",
	"a"},
    {"recipient closes a comment",
	"from a (b [1.1.1.1]) ( (b [6.6.6.6]) by r for <\"x) by y\"@d>; d",
	NULL, ""},
    {"recipient closes a comment, escape",
	"from a (b [1.1.1.1]) ( (b [6.6.6.6]) by r for <\"x) by <y\\\"\"@d>; d",
	NULL, ""},
    {"exim, junk", "from [6.6.6.6] (helo=x) (a [1.1.1.1])" EXIM, NULL, ""},
    {"exim, junk beside", "from [6.6.6.6] (helo=x) [1.1.1.1] (a)" EXIM, NULL,
	""},
    {"exim, junk in brackets", "from [6.6.6.6] (helo=x [1.1.1.1])" EXIM, NULL,
	""},
    {"exim, junk and a name", "from b ([6.6.6.6] helo=x [1.1.1.1])" EXIM, NULL,
	""},
    {"exim, junk comment", "from b ([6.6.6.6] helo=x) (a [1.1.1.1])" EXIM, NULL,
	""},
    {"exim, harmless junk", "from [6.6.6.6] (helo=x y z)" EXIM, "6.6.6.6", "x"},
    {"exim, junk by", "from [6.6.6.6] (helo=x) by y (z)" EXIM, NULL, ""},
    {"ident as Exim's", "from b ([6.6.6.6] ident=x) (a [1.1.1.1])" EXIM, NULL,
	""},
    {"name in the DNS, comment",
	"from a (y [1.1.1.1]) (x b c [6.6.6.6]) by r; d", NULL, ""},
    {"name in the DNS, key", "from a ([1.1.1.1] helo= [6.6.6.6]) by r; d", NULL,
	""},
    {"name in the DNS, escape", "from a (x [1.1.1.1] \\ [6.6.6.6]) by r; d",
	NULL, ""},
    {"name in the DNS, words",
	"from a ([1.1.1.1] b c d [6.6.6.6] (may be forged)) by r; d", NULL, ""},
    {"name in the DNS, open", "from a (x [1.1.1.1] ( [6.6.6.6]) by r; d", NULL,
	""},
    {"name in the DNS, open escaped",
	"from a ([1.1.1.1] \\( [6.6.6.6]) by r; d", NULL, ""},
    {"name in the DNS, HELO", "from a ([1.1.1.1] HELO [6.6.6.6]) by r; d", NULL,
	""},
    {"name in the DNS, HELO behind",
	"from a (x [1.1.1.1]) (HELO [6.6.6.6]) by r; d", NULL, ""},
    {"name in the DNS, account",
	"from a (x [1.1.1.1]) (account [6.6.6.6]) by r; d", NULL, ""},
    {"ident, brackets", "from a ([1.1.1.1] x@6.6.6.6) by r; d", NULL, ""},
    {"ident, key", "from a ([1.1.1.1] x=@6.6.6.6) by r; d", NULL, ""},
    {"ident, key in words", "from a ([1.1.1.1] x=@6.6.6.6 y) by r; d", NULL,
	""},
    {"ident, user with brackets", "from a (1.1.1.1 x[1.1.1.1]@6.6.6.6) by r; d",
	NULL, ""},
    {"ident, bare", "from a (1.1.1.1 x@6.6.6.6) by r; d", NULL, ""},
    {"ident, Yahoo", "from a (1.1.1.1 x@6.6.6.6 with plain) by r; d", NULL, ""},
    {"ident, words", "from a (IDENT:a [1.1.1.1] b c@[6.6.6.6]) by r; d", NULL,
	""},
    {"sender in brackets", "from a (envelope-from x@[1.1.1.1]) by r; d", NULL,
	""},
    {"sender beside", "from a x@[1.1.1.1] by r; d", NULL, ""},
    {"user at the end", "from a (b [6.6.6.6]) (sender: [1.1.1.1]) by r; d",
	NULL, ""},
    {"two words before", "from a (b c [1.1.1.1]) by r; d", NULL, ""},
    {"exim, local junk", "from bob (helo=x [1.1.1.1])" EXIM, NULL, ""},
    {"exim, ident with a key", "from [6.6.6.6] (helo=x ident=y helo=z)" EXIM,
	"6.6.6.6", "x"},
    {"CN",
	"from a (b [6.6.6.6]) (Client CN \"x [1.1.1.1]\", Issuer \"y\" "
	"(not verified))" POSTFIX,
	"6.6.6.6", "a"},
    {"CN, quotes",
	"from a (b [6.6.6.6]) (Client CN \"x\" [1.1.1.1] \"\", Issuer \"y\" "
	"[1.1.1.1] \"\" (not verified))" POSTFIX,
	"6.6.6.6", "a"},
    {"CN, comment",
	"from a (b [6.6.6.6]) (Client CN \"x\" (y [1.1.1.1]) \"\", Issuer "
	"\"z\" (verified OK))" POSTFIX,
	"6.6.6.6", "a"},
    {"literal and scrubbed", "from [1.1.1.1] (x y z) by r; d", NULL, ""},
    {"literal and a key of others",
	"from [1.1.1.1] (b [6.6.6.6]) (bits=0) by r; d", "6.6.6.6",
	"[1.1.1.1]"},
    {"IPv4 and IPv6", "from a (b [0.0.0.1]) (c [::1]) by r; d", NULL, ""},
    {"the same, mapped", "from a (b [6.6.6.6]) (c [::ffff:6.6.6.6]) by r; d",
	"6.6.6.6", "a"},
};

static void
check(
    const char *name, struct mf_text value, const char *want, const char *helo)
{
	struct received have = {.helo = MF_TEXT("untouched")};
	bool ok = received_parse(value, &have);
	char ip[SPF_IP_SIZE];

	if (!ok) {
		if (want != NULL)
			fail_msg("%s: no address", name);
		expect_text(name, "*out", have.helo, MF_TEXT("untouched"));
		return;
	}
	spf_ip_print(&have.ip, ip);
	if (want == NULL)
		fail_msg("%s: have %s", name, ip);
	expect_str(name, "address", ip, want);
	expect_text(name, "HELO", have.helo, mf_text_of(helo));
}

static void
table(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++)
		check(rows[i].name, mf_text_of(rows[i].value), rows[i].ip,
		    rows[i].helo);
}

/* As libmilter hands it over, and as it is unfolded: blanks are blanks. */
static void
unfolded(void **state)
{
	char line[2048];

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct mf_text value = mf_text_of(rows[i].value);

		assert_true(value.len < sizeof(line));
		for (size_t n = 0; n < value.len; n++)
			line[n] = value.p[n] == '\r' || value.p[n] == '\n' ||
				value.p[n] == '\t'
			    ? ' '
			    : value.p[n];
		check(rows[i].name, mf_text_at(line, value.len), rows[i].ip,
		    rows[i].helo);
	}
}

#define LONG 65536

/* Fields of 64 KB of whatever costs a reader that goes back. */
static void
long_fields(void **state)
{
	static const char *const repeated[] = {"(", ")", "((", "()", "(x) ",
	    "[", "]", "[1", "<", ">", "\"", "\\", "\\\"", "\\(", "(\\", "a ",
	    " ", "(\"", "<\"", "by ", "=", "a=", "[1.1.1.1] ", "([6.6.6.6]) ",
	    "HELO ", "(HELO", ";", ":", "@"};
	static char field[LONG + 128];
	struct received out;

	(void)state;
	for (size_t i = 0; i < COUNT(repeated); i++) {
		struct text_out o = text_out(field, sizeof(field));

		out_str(&o, "from a ([6.6.6.6] ");
		while (o.len < LONG)
			out_str(&o, repeated[i]);
		out_str(&o, ") by b (");
		out_str(&o, repeated[i]);
		assert_false(o.full);
		assert_false(received_parse(out_view(&o), &out));
		field[sizeof("from a ") - 1] = ' ';
		received_parse(out_view(&o), &out);
	}
	struct text_out o = text_out(field, sizeof(field));
	out_str(&o, "from a (b [6.6.6.6]) (using ");
	while (o.len < LONG)
		out_str(&o, "(x) y ");
	out_str(&o, ") by b; d");
	assert_true(received_parse(out_view(&o), &out));
	expect_text("long", "HELO", out.helo, MF_TEXT("a"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(table),
	    cmocka_unit_test(unfolded),
	    cmocka_unit_test(long_fields),
	};

	return cmocka_run_group_tests_name("received", tests, NULL, NULL);
}
