/* SPDX-License-Identifier: ISC */
/*
 * A Postfix site: what main.cf and master.cf say, and Postfix's defaults.
 *
 * It is read from postconf -n, -M and -d; or from the files themselves, where
 * there is no postconf; or from the saved output of postconf -n, -M and -P of
 * another host.  postconf(1), postconf(5), master(5).
 */
#ifndef MAILFROM_TOOLS_MAILFROM_SITE_H
#define MAILFROM_TOOLS_MAILFROM_SITE_H

#include "common/report.h"
#include "tools/mailfrom/arena.h"

/* A parameter, as main.cf or an -o of master.cf has it, in one line. */
struct site_setting {
	struct mf_text name;
	struct mf_text value; /* with its $names; trimmed */
};

struct site_settings {
	struct site_setting *items;
	size_t count;
};

/* A service of master.cf: its columns as they are, "-" for a default. */
struct site_service {
	struct mf_text name, type; /* such as smtp, inet */
	struct mf_text private, unprivileged, chroot, wakeup, limit;
	struct mf_text command;         /* such as smtpd */
	struct mf_text arguments;       /* all that follows, in one line */
	struct site_settings overrides; /* its -o; a later one wins */
};

enum site_source {
	SITE_NONE,     /* no Postfix here: defaults alone */
	SITE_POSTCONF, /* postconf was asked */
	SITE_FILES,    /* main.cf and master.cf were read; no postconf */
	SITE_SAVED     /* saved output */
};

/* What a look-up in a table finds out. */
enum site_found { SITE_ABSENT, SITE_FOUND, SITE_UNKNOWN };

struct site {
	enum site_source source;
	struct mf_text directory;      /* of main.cf; "" if unknown */
	struct mf_text version;        /* mail_version, such as 3.7.11; or "" */
	struct site_settings settings; /* of main.cf; a later one wins */
	struct site_settings defaults; /* postconf -d, or the known ones */
	struct site_service *services; /* of master.cf; a later one wins */
	size_t service_count;
	struct mf_text
	    *warnings; /* what postconf says on stderr, line by line */
	size_t warning_count;
	struct mf_text main_text; /* main.cf with its comments, or "" */
	struct mf_text trouble;   /* why a look-up failed last */
	/* Looks key up in a table ("hash:/etc/postfix/x"); NULL: can't. */
	enum site_found (*look_up)(struct site *site, struct mf_text table,
	    struct mf_text key, struct mf_text *value);
	/* Reads a file of text; "" if that can't be.  NULL: none can. */
	struct mf_text (*read)(struct site *site, struct mf_text path);
	struct arena arena; /* of everything here */
};

/* Where a site is read from; NULL: not said. */
struct site_place {
	const char *config_dir; /* of main.cf and master.cf */
	const char *saved;      /* a file of saved output; "-": stdin */
};

/*
 * Read the site.  Without config_dir and saved: this host's, SITE_NONE if it
 * has no Postfix.  True; or false after an error was reported.  site_free() is
 * due either way.
 */
bool site_load(
    const struct site_place *place, struct site *out, struct report *report);
void site_free(struct site *site);

/* --- reading text, without I/O (site_parse.c) --- */

/* An empty site with the known defaults, to add text to. */
void site_init(struct site *site);

/* Add main.cf, or the output of postconf -n. */
void site_add_main(struct site *site, struct mf_text text);

/* Add the output of postconf -d, which replaces the known defaults. */
void site_add_defaults(struct site *site, struct mf_text text);

/* Add a default. */
void site_set_default(
    struct site *site, const char *name, struct mf_text value);

/*
 * Set the defaults of myhostname (host; "": leave it) and of mydomain, which
 * follows from what main.cf says.
 */
void site_set_host(struct site *site, struct mf_text host);

/* Add master.cf, or the output of postconf -M. */
void site_add_master(struct site *site, struct mf_text text);

/*
 * Add the saved output of postconf -n (or -x -n), -M and -P, one after the
 * other in any order, warnings among them or not.
 */
void site_add_saved(struct site *site, struct mf_text text);

/*
 * Lines of postconf's stderr, each once, without the part in front of "warning:".
 */
void site_add_warnings(struct site *site, struct mf_text text);

/* --- asking (site.c, site_expand.c) --- */

/* Whether main.cf sets name, be it to nothing. */
bool site_is_set(const struct site *site, const char *name);

/*
 * The value of name as main.cf has it, else Postfix's default; with its $names.
 * "" if there is neither.
 */
struct mf_text site_raw(const struct site *site, const char *name);

/* The same with $names replaced.  Memory is the site's. */
struct mf_text site_value(struct site *site, const char *name);

/*
 * The value that a service sees: its -o of that name, else site_value().
 * service may be NULL.
 */
struct mf_text site_value_for(
    struct site *site, const struct site_service *service, const char *name);

/* The -o of that name, with $names; NULL: it has none. */
const struct mf_text *site_override(
    const struct site_service *service, const char *name);

/* text with $names replaced, as service (or NULL) would see it. */
struct mf_text site_expand(
    struct site *site, const struct site_service *service, struct mf_text text);

/* The service of that name and type ("smtp", "inet"); NULL: there is none. */
const struct site_service *site_service(
    const struct site *site, const char *name, const char *type);

/* Whether the service runs below queue_directory. */
bool site_is_chrooted(
    const struct site *site, const struct site_service *service);

/*
 * Whether this Postfix is at least that version; an unknown version is taken
 * for Debian 12's, 3.7.
 */
bool site_has_version(const struct site *site, unsigned major, unsigned minor);

/* Change main.cf's value, as it is known here. */
void site_set(struct site *site, const char *name, struct mf_text value);
void site_unset(struct site *site, const char *name);

/*
 * Look key up in all tables of a list, as main.cf has it, one after the other;
 * items that are no tables are skipped.  value may be NULL.
 */
enum site_found site_look_up(struct site *site, struct mf_text tables,
    struct mf_text key, struct mf_text *value);

/*
 * The text of a table that has one: between the braces of main.cf, or the file
 * that it is read or built from.  "" if there is none.
 */
struct mf_text site_table_text(struct site *site, struct mf_text table);

/* Whether domain is in a list of domains, tables and files. */
enum site_found site_list_has(
    struct site *site, struct mf_text list, struct mf_text domain);

/* Whether a list's item is a table, TYPE:NAME. */
bool site_is_table(struct mf_text item);

/*
 * The items of a list: commas and blanks separate them, braces hold one
 * together.  False at the end.
 */
bool site_next_item(struct mf_text *rest, struct mf_text *item);

/*
 * The words of a line of master.cf: blanks separate them, braces hold one
 * together.  False at the end.
 */
bool site_next_word(struct mf_text *rest, struct mf_text *word);

/*
 * The next -o of arguments, as *name and *value; or another word, as *value
 * with *name empty.  False at the end.
 */
bool site_next_argument(
    struct mf_text *rest, struct mf_text *name, struct mf_text *value);

/* Whether the value is yes (true in every spelling that Postfix takes). */
bool site_is_yes(struct mf_text value);

#endif
