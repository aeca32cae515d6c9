/* SPDX-License-Identifier: ISC */
/*
 * common/conf.h: values of every type, what is said about wrong ones, list
 * files, and that the printed sample is a configuration.
 */
#include "tests/unit/support.h"

#include "common/log_conf.h"
#include "settings/sections.h"

struct values {
	bool flag;
	uint64_t number, mode;
	unsigned choice;
	struct mf_text text, other;
	struct conf_list list;
	uint64_t unset;
};

static const char *const choices[] = {"red", "Green", NULL};

#define AT(member) .offset = offsetof(struct values, member)

static const struct conf_key keys[] = {
    {"flag", CONF_BOOL, AT(flag), .initial = "yes", .help = "A flag"},
    {"number", CONF_UINT, AT(number), 3, 20, .initial = "7", .unit = "days",
	.help = "A number"},
    {"mode", CONF_OCTAL, AT(mode), 0, 0777, .initial = "0660",
	.help = "A mode"},
    {"choice", CONF_CHOICE, AT(choice), .choices = choices, .initial = "green",
	.help = "A choice"},
    {"text", CONF_TEXT, AT(text), .sample = "some text", .help = "A text"},
    {"other", CONF_TEXT, AT(other), .initial = "else", .help = "Another"},
    {"list", CONF_LIST, AT(list), .sample = "a, b", .help = "A list"},
    {"unset", CONF_UINT, AT(unset), 1, UINT64_MAX, .sample = "5",
	.help = "A number without default"},
};

static struct values used, spare;

static const struct conf_section sections[] = {
    {"used", "Section in use", keys, COUNT(keys), &used, true},
    {"spare", "Section of no use", keys, COUNT(keys), &spare, false},
    {"away", "Section of another program", keys, COUNT(keys), NULL, false},
};

static void
render(const struct values *v, char *to, size_t size)
{
	struct text_out out = text_out(to, size - 1);

	out_str(&out, v->flag ? "yes " : "no ");
	out_uint(&out, v->number);
	out_char(&out, ' ');
	out_uint(&out, v->mode);
	out_char(&out, ' ');
	out_str(&out, choices[v->choice]);
	out_char(&out, ' ');
	out_str(&out, v->text.p != NULL ? v->text.p : "NULL");
	out_char(&out, ' ');
	out_text(&out, v->other);
	for (size_t i = 0; i < v->list.count; i++) {
		out_str(&out, i == 0 ? " " : "|");
		out_text(&out, v->list.items[i]);
	}
	out_char(&out, ' ');
	out_uint(&out, v->unset);
	assert_false(out.full);
	to[out.len] = '\0';
}

/* What the table says, as render() writes it; 432 is 0660. */
#define DEFAULTS "yes 7 432 Green NULL else 0"

struct loaded {
	struct ini ini;
	struct conf *conf;
	bool ok;
};

static struct loaded
load(const char *text, struct report *report)
{
	struct loaded l = {.conf = NULL};
	char input[4096];

	memset(&used, 0, sizeof(used));
	memset(&spare, 0, sizeof(spare));
	replace(text, "DIR", scratch_dir, input, sizeof(input));
	assert_true(
	    ini_parse(&l.ini, "t.conf", mf_text_of(input), INI_OURS, report));
	l.ok = conf_load(&l.conf, &l.ini, sections, COUNT(sections), report);
	return l;
}

static void
unload(struct loaded *l)
{
	ini_free(&l->ini);
	conf_free(l->conf);
}

static const struct {
	const char *name, *input;
	bool ok;
	const char *used, *said;
} rows[] = {
    {"nothing", "", true, DEFAULTS, ""},
    {"all set",
	"[used]\nflag=no\nnumber=20\nmode=7\nchoice=red\ntext=a b\n"
	"other=x\nlist=u, v\nunset=9\n",
	true, "no 20 7 red a b x u|v 9", ""},
    {"section twice", "[used]\nflag=no\n[spare]\n[used]\nnumber=3\n", true,
	"no 3 432 Green NULL else 0", ""},

    {"flag 1", "[used]\nflag=YES", true, DEFAULTS, ""},
    {"flag 2", "[used]\nflag=off", true, "no 7 432 Green NULL else 0", ""},
    {"flag 3", "[used]\nflag=0", true, "no 7 432 Green NULL else 0", ""},
    {"flag 4", "[used]\nflag=True", true, DEFAULTS, ""},
    {"flag 5", "[used]\nflag=False", true, "no 7 432 Green NULL else 0", ""},
    {"flag 6", "[used]\nflag=on", true, DEFAULTS, ""},
    {"flag 7", "[used]\nflag=1", true, DEFAULTS, ""},
    {"flag 8", "[used]\nflag=No", true, "no 7 432 Green NULL else 0", ""},
    {"flag wrong", "[used]\nflag=maybe", false, DEFAULTS,
	"error: t.conf:2: flag: neither yes nor no: \"maybe\"\n"},
    {"flag empty", "[used]\nflag=", false, DEFAULTS,
	"error: t.conf:2: flag: neither yes nor no: \"\"\n"},

    {"number least", "[used]\nnumber=3", true, "yes 3 432 Green NULL else 0",
	""},
    {"number below", "\n\n[used]\nnumber=2", false, DEFAULTS,
	"error: t.conf:4: number: not a number from 3 to 20: \"2\"\n"},
    {"number above", "[used]\nnumber=21", false, DEFAULTS,
	"error: t.conf:2: number: not a number from 3 to 20: \"21\"\n"},
    {"number with unit", "[used]\nnumber=7 days", false, DEFAULTS,
	"error: t.conf:2: number: not a number from 3 to 20: \"7 days\"\n"},
    {"number negative", "[used]\nnumber=-7", false, DEFAULTS,
	"error: t.conf:2: number: not a number from 3 to 20: \"-7\"\n"},
    {"number wraps", "[used]\nnumber=18446744073709551623", false, DEFAULTS,
	"error: t.conf:2: number: not a number from 3 to 20: "
	"\"18446744073709551623\"\n"},
    {"number largest", "[used]\nunset=18446744073709551615", true,
	"yes 7 432 Green NULL else 18446744073709551615", ""},

    {"mode", "[used]\nmode=0600", true, "yes 7 384 Green NULL else 0", ""},
    {"mode zero", "[used]\nmode=0", true, "yes 7 0 Green NULL else 0", ""},
    {"mode decimal", "[used]\nmode=0680", false, DEFAULTS,
	"error: t.conf:2: mode: not an octal mode such as 0660: \"0680\"\n"},
    {"mode above", "[used]\nmode=1777", false, DEFAULTS,
	"error: t.conf:2: mode: not an octal mode such as 0660: \"1777\"\n"},
    {"mode empty", "[used]\nmode=", false, DEFAULTS,
	"error: t.conf:2: mode: not an octal mode such as 0660: \"\"\n"},
    {"mode wraps", "[used]\nmode=4000000000000000000000660", false, DEFAULTS,
	"error: t.conf:2: mode: not an octal mode such as 0660: "
	"\"4000000000000000000000660\"\n"},

    {"choice folds", "[used]\nchoice=RED", true, "yes 7 432 red NULL else 0",
	""},
    {"choice wrong", "[used]\nchoice=blue", false, DEFAULTS,
	"error: t.conf:2: choice: not one of red, Green: \"blue\"\n"},
    {"choice cut", "[used]\nchoice=re", false, DEFAULTS,
	"error: t.conf:2: choice: not one of red, Green: \"re\"\n"},

    {"text empty is set", "[used]\ntext=\nother=", true, "yes 7 432 Green   0",
	""},
    {"list", "[used]\nlist = a,b , c\n d\n ,,e,", true,
	"yes 7 432 Green NULL else a|b|c|d|e 0", ""},
    {"list empty", "[used]\nlist = ,", true, DEFAULTS, ""},

    {"unknown key", "[used]\nfwdomian = a\nflag = no\n", false,
	"no 7 432 Green NULL else 0",
	"error: t.conf:2: used: unknown key in this section: "
	"\"fwdomian\"\n"},
    {"unknown key, misspelt", "[used]\nunmber = 4\n", false, DEFAULTS,
	"error: t.conf:2: used: unknown key in this section: \"unmber\"; did "
	"you mean \"number\"?\n"},
    {"unknown key, cut", "[used]\nflagg = a\nfla = b\n", false, DEFAULTS,
	"error: t.conf:2: used: unknown key in this section: \"flagg\"; did "
	"you mean \"flag\"?\n"
	"error: t.conf:3: used: unknown key in this section: \"fla\"; did "
	"you mean \"flag\"?\n"},
    {"unknown section", "[store]\nurl = x\nflag = no\n", true, DEFAULTS,
	"warning: t.conf:2: unknown section [store]; ignored\n"},
    {"unknown sections", "[store]\nurl = x\n[other]\nx = y\n", true, DEFAULTS,
	"warning: t.conf:2: unknown section [store]; ignored\n"
	"warning: t.conf:4: unknown section [other]; ignored\n"},
    {"misspelt section", "[usde]\nflag = no\nx = y\n", false, DEFAULTS,
	"error: t.conf:2: unknown section [usde]; did you mean [used]?\n"},
    {"misspelt section, not used", "[spar]\nflag = no\n", true, DEFAULTS,
	"warning: t.conf:2: unknown section [spar]; did you mean [spare]?\n"},
    {"duplicate", "[used]\nnumber = 4\nflag=no\nnumber = 5\n", false,
	"no 4 432 Green NULL else 0",
	"error: t.conf:4: number: already set in line 2: \"5\"\n"},
    {"duplicate later", "[used]\nnumber = 4\n[spare]\n[used]\nNumber=4\n",
	false, "yes 4 432 Green NULL else 0",
	"error: t.conf:5: number: already set in line 2: \"4\"\n"},
    {"all are told", "[used]\nflag=x\nnumber=x\nmode=x\nchoice=x\nx=x\n", false,
	DEFAULTS,
	"error: t.conf:2: flag: neither yes nor no: \"x\"\n"
	"error: t.conf:3: number: not a number from 3 to 20: \"x\"\n"
	"error: t.conf:4: mode: not an octal mode such as 0660: \"x\"\n"
	"error: t.conf:5: choice: not one of red, Green: \"x\"\n"
	"error: t.conf:6: used: unknown key in this section: \"x\"\n"},
    {"controls", "[used]\nflag=\x1b[2J\x7f\n", false, DEFAULTS,
	"error: t.conf:2: flag: neither yes nor no: \"?[2J?\"\n"},

    /* A section that this program doesn't use. */
    {"spare warns", "[spare]\nflag=x\nnumber=99\nwhat=1\nmode=7\nmode=7\n",
	true, DEFAULTS,
	"warning: t.conf:2: flag: neither yes nor no: \"x\"\n"
	"warning: t.conf:3: number: not a number from 3 to 20: \"99\"\n"
	"warning: t.conf:4: spare: unknown key in this section: \"what\"\n"
	"warning: t.conf:6: mode: already set in line 5: \"7\"\n"},
    {"same key elsewhere", "[spare]\nflag=no\n[used]\nflag=no\n", true,
	"no 7 432 Green NULL else 0", ""},
    {"another program's section",
	"[away]\nflag=no\nnumber=9\nmode=0600\nchoice=red\ntext=a\nlist=a,b\n",
	true, DEFAULTS, ""},
    {"another program's section warns",
	"[away]\nflag=x\nnumber=99\nwhat=1\nmode=7\nmode=7\nchoice=x\n", true,
	DEFAULTS,
	"warning: t.conf:2: flag: neither yes nor no: \"x\"\n"
	"warning: t.conf:3: number: not a number from 3 to 20: \"99\"\n"
	"warning: t.conf:4: away: unknown key in this section: \"what\"\n"
	"warning: t.conf:6: mode: already set in line 5: \"7\"\n"
	"warning: t.conf:7: choice: not one of red, Green: \"x\"\n"},
    {"list files of another program aren't read", "[away]\nlist=/no/such\n",
	true, DEFAULTS, ""},

    /* List files, as Postfix reads them. */
    {"list file", "[used]\nlist = DIR/list\n", true,
	"yes 7 432 Green NULL else one.example|two.example|three.example 0",
	""},
    {"list file among others", "[used]\nlist = a, DIR/list, b\n", true,
	"yes 7 432 Green NULL else "
	"a|one.example|two.example|three.example|b 0",
	""},
    {"list file empty", "[used]\nlist = DIR/empty, b\n", true,
	"yes 7 432 Green NULL else b 0", ""},
    {"list file missing", "[used]\nlist = a, DIR/no\n", false,
	"yes 7 432 Green NULL else a 0",
	"error: t.conf:2: list: No such file or directory: \"DIR/no\"\n"},
    {"list file missing, spare", "[spare]\nlist = a, DIR/no\n", true, DEFAULTS,
	"warning: t.conf:2: list: No such file or directory: \"DIR/no\"\n"},
    {"list file in a file", "[used]\nlist = DIR/nested\n", true,
	"yes 7 432 Green NULL else /no/such/file 0", ""},
    {"comments with commas", "[used]\nlist = DIR/commas\n", true,
	"yes 7 432 Green NULL else one.example|two.example 0", ""},
};

static void
table(void **state)
{
	struct heard heard;
	char have[512];

	(void)state;
	scratch_write("list",
	    MF_TEXT("# customers\none.example\n\n  two.example  \r\n"
		    "  # indented\nthree.example"),
	    0644);
	scratch_write("empty", MF_TEXT("\n# none\n\n"), 0644);
	scratch_write("nested", MF_TEXT("/no/such/file\n"), 0644);
	scratch_write("commas",
	    MF_TEXT("# customers, partners\none.example, two.example\n"
		    "# old, gone.example\n"),
	    0644);
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct report report = report_to(&heard);
		struct loaded l = load(rows[i].input, &report);

		render(&used, have, sizeof(have));
		expect_str(rows[i].name, "values", have, rows[i].used);
		expect_str(rows[i].name, "said", heard.text, rows[i].said);
		expect_int(rows[i].name, "ok", l.ok, rows[i].ok);
		expect_int(rows[i].name, "errors", report.errors == 0, l.ok);
		unload(&l);
	}
}

/* Errors from before don't make a load fail, nor are they forgotten. */
static void
earlier_errors_stay(void **state)
{
	struct heard heard;
	struct report report = report_to(&heard);
	struct loaded l;

	(void)state;
	report.errors = 3;
	l = load("[used]\nflag=no", &report);
	assert_true(l.ok);
	assert_int_equal(report.errors, 3);
	unload(&l);
}

static void
lines_and_files_are_known(void **state)
{
	struct heard heard;
	struct report report = report_to(&heard);
	struct loaded l;
	char path[128];

	(void)state;
	scratch_write("other", MF_TEXT("b\n"), 0644);
	l = load("[used]\nflag=no\n[spare]\n\nflag=no\n"
		 "[used]\nlist=DIR/list,DIR/other\n",
	    &report);
	assert_true(l.ok);
	assert_int_equal(conf_line(l.conf, "used", "flag"), 2);
	assert_int_equal(conf_line(l.conf, "spare", "flag"), 5);
	assert_int_equal(conf_line(l.conf, "used", "list"), 7);
	assert_int_equal(conf_line(l.conf, "used", "number"), 0);
	assert_int_equal(conf_line(l.conf, "none", "flag"), 0);
	snprintf(path, sizeof(path), "%s/list", scratch_dir);
	assert_string_equal(conf_file(l.conf, 0)->path, path);
	snprintf(path, sizeof(path), "%s/other", scratch_dir);
	assert_string_equal(conf_file(l.conf, 1)->path, path);
	assert_null(conf_file(l.conf, 2));
	unload(&l);
	conf_free(NULL);
}

/*
 * Sections on the stack of a function that has returned by the time of asking.
 */
static __attribute__((noinline)) struct conf *
load_with_local_sections(struct report *report)
{
	struct conf_section local[] = {
	    {"used", "", keys, COUNT(keys), &used, true}};
	struct conf *conf = NULL;
	struct ini ini;

	assert_true(ini_parse(
	    &ini, "t", MF_TEXT("[used]\n\nflag=no\n"), INI_OURS, report));
	assert_true(conf_load(&conf, &ini, local, 1, report));
	ini_free(&ini);
	memset(local, 0, sizeof(local));
	return conf;
}

static void
lines_outlive_the_sections(void **state)
{
	struct heard heard;
	struct report report = report_to(&heard);
	struct conf *conf = load_with_local_sections(&report);

	(void)state;
	assert_int_equal(conf_line(conf, "used", "flag"), 3);
	conf_free(conf);
}

/* The values outlive the text they came from. */
static void
values_outlive_the_ini(void **state)
{
	struct heard heard;
	struct report report = report_to(&heard);
	struct loaded l = load("[used]\ntext=kept\nlist=a,b\n", &report);
	char have[512];

	(void)state;
	ini_free(&l.ini);
	render(&used, have, sizeof(have));
	assert_string_equal(have, "yes 7 432 Green kept else a|b 0");
	assert_int_equal(used.text.p[used.text.len], '\0');
	unload(&l);
}

/* --- the printed sample --- */

static void
print_to(char *to, size_t size, const struct conf_section *what, size_t count)
{
	char *text = NULL;
	size_t len = 0;
	FILE *file = open_memstream(&text, &len);

	assert_non_null(file);
	conf_print(file, what, count);
	fclose(file);
	assert_true(len < size);
	memcpy(to, text, len + 1);
	free(text);
}

static void
sample_shows_the_table(void **state)
{
	static const char want[] = "[used]\n"
				   "# Section in use\n"
				   "\n"
				   "# A flag; yes | no\n"
				   "#flag = yes\n"
				   "\n"
				   "# A number; 3 to 20 days\n"
				   "#number = 7\n"
				   "\n"
				   "# A mode\n"
				   "#mode = 0660\n"
				   "\n"
				   "# A choice; red | Green\n"
				   "#choice = green\n"
				   "\n"
				   "# A text\n"
				   "#text = some text\n"
				   "\n"
				   "# Another\n"
				   "#other = else\n"
				   "\n"
				   "# A list\n"
				   "#list = a, b\n"
				   "\n"
				   "# A number without default; 1 to "
				   "18446744073709551615\n"
				   "#unset = 5\n";
	char have[4096];

	(void)state;
	print_to(have, sizeof(have), sections, 1);
	expect_str("sample", "text", have, want);
}

/* "#key = value" becomes "key = value"; "# Help" stays. */
static void
uncomment(char *text)
{
	char *to = text;

	for (char *p = text; *p != '\0'; p++)
		if (*p != '#' || (p != text && p[-1] != '\n') || p[1] == ' ')
			*to++ = *p;
	*to = '\0';
}

static void
check_sample(const struct conf_section *what, size_t count)
{
	static char text[32768];
	struct heard heard;
	struct report report = report_to(&heard);

	print_to(text, sizeof(text), what, count);
	for (int round = 0; round < 2; round++) {
		struct conf *conf = NULL;
		struct ini ini;
		size_t entries = 0;

		assert_true(ini_parse(
		    &ini, "sample", mf_text_of(text), INI_OURS, &report));
		conf_load(&conf, &ini, what, count, &report);
		expect_str("sample", "said", heard.text, "");
		for (size_t i = 0; i < count; i++)
			entries += what[i].count;
		assert_int_equal(ini.count, round == 0 ? 0 : entries);
		ini_free(&ini);
		conf_free(conf);
		uncomment(text);
	}
}

static struct rewrite_settings all_srs;
static struct srsd_settings all_srsd;
static struct srsmilter_settings all_srsmilter;
static struct check_settings all_spf;
static struct spfmilter_settings all_spfmilter;
static struct store_settings all_store;
static struct log_settings all_log;

static const struct settings_wanted everything = {&all_srs, &all_srsd,
    &all_srsmilter, &all_spf, &all_spfmilter, &all_store, &all_log};

static void
sample_is_a_configuration(void **state)
{
	struct conf_section ours[SECTION_COUNT];

	(void)state;
	memset(&used, 0, sizeof(used));
	check_sample(sections, 1);
	assert_int_equal(used.number, 7);
	assert_int_equal(used.mode, 0660);
	assert_int_equal(used.unset, 5);
	settings_sections(&everything, ours);
	check_sample(ours, COUNT(ours));
}

/* What mailfrom.conf(5) and the design say. */
static void
defaults_of_srs(void **state)
{
	struct rewrite_settings srs;
	struct conf_section ours = rewrite_section(&srs);
	struct heard heard;
	struct report report = report_to(&heard);
	struct ini none = {.name = "none"};
	struct conf *conf = NULL;

	(void)state;
	memset(&srs, 0, sizeof(srs));
	assert_true(conf_load(&conf, &none, &ours, 1, &report));
	assert_int_equal(srs.max_age, 21);
	assert_int_equal(srs.future_days, 1);
	assert_int_equal(srs.hash_length, 6);
	assert_int_equal(srs.hash_min, 0); /* as hash_length */
	assert_string_equal(rewrite_separators[srs.separator], "=");
	assert_int_equal(srs.hash_alphabet, 1); /* base64url */
	assert_int_equal(srs.ses_server, 0);
	assert_false(srs.always_rewrite);
	assert_false(srs.skip_if_spf_passes);
	assert_false(srs.secret_line_end);
	assert_null(srs.secret_file.p);
	assert_int_equal(srs.fwdomain.count, 0);
	conf_free(conf);
}

/* Every key has help of one line, and a default within its own range. */
static void
tables_are_sound(void **state)
{
	struct conf_section ours[SECTION_COUNT];

	(void)state;
	settings_sections(&everything, ours);
	for (size_t s = 0; s < COUNT(ours); s++) {
		for (size_t k = 0; k < ours[s].count; k++) {
			const struct conf_key *key = &ours[s].keys[k];

			assert_non_null(key->help);
			assert_null(strchr(key->help, '\n'));
			assert_true(strlen(key->help) > 10);
			assert_true(key->min <= key->max);
			assert_true(
			    key->type != CONF_CHOICE || key->choices != NULL);
			for (size_t i = 0; i < k; i++)
				assert_string_not_equal(
				    key->name, ours[s].keys[i].name);
		}
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(table),
	    cmocka_unit_test(earlier_errors_stay),
	    cmocka_unit_test(lines_and_files_are_known),
	    cmocka_unit_test(lines_outlive_the_sections),
	    cmocka_unit_test(values_outlive_the_ini),
	    cmocka_unit_test(sample_shows_the_table),
	    cmocka_unit_test(sample_is_a_configuration),
	    cmocka_unit_test(defaults_of_srs),
	    cmocka_unit_test(tables_are_sound),
	};

	return cmocka_run_group_tests_name(
	    "conf", tests, scratch_setup, scratch_teardown);
}
