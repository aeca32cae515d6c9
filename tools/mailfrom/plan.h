/* SPDX-License-Identifier: ISC */
/*
 * What mailfrom setup would have in main.cf and master.cf: settings and
 * services, each with its reason, and what can't be had by them.
 */
#ifndef MAILFROM_TOOLS_MAILFROM_PLAN_H
#define MAILFROM_TOOLS_MAILFROM_PLAN_H

#include "tools/mailfrom/setup_load.h"
#include "tools/mailfrom/site.h"

struct plan_setting {
	struct mf_text name;
	struct mf_text value;  /* "\n\t" where a new line begins */
	struct mf_text reason; /* one line; "" if that of the one before */
};

struct plan_settings {
	struct plan_setting *items;
	size_t count;
};

struct plan_service {
	struct mf_text head; /* the columns, with the command */
	struct mf_text reason;
	struct plan_settings options; /* -o */
};

/* A change of a service that the site has. */
struct plan_edit {
	struct mf_text service; /* smtp/inet */
	bool is_needed;         /* else the form works without it */
	struct plan_setting setting;
};

struct plan_note {
	bool is_refusal; /* what can't be merged, else a warning */
	struct mf_text text;
};

struct plan {
	struct arena *arena;
	struct plan_settings main;
	struct plan_service *services;
	size_t service_count;
	struct plan_edit *edits;
	size_t edit_count;
	struct plan_note *notes;
	size_t note_count;
	unsigned port;             /* of the second smtpd; 0: no second pass */
	struct mf_text loopback;   /* 127.0.0.1, or [::1] */
	struct mf_text direct;     /* how mail left before, as "smtp:" */
	struct mf_text out_filter; /* where the second pass sends mail */
};

/*
 * Add the settings of main.cf in text, or the services of master.cf: a comment
 * right before one is its reason, one after an empty line isn't.
 */
void plan_add_main(struct plan *plan, struct mf_text text);
void plan_add_master(struct plan *plan, struct mf_text text);

/* The setting of that name; NULL: there is none. */
struct plan_setting *plan_find(
    struct plan_settings *settings, const char *name);

/* Set, or add with that reason. */
void plan_set(struct plan *plan, struct plan_settings *settings,
    const char *name, struct mf_text value, const char *reason);

void plan_drop(struct plan_settings *settings, const char *name);

/* The options of the service whose line begins with that name. */
struct plan_settings *plan_options(struct plan *plan, const char *name);

/* The second smtpd's. */
struct plan_settings *plan_second(struct plan *plan);

/* A change that the form doesn't work without. */
void plan_change(struct plan *plan, const struct site_service *service,
    const char *name, struct mf_text value, const char *reason);

/* One sentence or two; what is wrong, and the cure. */
void plan_warn(struct plan *plan, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
void plan_refuse(struct plan *plan, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* The printf() arguments of a text for "%.*s". */
#define PLAN_TEXT(t) (int)(t).len, (t).p

#endif
