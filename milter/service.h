/* SPDX-License-Identifier: ISC */
/*
 * What all sessions of a filter share; every filter's own begins with it.
 */
#ifndef MAILFROM_MILTER_SERVICE_H
#define MAILFROM_MILTER_SERVICE_H

#include "milter/config.h"

struct milter_service {
	struct shared_place config;
	/* Any thread counts; they only grow. */
	atomic_ullong connections;
	atomic_ullong errors; /* messages that on_error decided */
};

/* The configuration of now; milter_config_release() is due. */
static inline struct milter_config *
milter_service_config(struct milter_service *service)
{
	return (struct milter_config *)shared_take(&service->config);
}

/* Put config, which passes to it, in the place of the one it has. */
static inline void
milter_service_replace(
    struct milter_service *service, struct milter_config *config)
{
	shared_replace(&service->config, &config->shared);
}

#endif
