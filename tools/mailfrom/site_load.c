/* SPDX-License-Identifier: ISC */
/*
 * Where a Postfix site is read from: postconf, its files, or saved output.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/file.h"
#include "tools/mailfrom/site.h"

#define DEFAULT_DIRECTORY "/etc/postfix"
#define NOT_FOUND         127 /* exit status of a child without a program */

struct loader {
	struct site *site;
	struct report *report;
	const char *directory; /* for postconf -c; NULL: its own */
};

/* --- postconf --- */

/* All that is in a temporary file. */
static bool
read_back(struct site *site, FILE *file, struct mf_text *out)
{
	long size;

	if (fseek(file, 0, SEEK_END) != 0 || (size = ftell(file)) < 0 ||
	    fseek(file, 0, SEEK_SET) != 0)
		return false;
	char *p = arena_new(&site->arena, (size_t)size + 1);
	*out = mf_text_at(p, fread(p, 1, (size_t)size, file));
	return !ferror(file);
}

/* They are in /usr/sbin, which users don't always have in their PATH. */
static void
become(const char *program, const char *directory, const char *const *options)
{
	const char *path = getenv("PATH"), *argv[8];
	char more[4096];
	size_t n = 0;

	snprintf(more, sizeof(more), "%s:/usr/sbin:/usr/local/sbin",
	    path != NULL ? path : "/usr/bin:/bin");
	setenv("PATH", more, 1);
	setenv("LC_ALL", "C", 1);
	argv[n++] = program;
	if (directory != NULL) {
		argv[n++] = "-c";
		argv[n++] = directory;
	}
	while (*options != NULL && n + 1 < sizeof(argv) / sizeof(argv[0]))
		argv[n++] = *options++;
	argv[n] = NULL;
	execvp(argv[0], (char *const *)(uintptr_t)argv);
	_exit(NOT_FOUND);
}

/* Its exit status, NOT_FOUND if there is no postconf, or -1. */
static int
wait_for(pid_t child)
{
	int status;

	while (waitpid(child, &status, 0) == -1)
		if (errno != EINTR)
			return -1;
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/*
 * Run a program of Postfix; its output and what it says on stderr.  directory:
 * for its -c; NULL: its own.
 */
static int
run(struct site *site, const char *program, const char *directory,
    const char *const *options, struct mf_text *output, struct mf_text *said)
{
	FILE *out = tmpfile(), *err = tmpfile();
	int status = -1;

	*output = *said = MF_TEXT("");
	if (out == NULL || err == NULL)
		goto done;
	fflush(stdout);
	pid_t child = fork();
	if (child == 0) {
		if (dup2(fileno(out), STDOUT_FILENO) != -1 &&
		    dup2(fileno(err), STDERR_FILENO) != -1)
			become(program, directory, options);
		_exit(NOT_FOUND);
	}
	if (child != -1)
		status = wait_for(child);
	if (!read_back(site, out, output) || !read_back(site, err, said))
		status = -1;
done:
	if (out != NULL)
		fclose(out);
	if (err != NULL)
		fclose(err);
	return status;
}

static bool
postconf_failed(struct loader *l, const char *option, struct mf_text said)
{
	said = text_trim(said);
	report_error(l->report, NULL, 0, NULL, "postconf %s failed: %.*s",
	    option, (int)said.len, said.p);
	return false;
}

static bool
ask(struct loader *l, const char *option, struct mf_text *output,
    struct mf_text *said)
{
	const char *const options[] = {option, NULL};

	return run(l->site, "postconf", l->directory, options, output, said) ==
	    0 ||
	    postconf_failed(l, option, *said);
}

/* main.cf as it is, for what setup has noted there. */
static void
load_main_text(struct site *site)
{
	site->main_text = site->read(site,
	    arena_printf(&site->arena, "%.*s/main.cf", (int)site->directory.len,
		site->directory.p));
}

static struct mf_text
read_text(struct site *site, struct mf_text path)
{
	struct file file = {.data = NULL};
	struct mf_text text = MF_TEXT("");

	path = arena_copy(&site->arena, path);
	if (file_read(path.p, &file) == 0)
		text =
		    arena_copy(&site->arena, mf_text_at(file.data, file.len));
	file_free(&file);
	return text;
}

/* An item of a list that is a file of items. */
static enum site_found
look_up_in_file(struct site *site, struct mf_text path, struct mf_text key)
{
	struct file file = {.data = NULL};
	enum site_found found = SITE_UNKNOWN;

	path = arena_copy(&site->arena, path);
	if (file_read(path.p, &file) == 0) {
		struct site lines = *site;

		lines.look_up = NULL;
		found =
		    site_list_has(&lines, mf_text_at(file.data, file.len), key);
	}
	file_free(&file);
	return found;
}

/*
 * The first line that isn't about a setting that main.cf has twice: all of
 * Postfix's programs say so.
 */
static struct mf_text
without_overriding(struct mf_text said)
{
	const struct mf_text known = MF_TEXT("overriding earlier entry");
	struct mf_text line = MF_TEXT("");

	while (said.len != 0) {
		if (!text_cut(&said, '\n', &line)) {
			line = said;
			said.len = 0;
		}
		struct mf_text rest = line;
		while (rest.len != 0 && !text_starts(rest, known))
			rest = text_from(rest, 1);
		if (rest.len == 0 && line.len != 0)
			return line;
	}
	return MF_TEXT("");
}

/* postmap -q; it needs no proxymap. */
static enum site_found
look_up(struct site *site, struct mf_text table, struct mf_text key,
    struct mf_text *value)
{
	const struct mf_text proxy = MF_TEXT("proxy:");
	struct mf_text output, said;
	int status;

	if (text_starts(table, MF_TEXT("/")))
		return look_up_in_file(site, table, key);
	if (text_starts(table, proxy))
		table = text_from(table, proxy.len);
	table = arena_copy(&site->arena, table);
	key = arena_copy(&site->arena, key);
	const char *const options[] = {"-q", key.p, table.p, NULL};
	status =
	    run(site, "postmap", arena_copy(&site->arena, site->directory).p,
		options, &output, &said);
	if (status == 0) {
		*value = text_trim(output);
		return SITE_FOUND;
	}
	said = without_overriding(said);
	if (status == 1 && said.len == 0)
		return SITE_ABSENT;
	site->trouble = said;
	return SITE_UNKNOWN;
}

static bool
load_postconf(struct loader *l)
{
	struct mf_text text, said;

	l->site->source = SITE_POSTCONF;
	if (!ask(l, "-d", &text, &said))
		return false;
	site_add_defaults(l->site, text);
	l->site->version = site_raw(l->site, "mail_version");
	if (!ask(l, "-n", &text, &said))
		return false;
	site_add_main(l->site, text);
	site_add_warnings(l->site, said);
	site_set_host(l->site, MF_TEXT(""));
	l->site->directory = site_raw(l->site, "config_directory");
	if (!ask(l, "-M", &text, &said))
		return false;
	site_add_master(l->site, text);
	/* What it says about main.cf was said before. */
	if (!ask(l, "-P", &text, &said))
		return false;
	site_add_warnings(l->site, said);
	l->site->look_up = look_up;
	l->site->read = read_text;
	load_main_text(l->site);
	return true;
}

/* --- files --- */

static bool
load_file(struct loader *l, const char *name,
    void (*add)(struct site *site, struct mf_text text))
{
	struct mf_text path =
	    arena_printf(&l->site->arena, "%s/%s", l->directory, name);
	struct file file = {.data = NULL};
	int error = file_read(path.p, &file);

	if (error != 0)
		report_error(l->report, path.p, 0, NULL, "%s", strerror(error));
	else
		add(l->site, mf_text_at(file.data, file.len));
	file_free(&file);
	return error == 0;
}

/* This host's name, in case main.cf has none. */
static void
add_host_name(struct site *site)
{
	char name[256] = "localhost";

	gethostname(name, sizeof(name) - 1);
	site_set_host(site, mf_text_of(name));
}

static bool
load_files(struct loader *l)
{
	l->site->source = SITE_FILES;
	l->site->directory =
	    arena_copy(&l->site->arena, mf_text_of(l->directory));
	if (!load_file(l, "main.cf", site_add_main) ||
	    !load_file(l, "master.cf", site_add_master))
		return false;
	site_set_default(l->site, "config_directory", l->site->directory);
	add_host_name(l->site);
	l->site->read = read_text;
	load_main_text(l->site);
	return true;
}

/* --- saved output --- */

/* The whole of a stream; false, with errno, if it can't be read. */
static bool
read_stream(struct site *site, FILE *from, struct mf_text *out)
{
	size_t size = 4096, len = 0, got;
	char *p = arena_new(&site->arena, size);

	while ((got = fread(p + len, 1, size - len, from)) != 0) {
		len += got;
		if (len > FILE_MAX) {
			errno = EFBIG;
			return false;
		}
		if (len < size)
			continue;
		char *larger = arena_new(&site->arena, 2 * size);
		memcpy(larger, p, len);
		p = larger;
		size *= 2;
	}
	*out = mf_text_at(p, len);
	return !ferror(from);
}

static bool
load_saved(struct loader *l, const char *path)
{
	bool is_stdin = strcmp(path, "-") == 0;
	FILE *from = is_stdin ? stdin : fopen(path, "r");
	struct mf_text text;

	l->site->source = SITE_SAVED;
	if (from == NULL || !read_stream(l->site, from, &text)) {
		report_error(l->report, path, 0, NULL, "%s", strerror(errno));
		if (from != NULL && !is_stdin)
			fclose(from);
		return false;
	}
	if (!is_stdin)
		fclose(from);
	site_add_saved(l->site, text);
	site_set_host(l->site, MF_TEXT("localhost"));
	if (l->site->settings.count != 0 || l->site->service_count != 0)
		return true;
	report_error(l->report, path, 0, NULL,
	    "is not the output of postconf -n, -M and -P");
	return false;
}

/* --- either --- */

static bool
has_postconf(struct loader *l)
{
	const char *const options[] = {"-d", "mail_version", NULL};
	struct mf_text output, said;

	return run(l->site, "postconf", l->directory, options, &output,
		   &said) == 0;
}

bool
site_load(
    const struct site_place *place, struct site *out, struct report *report)
{
	struct loader l = {out, report, place->config_dir};
	const char *from_environment = getenv("MAIL_CONFIG");

	site_init(out);
	if (place->saved != NULL)
		return load_saved(&l, place->saved);
	if (has_postconf(&l))
		return load_postconf(&l);
	if (l.directory == NULL)
		l.directory = from_environment != NULL ? from_environment
						       : DEFAULT_DIRECTORY;
	if (place->config_dir == NULL && from_environment == NULL &&
	    access(DEFAULT_DIRECTORY "/main.cf", F_OK) != 0)
		return true;
	return load_files(&l);
}

void
site_free(struct site *site)
{
	arena_free(&site->arena);
}
