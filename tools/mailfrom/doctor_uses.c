/* SPDX-License-Identifier: ISC */
/*
 * Reading: where the services of Postfix ask srsd and the filters, and whether
 * they get there from their chroot and as their user.
 */
#include <sys/stat.h>

#include "tools/mailfrom/doctor.h"

static void
add(struct doctor_facts *f, const struct site_service *service,
    const char *parameter, struct mf_text words)
{
	struct use_facts use = {.service = service,
	    .parameter = parameter,
	    .words = words,
	    .reach = REACH_UNKNOWN};
	struct mf_text user = site_value(&f->site, "mail_owner");
	struct stat st;

	if (!pass_address(&f->site, service, words, &use.spec))
		return;
	use.socket = pass_socket(&f->site, &f->own, service, words);
	if (use.spec.family == SOCKADDR_UNIX && !f->tables.is_elsewhere) {
		use.reach = daemons_reach(
		    arena_copy(f->arena, user).p, use.spec.path, true);
		if (use.reach == REACH_UNKNOWN && stat(use.spec.path, &st) < 0)
			use.reach = REACH_MISSING;
	}
	f->uses = arena_grow(f->arena, f->uses, f->use_count, sizeof(*f->uses));
	f->uses[f->use_count++] = use;
}

/* socketmap:ADDRESS:NAME, wherever it is in a value, if the map is srsd's. */
static void
add_maps(struct doctor_facts *f, const struct site_service *service,
    const char *parameter)
{
	static const char *const names[] = {
	    "srs_forward", "srs_reverse", "forward", "reverse"};
	const struct mf_text prefix = MF_TEXT("socketmap:");
	struct mf_text t = site_value_for(&f->site, service, parameter);

	for (; t.len > prefix.len; t = text_from(t, 1)) {
		struct mf_text map = text_from(t, prefix.len), name;
		size_t end = 0;

		if (!text_starts(t, prefix))
			continue;
		while (end < map.len && memchr(" \t,{}", map.p[end], 5) == NULL)
			end++;
		map = text_head(map, end);
		size_t colon = text_rfind(map, ':');
		name = text_from(map, colon + 1);
		for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
			if (mf_text_eq(name, mf_text_of(names[i])))
				add(f, service, parameter,
				    text_head(map, colon));
	}
}

/* Filters: those of ours by their address, and unix sockets named like them. */
static void
add_milters(struct doctor_facts *f, const struct site_service *service,
    const char *parameter)
{
	struct mf_text item,
	    list = site_value_for(&f->site, service, parameter);

	while (site_next_item(&list, &item))
		if (pass_socket(&f->site, &f->own, service, item) != NULL)
			add(f, service, parameter, pass_milter_address(item));
}

static void
add_policy(struct doctor_facts *f, const struct site_service *service)
{
	static const char *const lists[] = {"smtpd_relay_restrictions",
	    "smtpd_recipient_restrictions", "smtpd_end_of_data_restrictions"};
	struct policy_use use;

	for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++)
		if (policy_find(f, service, lists[i], &use))
			add(f, service, lists[i],
			    pass_milter_address(use.item));
}

void
daemons_read_uses(struct doctor_facts *f)
{
	const struct site_service *cleanup =
	    site_service(&f->site, "cleanup", "unix");

	for (size_t i = 0; i < f->site.service_count; i++) {
		const struct site_service *s = &f->site.services[i];

		if (pass_is_front(&f->site, s)) {
			add_maps(f, s, "recipient_canonical_maps");
			add_maps(f, s, "virtual_alias_maps");
			add_milters(f, s, "smtpd_milters");
			add_policy(f, s);
		}
	}
	if (cleanup != NULL) {
		add_maps(f, cleanup, "recipient_canonical_maps");
		add_maps(f, cleanup, "virtual_alias_maps");
		add_maps(f, cleanup, "canonical_maps");
		add_maps(f, cleanup, "sender_canonical_maps");
		add_milters(f, cleanup, "non_smtpd_milters");
	}
	if (f->pass.server != NULL)
		add_milters(f, f->pass.server, "smtpd_milters");
	if (f->pass.cleanup != NULL)
		add_maps(f, f->pass.cleanup, "sender_canonical_maps");
}
