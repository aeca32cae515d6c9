/* SPDX-License-Identifier: ISC */
/*
 * What server.c, worker.c and conn.c share.
 */
#ifndef MAILFROM_SRSD_SERVER__H
#define MAILFROM_SRSD_SERVER__H

#include <event2/event.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/queue.h>
#include <time.h>

#include "rewrite/message_id.h"
#include "srsd/server.h"

#define INPUT_SIZE  (64 * 1024)
#define OUTPUT_SIZE (64 * 1024 + PROTOCOL_ANSWER_MAX)

/* A configuration in use by some workers, freed by the last. */
struct shared_config {
	struct config *config;
	unsigned holders; /* under server->lock */
};

struct server {
	const struct listener *listeners;
	size_t listener_count;
	struct worker **workers;
	unsigned worker_count;
	unsigned workers_started;
	pthread_mutex_t lock;
	struct shared_config *config; /* under lock */
	atomic_uint generation;
	struct message_ids message_ids;
};

LIST_HEAD(conn_list, conn);
STAILQ_HEAD(conn_queue, conn);

struct worker {
	struct server *server;
	pthread_t thread;
	struct event_base *base;
	struct event **accepting; /* one for each listener */
	struct event *tick;
	struct event *stop;
	int stop_pipe[2];
	/* Connections whose question to the gate is answered. */
	pthread_mutex_t answered_lock;
	struct conn_queue answered; /* under answered_lock */
	struct event *answering;
	int answered_pipe[2];
	struct conn_list conns;
	size_t conn_count;
	bool paused; /* not accepting */
	bool stopping;
	time_t now; /* monotonic, seconds, as of the last tick */
	time_t stop_at;
	/* The configuration that this worker holds, and which one it is. */
	struct shared_config *config;
	unsigned generation;
	struct map_answer answer;
	char input[INPUT_SIZE];
	char output[OUTPUT_SIZE];
};

struct conn;

/* Take the configuration in force, if it isn't the one held. */
void worker_take_config_(struct worker *w);

struct worker *worker_new_(struct server *s);
void worker_free_(struct worker *w);

/* Serve fd, which passes to the connection.  False: out of memory. */
bool conn_open_(struct worker *w, int fd, enum protocol protocol);
void conn_close_(struct conn *c);

/* Close every connection whose deadline has passed. */
void conns_expire_(struct worker *w);

/* Go on with those that the gate has answered. */
void conns_resume_(struct worker *w);

/* Answer what has arrived; leave only those that are still taking answers. */
void conns_finish_(struct worker *w);

/* Give up a hold.  Not under server->lock. */
void shared_config_release_(struct server *s, struct shared_config *shared);

#endif
