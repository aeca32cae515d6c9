dnl mailfrom-srs.m4 - SRS and SES in sendmail, through srsd's socketmap
dnl
dnl Copyright (c) 2026 the mailfrom authors
dnl SPDX-License-Identifier: ISC
dnl
dnl What it does
dnl
dnl   Mail that leaves by SMTP with a foreign sender gets an SRS sender in our domain,
dnl   whether an alias, .forward, :include:, virtusertable or mailertable forwards it.
dnl   Mail that is delivered on this host keeps its sender, even if it is a copy of
dnl   the same message.  Bounces to one of our SRS addresses go to the original
dnl   sender; a forged or expired one is rejected at RCPT with 550.
dnl   The null sender and senders in our own domains (class w) are left alone.
dnl
dnl Installing it
dnl
dnl   Copy this file to /etc/mail.  In sendmail.mc, replace the line MAILER(`smtp'),
dnl   which this file includes, with these lines:
dnl
dnl	define(`MAILFROM_SRS_SOCKET', `inet:10003@127.0.0.1')dnl
dnl	include(`/etc/mail/mailfrom-srs.m4')dnl
dnl
dnl   The socket is one that srsd listens on (listen in mailfrom.conf), in the
dnl   syntax of libmilter: inet:PORT@HOST or local:/path.  Anyone who can connect to
dnl   it can have addresses signed: keep it on loopback, or in a directory that only
dnl   root and sendmail's users (smmta, smmsp) can enter.
dnl
dnl   The domain of the SRS addresses (fwdomain in mailfrom.conf) must be in class w,
dnl   so that bounces to it are accepted: LOCAL_DOMAIN(`fwd.example'), or a line in
dnl   /etc/mail/local-host-names.  A domain in VIRTUSER_DOMAIN works as well.
dnl
dnl   Then rebuild sendmail.cf and restart sendmail: on Debian with
dnl   sendmailconfig, on BSD with `make -C /etc/mail install restart', elsewhere
dnl
dnl	m4 /usr/share/sendmail-cf/m4/cf.m4 sendmail.mc >sendmail.cf
dnl
dnl   It belongs in sendmail.mc only, not in submit.mc.
dnl
dnl Options (define them before the include line)
dnl
dnl   MAILFROM_SRS_KEEP	A file of domains, one per line: mail to these keeps its
dnl			sender.  For your own machines behind this one, a hub or
dnl			a primary MX, that trust it.  The domains are sent to
dnl			their MX.  To send one elsewhere, leave it out of the file
dnl			and set the mailer in mailertable:
dnl				hub.example	esmtpkeep:[10.1.2.3]
dnl   MAILFROM_SRS_OWN	Look up senders in class w in srsd too.  For sites that
dnl			sign their own senders (`ses' and `sign' in
dnl			mailfrom.conf); own_domains there then lists the
dnl			domains whose senders are left alone.
dnl   MAILFROM_SRS_QUEUE	While srsd is down, accept mail and queue what is to be
dnl			rewritten, instead of rejecting mail from all foreign
dnl			senders with 421 at RCPT.
dnl
dnl When srsd is down, slow or broken
dnl
dnl   A sender is used only if srsd replies OK and an address.  With anything else
dnl   - no server, no reply within sendmail's 30 seconds, TEMP, PERM, NOTFOUND, an
dnl   empty reply, garbage - nothing leaves:
dnl
dnl   at RCPT	421, for senders that would be rewritten; 451 for SRS recipients
dnl   at delivery	the recipient stays in the queue, at every attempt, and so does
dnl		mail queued earlier; local recipients of the message get their copies
dnl   in the queue	a bounce to an SRS address waits as well
dnl
dnl   All of it is delivered automatically once srsd is back.  No mail is sent with a
dnl   sender that should have been rewritten, and none with a mangled one.  One case
dnl   remains: if something that doesn't speak socketmap replaces srsd between the
dnl   start of a delivery and its lookup, sendmail treats that as an internal error
dnl   and the mail bounces to its original sender.
dnl
dnl What to know
dnl
dnl   srsd gets the host that sendmail delivers to ($h), but sendmail sets that only
dnl   after it has rewritten the sender.  In a message with several destinations it is
dnl   that of another one of them, or unknown.  So `exclude_recipients' in mailfrom.conf
dnl   is exact only for messages with a single destination.  MAILFROM_SRS_KEEP is
dnl   always exact.
dnl
dnl   sendmail itself rejects recipients with an @ inside a quoted local part
dnl   (550 Relaying denied), and so bounces to such senders too.
dnl
dnl How it works
dnl
dnl   smtp.m4 is read while m4 replaces the name of the ruleset EnvFromSMTP, so that
dnl   the mailers smtp, esmtp, smtp8, dsmtp and relay rewrite senders with
dnl   MailfromEnvelope.  The mailers procmail and cyrusv2, and FEATURE(`local_lmtp'),
dnl   which borrow EnvFromSMTP to deliver on this host, don't.
dnl
dnl   The maps use -f -q: case and quotes of addresses survive in both directions.
dnl   The appended <OK> distinguishes a reply from everything else.
dnl
dnl   A ruleset that rewrites senders can't defer the delivery.  So it leaves a note
dnl   in {MailfromHeld}, and check_compat, which sendmail runs right after it and
dnl   before it opens a connection, acts on that.
dnl
dnl   The reply at RCPT is 421, which ends the session, because a sendmail process
dnl   that couldn't connect to a map doesn't try again: the next session will.
dnl
dnl   Local_check_rcpt and check_compat end as they began, so your own rules and
dnl   FEATURE(`compat_check') can come before or after them.
dnl
divert(0)dnl
VERSIONID(`mailfrom-srs.m4')
ifdef(`_MAILER_smtp_',
`errprint(`mailfrom-srs.m4: it must replace MAILER(smtp), not follow it
')m4exit(1)')dnl
ifdef(`MAILFROM_SRS_SOCKET', `',
`errprint(`mailfrom-srs.m4: MAILFROM_SRS_SOCKET is not defined
')m4exit(1)')dnl
dnl The definition of the ruleset itself reads SEnvFromSMTP, another word to m4.
define(`EnvFromSMTP', `MailfromEnvelope')dnl
MAILER(`smtp')dnl
undefine(`EnvFromSMTP')dnl

LOCAL_CONFIG
# srsd; it sees a map's name as it is written here
Kmake_srs socket -f -q -a<OK> MAILFROM_SRS_SOCKET
Kreverse_srs socket -f -q -a<OK> MAILFROM_SRS_SOCKET
Kprobe socket -a<OK> MAILFROM_SRS_SOCKET
# local parts to look up in srsd, and those that are SRS or SES for certain
Kmailfrom_srs regex -q -a<SRS> ^[<"]*(SRS[01]|SES)[-+=]
Kmailfrom_certain regex -q -a<SRS> ^[<"]*(SRS[01][-+=]|SES=)
Kmailfrom_note macro
ifdef(`MAILFROM_SRS_KEEP', `F{MailfromKeep}-o MAILFROM_SRS_KEEP %[^\#]', `dnl')

MAILER_DEFINITIONS
# esmtp for destinations that get the original sender
Mesmtpkeep,	P=[IPC], F=_MODMF_(CONCAT(_DEF_SMTP_MAILER_FLAGS, `a', SMTP_MAILER_FLAGS), `ESMTP'), S=EnvFromSMTP/HdrFromSMTP, R=EnvToSMTP, E=\r\n, L=SMTP_MAILER_LL,
		T=DNS/RFC822/SMTP,
		A=ESMTP_MAILER_ARGS

# A note by MailfromEnvelope is for its own mailer, not for those that come after it.
SEnvFromSMTP
R$*			$: $1 $(mailfrom_note {MailfromHeld} $)
SEnvFromL
R$*			$: $1 $(mailfrom_note {MailfromHeld} $)

LOCAL_RULE_0
ifdef(`MAILFROM_SRS_KEEP', `dnl
R$* < @ $={MailfromKeep} . > $*	$#esmtpkeep $@ $2. $: $1 < @ $2 . > $3
R$* < @ $={MailfromKeep} > $*	$#esmtpkeep $@ $2 $: $1 < @ $2 > $3', `dnl')
R$*			$: $>MailfromRecipient $1

LOCAL_RULESETS
######################################################################
###  MailfromEnvelope -- the envelope sender of mail sent by SMTP
######################################################################

SMailfromEnvelope
R$*			$: $>EnvFromSMTP $1		what sendmail does to it
R$@			$@				list:; has no sender
R<@>			$@ <@>				nor have bounces
ifdef(`MAILFROM_SRS_OWN', `dnl', `dnl
R$* < @ $=w > $*	$@ $1 < @ $2 > $3		ours already
R$* < @ $=w . > $*	$@ $1 < @ $2 . > $3')
R$*			$: $&h $| $1
R$| $*			$: unknown $| $1
R$* $| $*		$: $2 $| $(make_srs $1 $| $2 $: <NONE> $)
R$* $| $+ < @ $+ > <OK>	$@ $2 < @ $3 >
R$* $| $*		$@ $1 $(mailfrom_note {MailfromHeld} $@ yes $)

######################################################################
###  check_compat -- hold mail that MailfromEnvelope got no answer for
######################################################################

Scheck_compat
R$*			$: $1 $| $>MailfromHold
R$* $| $#$*		$#$2
R$* $| $*		$: $1

SMailfromHold
R$*			$: $&{MailfromHeld} $| $&h
R$| $*			$@ OK				no note
R$* $|			$@ OK				no host: a file
R$*			$#error $@ 4.3.0 $: "451 sender not rewritten: no answer from srsd"

######################################################################
###  MailfromRecipient -- what sendmail resolves a recipient from
######################################################################

SMailfromRecipient
R$*			$: < $&{addr_type} > $1
R< e s > $*		$@ $1				no recipient, a sender
R< $* > $*		$: $>MailfromReverse $2
R$* < @ $+ > $*		$: $>MailfromOutbound $1 < @ $2 > $3

# Bounces to SRS addresses of our domains
SMailfromReverse
R$*			$: $>MailfromMark $1
R<SRS> $| $+		$: ASKED $| $(reverse_srs $1 $: NONE $)
R ASKED $| $+ < @ $+ > <OK>	$: $>MailfromMark $1 < @ $2 >
R ASKED $| $*		$#error $@ 4.3.0 $: "451 cannot look up this address: no answer from srsd"
# srsd returns an address that it can't reverse: forged, expired, or a user with such a name
R<SRS> $| $+ < @ $+ >	$: $(mailfrom_certain $1 $: NO $) $| $1 < @ $2 >
R<SRS> $| $*		$#error $@ 5.7.1 $: "550 SRS address is invalid or has expired"
R NO $| $*		$: $1

# <SRS> or NO, and the address: is it one of ours that srsd may know?
SMailfromMark
R$+ < @ $=w . >		$@ $(mailfrom_srs $1 $: NO $) $| $1 < @ $2 . >
R$+ < @ $={VirtHost} . >	$@ $(mailfrom_srs $1 $: NO $) $| $1 < @ $2 . >
R$*			$@ NO $| $1

# Mail for elsewhere: sendmail queues a recipient if a lookup fails while it resolves
# it.  Without this, an answer that isn't even a socketmap's would cause an internal
# error in MailfromEnvelope, and so a bounce.
SMailfromOutbound
R$* < @ $=w . > $*	$@ $1 < @ $2 . > $3
R$* < @ $={VirtHost} . > $*	$@ $1 < @ $2 . > $3
R$*			$: $1 $| $>MailfromForeign
R$* $| YES		$: $1 $| $(probe up $: $)
R$* $| $*		$: $1

######################################################################
###  Local_check_rcpt -- accept no mail that needs srsd while srsd is down
######################################################################

SLocal_check_rcpt
R$*			$: $1 $| $>MailfromNeeded $1
R$* $| YES		$: $1 $| $(probe up $: NONE $)
R$* $| NO		$: $1
R$* $| $+ <OK>		$: $1
R$* $| $*		$#error $@ 4.3.0 $: "421 sender rewriting temporarily unavailable, try again later"

# YES or NO: does mail to this recipient need srsd in any case?
SMailfromNeeded
R$*			$: $(mailfrom_srs $1 $: NO $)
R<SRS>			$@ YES
ifdef(`MAILFROM_SRS_QUEUE', `R$*			$@ NO', `R$*			$@ $>MailfromForeign')

# YES or NO: is the sender one that is looked up in srsd?
SMailfromForeign
R$*			$: $&f
R$* < $* > $*		$: $2
ifdef(`MAILFROM_SRS_OWN', `dnl', `dnl
R$* @ $=w		$@ NO
R$* @ $=w .		$@ NO')
R$+ @ $+		$@ YES
R$*			$@ NO				null, or a user of this host
divert(0)dnl
