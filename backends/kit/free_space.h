#ifndef CACHEFS_FREE_SPACE_H
#define CACHEFS_FREE_SPACE_H

/*
 * The policy by which every layer with files evicts entries because its file system runs out of
 * space, and by which it stops. Such a layer evicts its oldest entries in *rounds*:
 *
 *	struct space_round r = free_space_need(s, size, held);      a change found no space
 *	struct space_round r = free_space_keep(s);                  min_free_mb
 *	while (space_round_goes_on(&r, held, reusable) && evict_one(&bytes) == 0)
 *		space_round_evicted(&r, 1, bytes);
 *
 * A round measures the space that has really become free (statvfs): an eviction gains nothing if a
 * reader still has the value open or another program takes the space. After 64 MiB or 1,000 entries
 * without any gain, eviction stops until there is more free space than at the stop, or a minute has
 * passed. A file system without free inodes counts as full.
 *
 * One thread at a time, except for free_space_trouble(). The functions take no lock and wait for
 * nothing but statvfs(2).
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
	const char *layer, *path; /* both borrowed: its name, for the log; a path on its disk */
	const struct time_source *time; /* borrowed */
	uint64_t min_free;              /* as the option is stored */
	/* Evictions since the last gain; and if they were too many: */
	uint64_t idle_bytes, idle_entries;
	uint64_t stopped_at; /* the free bytes when eviction stopped */
	int64_t stopped_ms;  /* when eviction stopped; 0: it goes on */
	atomic_bool low, full;
};

void free_space_init(struct free_space *s, const struct backend_env *env, const char *path,
		     uint64_t min_free);

/* True if this -errno says that a file system or a quota has no space left. */
bool free_space_is_short(int rc);

/* The bytes that are free for this daemon; UINT64_MAX: not known. */
uint64_t free_space_bytes(const struct free_space *s);

struct space_round {
	struct free_space *space;
	uint64_t goal;   /* evict until so many bytes are free */
	uint64_t before; /* the free bytes at the last check; UINT64_MAX: none yet */
	bool shares;     /* the round also ends if the layer holds no more than the free bytes, or
			    little beside the missing bytes: others hold the space then */
};

/*
 * Begins a round after a change found no space. size: the bytes that the change needs; held: the
 * bytes that the layer's entries occupy now. The goal is `size` free bytes, or `size` more than now
 * if that much is already free (a quota, a reserve). A round for a change that can never fit evicts
 * nothing.
 */
struct space_round free_space_need(struct free_space *s, uint64_t size, uint64_t held);

/* Begins a round after a change, with the goal min_free. Logs once that less is free, and once that
 * enough is free again. */
struct space_round free_space_keep(struct free_space *s);

/*
 * True if the layer must evict one more entry (or batch). held: the bytes that the layer's entries
 * occupy now; reusable: the bytes that the layer can write without free space, such as the free
 * pages of a database.
 */
bool space_round_goes_on(struct space_round *r, uint64_t held, uint64_t reusable);
void space_round_evicted(struct space_round *r, uint64_t entries, uint64_t bytes);

/* Returns how many bytes may be evicted before space_round_goes_on() is called again, which has
 * returned true for the same `held`. At least 1. */
uint64_t space_round_step(const struct space_round *r, uint64_t held);

/* After the rounds: the change that found no space was made, or has failed. Logs once that changes
 * fail, and once that they succeed again. */
void free_space_settled(struct free_space *s, bool made);

/* Writes the trouble for the stats (struct layer_usage). False: there is no trouble. Any thread may
 * call this function at any time. */
bool free_space_trouble(const struct free_space *s, char *text, size_t size);

#endif
