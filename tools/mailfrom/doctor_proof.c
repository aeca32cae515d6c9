/* SPDX-License-Identifier: ISC */
/*
 * Checks of the proof.
 */
#include "tools/mailfrom/doctor.h"

static bool
check_step(const struct proof_step *step, const char *what, const char *why,
    const char *cure, struct finding_list *out)
{
	if (step->outcome == PROOF_RIGHT)
		return true;
	findings_add(out, FINDING_FAIL, why, mf_text_of(cure), "%s: %.*s", what,
	    TEXT_ARGS(step->said));
	return false;
}

static void
check_proof(const struct proof_facts *p, const char *daemon,
    const char *loopback, struct finding_list *out)
{
	const char *restart = "restart the daemon: its secret, or its domains, "
			      "are others than those of mailfrom.conf";
	bool ok = true;

	if (p->fresh.outcome == PROOF_NOT_TRIED)
		return;
	ok = check_step(&p->null_sender, "the null sender",
		 "bounces must stay bounces", restart, out) &&
	    ok;
	ok =
	    check_step(&p->own_sender, "a sender of an own domain",
		"own senders must stay as they are",
		"list the domain in own_domains, and reload the daemon", out) &&
	    ok;
	ok = check_step(&p->foreign, "a foreign sender",
		 "forwards leave with their original sender", loopback, out) &&
	    ok;
	ok = check_step(&p->fresh, "an address signed a moment ago",
		 "the daemon doesn't know the secret that mailfrom.conf "
		 "names: bounces are lost",
		 restart, out) &&
	    ok;
	ok = check_step(&p->forged, "a forged address",
		 "forged bounces are taken", restart, out) &&
	    ok;
	if (p->rrs.outcome != PROOF_NOT_TRIED)
		ok = check_step(&p->rrs, "an RRS address that is made up",
			 "anybody gets past the SPF check with it, behind a "
			 "catch-all",
			 "compare rrs_secret_file and rrs_domains; restart "
			 "the daemon",
			 out) &&
		    ok;
	if (ok && mf_text_eq(p->foreign.said, MF_TEXT("unchanged")))
		findings_ok(out,
		    "%s: senders stay (rewrite = none), an SRS address is "
		    "restored, and a forged one isn't",
		    daemon);
	else if (ok)
		findings_ok(out,
		    "%s: null and own senders stay, a foreign one becomes "
		    "%.*s, that is restored, and a forged one isn't",
		    daemon, TEXT_ARGS(p->foreign.said));
}

void
check_srsd_proof(struct doctor_facts *f, struct finding_list *out)
{
	check_proof(&f->srsd_proof, "srsd",
	    "compare fwdomain, exclude_senders and include_senders in "
	    "mailfrom.conf; reload srsd",
	    out);
}

void
check_srsmilter_proof(struct doctor_facts *f, struct finding_list *out)
{
	check_proof(&f->srsmilter_proof, "srsmilter",
	    "take 127.0.0.1 out of internal_connect and trusted_relay in "
	    "[srsmilter]; compare rewrite; restart srsmilter",
	    out);
}

/* --- the mail server --- */

static struct mf_text
outside_command(struct doctor_facts *f, struct finding_list *out)
{
	struct mf_text host = f->has_postfix
	    ? site_value(&f->site, "myhostname")
	    : mf_text_of(f->host_name);

	return findings_text(out,
	    "swaks --server %.*s --from '<>' --to '%s' --quit-after RCPT",
	    TEXT_ARGS(host), f->srs_address);
}

static bool
check_fresh(struct doctor_facts *f, const struct proof_smtp *p,
    struct finding_list *out)
{
	if (p->fresh.code == 250)
		return true;
	findings_add(out, FINDING_FAIL,
	    p->fresh.code / 100 == 4 || p->fresh.code == 0
		? "bounces to SRS addresses wait, until they are given up"
		: "bounces to SRS addresses are rejected, and lost",
	    MF_TEXT("see the other checks, and the mail server's log; if the "
		    "address was tried before the mail server was reloaded, "
		    "reload it"),
	    "%s: RCPT TO:<%s>, from <>: %u %.*s", p->where, f->srs_address,
	    p->fresh.code, TEXT_ARGS(p->fresh.text));
	return false;
}

static bool
check_forged(const struct proof_smtp *p, struct finding_list *out)
{
	if (p->forged.code / 100 == 5)
		return true;
	findings_add(out, FINDING_FAIL,
	    p->forged.code / 100 == 2
		? "forged bounces are taken, and become backscatter"
		: "forged bounces aren't rejected for good, but again and "
		  "again",
	    MF_TEXT("unknown users of the SRS domain must be rejected: see "
		    "the checks forged-bounces and srs-domain"),
	    "%s: RCPT TO a forged SRS address, from <>: %u %.*s", p->where,
	    p->forged.code, TEXT_ARGS(p->forged.text));
	return false;
}

void
check_smtp_proof(struct doctor_facts *f, struct finding_list *out)
{
	const struct proof_smtp *p = &f->smtp;
	bool ok;

	if (p->where == NULL)
		return;
	if (!p->is_connected) {
		findings_add(out, FINDING_FAIL,
		    "no mail is taken there, so nothing is proved",
		    MF_TEXT("start the mail server; --smtp HOST:PORT names "
			    "another address, --no-smtp leaves this out"),
		    "%s: %.*s", p->where, TEXT_ARGS(p->greeting));
		return;
	}
	ok = check_fresh(f, p, out);
	ok = check_forged(p, out) && ok;
	if (ok)
		findings_ok(out,
		    "%s: a bounce to a fresh SRS address gets %u, to a forged "
		    "one %u %.*s; no mail was sent.  This host is in mynetworks "
		    "and skips what outside clients meet: to see that, run "
		    "elsewhere  %.*s",
		    p->where, p->fresh.code, p->forged.code,
		    TEXT_ARGS(p->forged.text),
		    TEXT_ARGS(outside_command(f, out)));
}
