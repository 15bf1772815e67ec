#ifndef CACHEFS_ACCESS_TIME_H
#define CACHEFS_ACCESS_TIME_H

/*
 * atime, as relatime shows it: the last hit, if a layer knows one; or the time that utimens(2) set
 * after that hit; otherwise the time of the last change. A get writes nothing for atime.
 */

#include <stdbool.h>
#include <stdint.h>

#include "base/meta.h"

struct timespec access_time(const struct meta *meta);

/* Sets atime as utimens(2) asks, at now_ms. It is stored among the attributes, under a name that no
 * program can give, so every layer keeps it. It is left out if there is no room. */
void access_time_set(struct meta *meta, struct timespec when, int64_t now_ms);
void access_time_unset(struct meta *meta);

/* True if the attribute holds atime: listings of attributes leave it out. */
bool access_time_is_attribute(const char *name);

#endif
