/* SPDX-License-Identifier: ISC */
#include "common/log_conf.h"

#include <stddef.h>

#define AT(member) .offset = offsetof(struct log_settings, member)

static const struct conf_key keys[] = {
    {"to", CONF_CHOICE, AT(to), .choices = log_target_names,
	.initial = "syslog", .help = "Destination of log lines"},
    {"level", CONF_CHOICE, AT(level), .choices = log_level_names,
	.initial = "info", .help = "Minimum log level"},
    {"format", CONF_CHOICE, AT(format), .choices = log_format_names,
	.initial = "text",
	.help = "key=value text, or one JSON object per line"},
};

struct conf_section
log_section(struct log_settings *values)
{
	return CONF_SECTION(
	    "log", "What all daemons write to the log", keys, values);
}

struct log_options
log_options(const struct log_settings *settings, const char *program)
{
	return (struct log_options){.program = program,
	    .to = (enum log_target)settings->to,
	    .level = (enum log_level)settings->level,
	    .format = (enum log_format)settings->format};
}
