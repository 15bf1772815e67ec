#ifndef CACHEFS_FREE_SPACE_H
#define CACHEFS_FREE_SPACE_H

/*
 * When a layer gives way because the file system below it runs out, and when it stops: the policy
 * of every layer that keeps files. Such a layer evicts its oldest entries in *rounds*:
 *
 *	struct space_round r = free_space_need(s, size, held);      a change found no space
 *	struct space_round r = free_space_keep(s);                  min_free_mb
 *	while (space_round_goes_on(&r, held, reusable) && evict_one(&bytes) == 0)
 *		space_round_evicted(&r, 1, bytes);
 *
 * What counts is what has really become free (statvfs), for an entry whose value somebody reads, or
 * whose space another program takes, gives nothing: after 64 MiB or 1,000 entries without any gain
 * nothing more is evicted until there is more free space than then, or a minute has passed. What is
 * left of inodes counts too: without any there is no space.
 *
 * One thread at a time, but for free_space_trouble(). Functions take no lock and wait for nothing
 * but statvfs(2).
 */

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cache.h"
#include "base/option.h"

/* The option, a uint64_t of bytes (UINT64_MAX: the default) at that offset. */
#define FREE_SPACE_OPTION(conf_offset)                                                             \
	{                                                                                          \
		.name = "min_free_mb", .type = OPT_MB, .offset = (conf_offset), .def = "null",     \
		.nullable = true,                                                                  \
		.doc = "what it leaves free on its file system: with less it evicts, as long as "  \
		       "it holds more than that itself; null: the smaller of 512 and 5 % of the "  \
		       "file system; 0: it fills it",                                              \
	}

struct free_space {
	const char *layer, *path; /* its name, for the log; a path on its file system. Borrowed, */
	const struct time_source *time; /* as this is */
	uint64_t min_free;              /* as the option is stored */
	/* What was evicted since there was a gain, and, if that was too much, */
	uint64_t idle_bytes, idle_entries;
	uint64_t stopped_at; /* how much was free then */
	int64_t stopped_ms;  /* and when; 0: it was not */
	atomic_bool low, full;
};

void free_space_init(struct free_space *s, const struct backend_env *env, const char *path,
		     uint64_t min_free);

/* Whether this -errno says that a file system, or a quota, has no space left. */
bool free_space_is_short(int rc);

/* What is free there for this daemon, in bytes; UINT64_MAX if nobody knows. */
uint64_t free_space_bytes(const struct free_space *s);

struct space_round {
	struct free_space *space;
	uint64_t goal;   /* so much is to be free */
	uint64_t before; /* what was free at the last look; UINT64_MAX: none yet */
	bool shares;     /* ends as well once the layer holds no more than what is free, or little
			  * beside what is missing: others hold the space then */
};

/*
 * A change found no space. size: what it takes; held: what the layer's entries take now. The goal
 * is that size; where it is free already (a quota, a reserve) so much more. A round for what can
 * never fit goes nowhere.
 */
struct space_round free_space_need(struct free_space *s, uint64_t size, uint64_t held);

/* After a change: the goal is min_free. Says in the log when that is not met, once, and when it is
 * again. */
struct space_round free_space_keep(struct free_space *s);

/* Whether one more entry (or batch) is to be evicted: held: what the layer's entries take now;
 * reusable: what the layer can write without any free space, as the free pages of a database. */
bool space_round_goes_on(struct space_round *r, uint64_t held, uint64_t reusable);
void space_round_evicted(struct space_round *r, uint64_t entries, uint64_t bytes);

/* After the rounds: the change that found no space has been made, or has failed. The log says once
 * that it has, and when one is made again. */
void free_space_settled(struct free_space *s, bool made);

/* What is to be said of it in the stats, for struct layer_usage's trouble; false: nothing. At any
 * time, in any thread. */
bool free_space_trouble(const struct free_space *s, char *text, size_t size);

#endif
