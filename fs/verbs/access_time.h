#ifndef CACHEFS_ACCESS_TIME_H
#define CACHEFS_ACCESS_TIME_H

/*
 * atime, as relatime shows it: the last hit, where a layer knows it, or what utimens(2) said after
 * that; else the time of the last change. A get writes nothing for it.
 */

#include <stdbool.h>
#include <stdint.h>

#include "base/meta.h"

struct timespec access_time(const struct meta *meta);

/* What utimens(2) says, at now_ms. It is kept among the attributes, under a name that no program
 * can give: every layer keeps those. Left out if there is no room for it. */
void access_time_set(struct meta *meta, struct timespec when, int64_t now_ms);
void access_time_unset(struct meta *meta);

/* Whether an attribute is that one, and not to be listed. */
bool access_time_is_attribute(const char *name);

#endif
