/* SPDX-License-Identifier: ISC */
#include "store/redis_dialog.h"

#include <stdio.h>

/* --- asking --- */

struct redis_question {
	struct redis_dialog *dialog;
	redis_callback *done;
	void *arg;
	bool is_answered, is_ok;
};

static void
note(struct redis_dialog *d, struct mf_text text)
{
	struct text_out out = text_out(d->reason, sizeof(d->reason) - 1);

	if (d->host.name[0] != '\0') {
		out_str(&out, d->host.name);
		out_char(&out, ':');
		out_uint(&out, d->host.port);
		out_str(&out, ": ");
	}
	out_text(&out, text_head(text, 200));
	d->reason[out.len] = '\0';
}

static void
on_reply(void *arg, const struct redis_answer *answer)
{
	struct redis_question *q = arg;

	q->is_answered = true;
	q->is_ok = answer->kind != REDIS_LOST && answer->kind != REDIS_REFUSED;
	if (answer->kind == REDIS_REFUSED)
		note(q->dialog, answer->parts[0].text);
	if (q->done != NULL && q->is_ok)
		q->done(q->arg, answer);
}

void
redis_dialog_send(struct redis_dialog *d, const struct mf_text *words,
    size_t count, redis_callback *done, void *arg)
{
	static const struct redis_answer lost = {.kind = REDIS_LOST};

	if (d->link != NULL)
		redis_link_send(d->link, words, count, done, arg);
	else
		done(arg, &lost);
}

bool
redis_dialog_ask(struct redis_dialog *d, const struct mf_text *words,
    size_t count, redis_callback *done, void *arg)
{
	struct redis_question q = {.dialog = d, .done = done, .arg = arg};

	redis_dialog_send(d, words, count, on_reply, &q);
	while (!q.is_answered && event_base_loop(d->base, EVLOOP_ONCE) == 0)
		;
	return q.is_ok;
}

/* --- connecting --- */

static void
on_up(void *arg)
{
	struct redis_dialog *d = arg;

	d->is_up = true;
}

static void
on_down(void *arg, const char *reason)
{
	struct redis_dialog *d = arg;

	d->link = NULL;
	note(d, mf_text_of(reason));
}

static void
hang_up(struct redis_dialog *d)
{
	redis_link_close(d->link);
	d->link = NULL;
	d->is_up = false;
	event_base_loop(d->base, EVLOOP_NONBLOCK);
}

static bool
dial_up(struct redis_dialog *d, const struct store_params *p, bool sentinel)
{
	enum store_scheme scheme = p->url.scheme;
	char reason[REDIS_DIALOG_REASON_SIZE];
	const struct redis_link_params params = {.base = d->base,
	    .path = scheme == STORE_REDIS_UNIX ? p->url.path : NULL,
	    .host = &d->host,
	    .tls = scheme == STORE_REDIS_TLS && !sentinel,
	    .ca_file = p->ca_file,
	    .timeout_ms = p->timeout_ms,
	    .up = on_up,
	    .down = on_down,
	    .arg = d};

	d->link = redis_link_new(&params, reason, sizeof(reason));
	if (d->link == NULL) {
		note(d, mf_text_of(reason));
		return false;
	}
	while (d->link != NULL && !d->is_up &&
	    event_base_loop(d->base, EVLOOP_ONCE) == 0)
		;
	return d->is_up;
}

static bool
log_in(struct redis_dialog *d, const struct store_params *p)
{
	const struct mf_text auth[] = {
	    MF_TEXT("AUTH"), mf_text_of(p->user), mf_text_of(p->password)};
	const struct mf_text short_auth[] = {auth[0], auth[2]};

	if (p->password[0] == '\0')
		return true;
	return p->user[0] != '\0'
	    ? redis_dialog_ask(d, auth, 3, NULL, NULL)
	    : redis_dialog_ask(d, short_auth, 2, NULL, NULL);
}

static void
on_master(void *arg, const struct redis_answer *answer)
{
	struct store_host *host = arg;
	struct mf_text name = answer->parts[0].text;
	uint64_t port;

	if (answer->count != 2 || name.len >= sizeof(host->name) ||
	    !text_uint(answer->parts[1].text, UINT16_MAX, &port))
		return;
	memcpy(host->name, name.p, name.len);
	host->name[name.len] = '\0';
	host->port = (uint16_t)port;
}

/* Of the first sentinel that knows it. */
static bool
find_master(struct redis_dialog *d, const struct store_params *p)
{
	const struct mf_text words[] = {MF_TEXT("SENTINEL"),
	    MF_TEXT("get-master-addr-by-name"), mf_text_of(p->url.master)};

	for (unsigned i = 0; i < p->url.host_count; i++) {
		struct store_host master = {.port = 0};

		d->host = p->url.hosts[i];
		if (!dial_up(d, p, true))
			continue;
		if (!redis_dialog_ask(d, words, 3, on_master, &master) &&
		    log_in(d, p))
			redis_dialog_ask(d, words, 3, on_master, &master);
		hang_up(d);
		if (master.port != 0) {
			d->host = master;
			return true;
		}
		note(d, MF_TEXT("Sentinel knows no master of that name"));
	}
	return false;
}

bool
redis_dialog_begin(struct redis_dialog *d, const struct store_params *p)
{
	struct text_out digits;
	char database[21];

	*d = (struct redis_dialog){.base = event_base_new()};
	if (d->base == NULL) {
		note(d, MF_TEXT("out of memory"));
		return false;
	}
	if (p->url.scheme != STORE_REDIS_SENTINEL)
		d->host = p->url.hosts[0];
	else if (!find_master(d, p))
		return false;
	digits = text_out(database, sizeof(database));
	out_uint(&digits, p->url.database);
	const struct mf_text select[] = {MF_TEXT("SELECT"), out_view(&digits)};
	return dial_up(d, p, false) && log_in(d, p) &&
	    redis_dialog_ask(d, select, 2, NULL, NULL);
}

void
redis_dialog_end(struct redis_dialog *d)
{
	if (d->base == NULL)
		return;
	hang_up(d);
	event_base_free(d->base);
}
