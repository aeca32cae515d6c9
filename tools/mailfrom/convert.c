/* SPDX-License-Identifier: ISC */
/*
 * mailfrom convert: reads the old file, prints the new one.
 */
#include "tools/mailfrom/convert.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <limits.h>
#include <unistd.h>

#include "common/file.h"
#include "common/similar.h"
#include "tools/mailfrom/mailfrom.h"

#define ACCESS_PATH MAILFROM_SYSCONFDIR "/mailfrom/access"

struct options {
	const char *path;
	enum foreign_conf
	    from;           /* FOREIGN_CONF_NONE: told by name and content */
	const char *access; /* path of the access file; NULL: in a comment */
};

static void
usage(FILE *to)
{
	fputs(
	    "usage: mailfrom convert [--from KIND] [--access FILE] FILE\n"
	    "  --from KIND    whose configuration FILE is (default: detected):",
	    to);
	for (int kind = 1; kind < FOREIGN_CONF_COUNT; kind++)
		fprintf(to, "%s%s", kind == 1 ? "\n                 " : ", ",
		    foreign_conf_word((enum foreign_conf)kind));
	fputs("\n"
	      "  --access FILE  write the access file, where one is needed, to "
	      "FILE\n"
	      "                 (default: a comment at the end)\n",
	    to);
}

/* --- options --- */

static int
unknown_kind(const char *word)
{
	struct similar search = similar_start(mf_text_of(word));

	for (int kind = 1; kind < FOREIGN_CONF_COUNT; kind++)
		similar_look(
		    &search, foreign_conf_word((enum foreign_conf)kind));
	return mailfrom_bad_usage("convert",
	    "--from: unknown value \"%s\"%s%s%s", word,
	    search.found != NULL ? "; did you mean \"" : "",
	    search.found != NULL ? search.found : "",
	    search.found != NULL ? "\"?" : "");
}

static bool
read_kind(const char *word, enum foreign_conf *out)
{
	for (int kind = 1; kind < FOREIGN_CONF_COUNT; kind++)
		if (strcmp(word, foreign_conf_word((enum foreign_conf)kind)) ==
		    0) {
			*out = (enum foreign_conf)kind;
			return true;
		}
	return false;
}

/* -1: go on; else the exit status. */
static int
read_options(int argc, char **argv, struct options *out)
{
	static const struct option long_options[] = {
	    {"from", required_argument, NULL, 'f'},
	    {"access", required_argument, NULL, 'a'},
	    {"help", no_argument, NULL, 'h'},
	    {"version", no_argument, NULL, 'V'}, {NULL, 0, NULL, 0}};
	int c;

	while ((c = getopt_long(argc, argv, "hV", long_options, NULL)) != -1)
		switch (c) {
		case 'f':
			if (!read_kind(optarg, &out->from))
				return unknown_kind(optarg);
			break;
		case 'a':
			out->access = optarg;
			break;
		case 'h':
			usage(stdout);
			return mailfrom_flush();
		case 'V':
			puts("mailfrom (mailfrom) " MAILFROM_VERSION);
			return mailfrom_flush();
		default:
			usage(stderr);
			return MAILFROM_EXIT_USAGE;
		}
	if (optind + 1 != argc)
		return mailfrom_bad_usage("convert",
		    optind == argc ? "which file?" : "one file at a time");
	out->path = argv[optind];
	return -1;
}

/* --- files --- */

static bool
is_read_as_it_is(const char *path)
{
	const char *base = strrchr(path, '/');

	base = base != NULL ? base + 1 : path;
	return strcmp(base, "pysrs.cfg") == 0 ||
	    strcmp(base, "spfmilter.cfg") == 0;
}

static enum foreign_conf
detect(const struct options *o, struct mf_text bytes, struct report *report)
{
	enum foreign_conf kind = o->from;

	if (kind == FOREIGN_CONF_NONE)
		kind = foreign_conf_detect(o->path, bytes);
	if (kind != FOREIGN_CONF_NONE)
		return kind;
	if (is_read_as_it_is(o->path))
		report_error(report, o->path, 0, NULL,
		    "needs no conversion: the daemons read this file as it is "
		    "(-c %s)",
		    o->path);
	else
		report_error(report, o->path, 0, NULL,
		    "whose configuration is this?  Neither name nor content "
		    "tell; say it with --from (mailfrom convert --help)");
	return FOREIGN_CONF_NONE;
}

/* Never over a file that is there: it may be somebody's policy. */
static bool
write_access(const struct conversion *c, const char *path)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
	FILE *to = fd >= 0 ? fdopen(fd, "w") : NULL;
	bool ok = false;

	if (to != NULL) {
		convert_print_access(to, c);
		ok = fflush(to) == 0 && !ferror(to);
		ok = fclose(to) == 0 && ok;
	} else if (fd >= 0)
		close(fd);
	if (!ok)
		fprintf(stderr, "mailfrom convert: %s: %s\n", path,
		    strerror(errno));
	return ok;
}

/* What to write where, for people who look at the terminal. */
static void
tell_files(const struct conversion *c, const struct options *o)
{
	if (c->access.count == 0)
		return;
	if (o->access != NULL)
		fprintf(stderr,
		    "mailfrom convert: two files: mailfrom.conf is on standard "
		    "output, %s was written\n",
		    o->access);
	else
		fprintf(stderr,
		    "mailfrom convert: two files: mailfrom.conf is on standard "
		    "output; %s is\nin its last comment: --access %s writes "
		    "it\n",
		    c->access_path, c->access_path);
}

static int
print(const struct conversion *c, const struct options *o)
{
	bool ok = true;

	if (o->access != NULL && c->access.count != 0)
		ok = write_access(c, o->access);
	if (ok) {
		convert_print(stdout, c, o->access == NULL);
		tell_files(c, o);
	}
	return ok ? mailfrom_flush() : MAILFROM_EXIT_FAILED;
}

/* The daemon that reads it is elsewhere.  False, and it is said. */
static bool
make_absolute(struct options *o, struct arena *arena)
{
	char directory[PATH_MAX];

	if (o->access == NULL || o->access[0] == '/')
		return true;
	if (getcwd(directory, sizeof(directory)) == NULL) {
		fprintf(stderr, "mailfrom convert: %s: %s\n", o->access,
		    strerror(errno));
		return false;
	}
	o->access = arena_printf(arena, "%s/%s", directory, o->access).p;
	return true;
}

/* --- the whole --- */

/* The domain of new addresses may be the first of another file. */
static void
read_domains_file(const struct convert_file *file,
    const struct convert_software *software, struct conversion *c)
{
	struct report silent = {.say = report_ignore};
	struct convert_file quiet = *file;
	struct file other = {.data = NULL};
	struct mf_text path;

	if (software->kind != FOREIGN_CONF_POSTSRSD2)
		return;
	quiet.report = &silent;
	convert_run(c, &quiet, software);
	path = convert_domains_file(c);
	*c = (struct conversion){.access_path = c->access_path};
	if (path.len != 0 && file_read(path.p, &other) == 0)
		c->domains_file =
		    arena_copy(file->arena, mf_text_at(other.data, other.len));
	file_free(&other);
}

static int
convert(const struct options *o, struct convert_file *file)
{
	struct conversion c = {
	    .access_path = o->access != NULL ? o->access : ACCESS_PATH};
	enum foreign_conf kind = detect(o, file->bytes, file->report);
	int status;

	if (kind == FOREIGN_CONF_NONE)
		return MAILFROM_EXIT_FAILED;
	read_domains_file(file, convert_software_of(kind), &c);
	convert_run(&c, file, convert_software_of(kind));
	status = print(&c, o);
	return file->report->errors != 0 ? MAILFROM_EXIT_FAILED : status;
}

int
mailfrom_convert(int argc, char **argv)
{
	struct options o = {.path = "", .from = FOREIGN_CONF_NONE};
	struct report report = report_to_stderr();
	struct arena arena = {.newest = NULL};
	struct file file;
	int status = read_options(argc, argv, &o);
	int error;

	if (status >= 0)
		return status;
	error = file_read(o.path, &file);
	if (error != 0) {
		report_error(&report, o.path, 0, NULL, "%s", strerror(error));
		return MAILFROM_EXIT_FAILED;
	}
	if (!make_absolute(&o, &arena))
		status = MAILFROM_EXIT_FAILED;
	else
		status = convert(&o,
		    &(struct convert_file){.name = o.path,
			.bytes = mf_text_at(file.data, file.len),
			.arena = &arena,
			.report = &report});
	arena_free(&arena);
	file_free(&file);
	return status;
}
