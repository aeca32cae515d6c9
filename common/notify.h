/* SPDX-License-Identifier: ISC */
/*
 * Telling the service manager how we are (sd_notify(3)), if there is one.
 */
#ifndef MAILFROM_COMMON_NOTIFY_H
#define MAILFROM_COMMON_NOTIFY_H

void notify_ready(void);     /* up and serving, also after a reload */
void notify_reloading(void); /* a reload begins */
void notify_stopping(void);

#endif
