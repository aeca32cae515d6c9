/* SPDX-License-Identifier: ISC */
#include "libspf-dns/tcp_link.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

/* Reads before others get their turn. */
#define TURN_MAX 16

void
tcp_links_init_(struct tcp_links *set)
{
	TAILQ_INIT(&set->list);
	TAILQ_INIT(&set->waiting);
}

static struct tcp_link *
link_of(struct leg *leg)
{
	return (struct tcp_link *)(void *)((char *)leg->table -
	    offsetof(struct tcp_link, legs));
}

/* --- the end of a link --- */

static void
link_break(struct tcp_link *l, int error)
{
	bool shared = l->answered + l->legs.count > 1;
	struct leg *leg;

	l->broken = true;
	event_del(l->read);
	event_del(l->write);
	/*
	 * Some servers answer one question a connection.  A reset may overtake
	 * that answer.
	 */
	if ((error == 0 || error == ECONNRESET || error == EPIPE) &&
	    l->legs.count != 0 && l->answered < l->server->tcp_share)
		l->server->tcp_share = l->answered != 0 ? l->answered : 1;
	while ((leg = leg_any_(&l->legs)) != NULL) {
		leg_leave_(leg);
		leg->error = error;
		leg->shared = shared;
		l->set->lost(l->set->arg, leg);
	}
}

static void
link_free(struct tcp_link *l)
{
	TAILQ_REMOVE(&l->set->list, l, entry);
	l->set->count--;
	if (l->read != NULL)
		event_free(l->read);
	if (l->write != NULL)
		event_free(l->write);
	if (l->fd >= 0)
		close(l->fd);
	server_release_(l->server);
	free(l);
}

/* --- reading --- */

static void
take_message(struct tcp_link *l, const uint8_t *octets, size_t len)
{
	struct leg *leg;

	if (len < DNSMSG_HEADER_SIZE)
		return;
	leg = leg_find_(&l->legs, leg_id_of_(octets));
	if (leg == NULL)
		return;
	l->answered++;
	l->stalled = false;
	l->set->took(l->set->arg, leg, octets, len);
}

/* Take the whole frames from the buffer. */
static void
take_frames(struct tcp_link *l)
{
	size_t at = 0;

	while (l->in_len - at >= 2) {
		size_t len = (size_t)l->in[at] << 8 | l->in[at + 1];

		if (l->in_len - at < 2 + len)
			break;
		take_message(l, l->in + at + 2, len);
		at += 2 + len;
	}
	l->in_len -= at;
	if (at != 0 && l->in_len != 0)
		memmove(l->in, l->in + at, l->in_len);
}

void
tcp_link_take_(struct tcp_link *l, const uint8_t *octets, size_t len)
{
	memcpy(l->in + l->in_len, octets, len);
	l->in_len += len;
	take_frames(l);
}

static void
on_readable(evutil_socket_t fd, short what, void *arg)
{
	struct tcp_link *l = arg;

	if ((what & EV_TIMEOUT) != 0 && l->legs.count == 0)
		link_break(l, 0);
	/* There is always room: a whole frame would have been taken. */
	for (int i = 0; i < TURN_MAX && !l->broken; i++) {
		ssize_t len =
		    recv(fd, l->in + l->in_len, sizeof(l->in) - l->in_len, 0);

		if (len > 0) {
			l->in_len += (size_t)len;
			take_frames(l);
		} else if (len == 0)
			link_break(l, 0);
		else if (errno == EAGAIN || errno == EWOULDBLOCK)
			break;
		else if (errno != EINTR)
			link_break(l, errno);
	}
	l->set->after(l->set->arg);
}

/* --- writing --- */

static void
write_out(struct tcp_link *l)
{
	while (l->out_at < l->out_len) {
		ssize_t len = send(l->fd, l->out + l->out_at,
		    l->out_len - l->out_at, MSG_NOSIGNAL);

		if (len >= 0)
			l->out_at += (size_t)len;
		else if (errno == EAGAIN || errno == EWOULDBLOCK) {
			event_add(l->write, NULL);
			return;
		} else if (errno != EINTR) {
			link_break(l, errno);
			return;
		}
	}
	l->out_at = l->out_len = 0;
}

static void
on_writable(evutil_socket_t fd, short what, void *arg)
{
	struct tcp_link *l = arg;
	int error = 0;
	socklen_t len = sizeof(error);

	(void)what;
	if (!l->connected) {
		if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len) < 0)
			error = errno;
		l->connected = true;
	}
	if (error != 0)
		link_break(l, error);
	else
		write_out(l);
	l->set->after(l->set->arg);
}

void
tcp_links_send_(struct leg *leg, const uint8_t *octets, size_t len)
{
	struct tcp_link *l = link_of(leg);

	if (l->out_at != 0) {
		l->out_len -= l->out_at;
		memmove(l->out, l->out + l->out_at, l->out_len);
		l->out_at = 0;
	}
	l->out[l->out_len] = (uint8_t)(len >> 8);
	l->out[l->out_len + 1] = (uint8_t)len;
	memcpy(l->out + l->out_len + 2, octets, len);
	l->out_len += 2 + len;
	if (!event_pending(l->write, EV_WRITE, NULL) &&
	    event_add(l->write, NULL) < 0)
		link_break(l, ENOMEM);
}

/* --- making --- */

/* 0, or an errno. */
static int
link_open(struct tcp_link *l)
{
	struct sockaddr_storage address;
	socklen_t len = nameserver_address_(&l->server->at, &address);
	struct timeval idle = {.tv_sec = LINK_IDLE_SEC};
	int on = 1;

	l->fd = socket(
	    address.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (l->fd < 0)
		return errno;
	setsockopt(l->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	if (connect(l->fd, (struct sockaddr *)&address, len) < 0 &&
	    errno != EINPROGRESS)
		return errno;
	l->read = event_new(
	    l->set->base, l->fd, EV_READ | EV_PERSIST, on_readable, l);
	l->write = event_new(l->set->base, l->fd, EV_WRITE, on_writable, l);
	if (l->read == NULL || l->write == NULL ||
	    event_add(l->read, &idle) < 0 || event_add(l->write, NULL) < 0)
		return ENOMEM;
	return 0;
}

static int
link_new(
    struct tcp_links *set, struct dns_server *server, struct tcp_link **out)
{
	struct tcp_link *l = calloc(1, sizeof(*l));
	int error;

	if (l == NULL)
		return ENOMEM;
	l->set = set;
	l->server = server;
	server_hold_(server);
	leg_table_init_(&l->legs);
	TAILQ_INSERT_HEAD(&set->list, l, entry);
	set->count++;
	error = link_open(l);
	if (error != 0)
		link_free(l);
	else
		*out = l;
	return error;
}

/* --- legs that wait --- */

static bool
link_is_spent(const struct tcp_link *l)
{
	unsigned share = l->server->tcp_share;

	return l->broken || l->stalled || l->server->gone ||
	    l->asked >= (share < SERVER_TCP_SHARE ? share : LINK_QUESTIONS_MAX);
}

static bool
link_has_room(const struct tcp_link *l)
{
	size_t room = sizeof(l->out) - (l->out_len - l->out_at);

	return !link_is_spent(l) && l->legs.count < l->server->tcp_share &&
	    room >= 2 + DNSMSG_QUERY_SIZE;
}

static struct tcp_link *
link_with_room(struct tcp_links *set, const struct dns_server *server)
{
	struct tcp_link *l;

	TAILQ_FOREACH (l, &set->list, entry)
		/* NOLINTNEXTLINE(clang-analyzer-unix.Malloc) */
		if (l->server == server && link_has_room(l))
			return l;
	return NULL;
}

/* Close one that has nothing to do, for another server's sake. */
static bool
close_idle(struct tcp_links *set)
{
	struct tcp_link *l;

	TAILQ_FOREACH (l, &set->list, entry)
		if (l->legs.count == 0) {
			link_free(l);
			return true;
		}
	return false;
}

static bool
is_shortage(int error)
{
	return error == EMFILE || error == ENFILE || error == ENOBUFS ||
	    error == ENOMEM;
}

/* False: it has to go on waiting. */
static bool
leg_begin(struct tcp_links *set, struct leg *leg)
{
	struct tcp_link *l = link_with_room(set, leg->server);
	int error = 0;

	if (l == NULL && set->count >= LINKS_MAX && !close_idle(set))
		return false;
	if (l == NULL)
		error = link_new(set, leg->server, &l);
	/* Others may give back what is short; the leg's time is bounded. */
	if (is_shortage(error))
		return false;
	leg_leave_(leg);
	if (error == 0 && !leg_add_(&l->legs, leg, set->entropy))
		error = EAGAIN;
	if (error != 0) {
		leg->error = error;
		leg->shared = false;
		set->lost(set->arg, leg);
		return true;
	}
	l->asked++;
	set->may_send(set->arg, leg);
	return true;
}

void
tcp_links_add_(struct tcp_links *set, struct leg *leg)
{
	leg_wait_(leg, &set->waiting);
}

void
tcp_link_stall_(struct leg *leg)
{
	link_of(leg)->stalled = true;
}

void
tcp_links_settle_(struct tcp_links *set)
{
	struct tcp_link *l = TAILQ_FIRST(&set->list);
	struct leg *leg;

	while (l != NULL) {
		struct tcp_link *next = TAILQ_NEXT(l, entry);

		if (l->broken || (l->legs.count == 0 && link_is_spent(l)))
			link_free(l);
		l = next;
	}
	while ((leg = TAILQ_FIRST(&set->waiting)) != NULL)
		if (!leg_begin(set, leg))
			break;
}

void
tcp_links_free_(struct tcp_links *set)
{
	while (!TAILQ_EMPTY(&set->list))
		/* NOLINTNEXTLINE(clang-analyzer-unix.Malloc) */
		link_free(TAILQ_FIRST(&set->list));
}
