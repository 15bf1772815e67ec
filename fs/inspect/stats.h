#ifndef CACHEFS_STATS_H
#define CACHEFS_STATS_H

/*
 * All statistics in one table: `stats.json` and `metrics` print it in two ways. A new number needs
 * a member of the snapshot and a row of the table. The counts of requests and backend calls are not
 * in the table; they are printed beside it.
 */

#include <cjson/cJSON.h>

#include "base/value.h"
#include "inspect/request_counts.h"
#include "verbs/fs_state.h"
#include "verbs/notifier.h"
#include "verbs/unowned.h"

/* All numbers at one moment. Each is read by itself, so a sum may be one ahead of its parts. */
struct stats {
	int64_t uptime_ms;
	struct cache_stats cache;
	struct request_numbers requests;
	struct notifier_stats notifier;
	uint64_t opens_retried, killed_writers;
	unsigned lock_waits;
	uint64_t inodes, names, handles, scratch_files, scratch_stored, scratch_dropped;
	struct unowned unowned;
	uint64_t unowned_bytes;
	uint64_t rss_anon_bytes; /* of the process; 0: the kernel did not say */
};

int stats_read(struct fs *fs, struct stats *stats); /* 0 or -ENOMEM; ended with stats_fini() */
void stats_fini(struct stats *stats);

enum stats_kind { STATS_COUNTER, STATS_GAUGE };
enum stats_form {
	STATS_U64,
	STATS_UNSIGNED,
	STATS_LIMIT,      /* u64; left out when 0: there is none */
	STATS_BOOL,       /* 0 or 1 in metrics */
	STATS_SECONDS_MS, /* int64_t milliseconds, printed in seconds */
};

struct stats_row {
	const char *json;   /* the member's name */
	const char *metric; /* without "cachefs_", and without a counter's "_total" */
	enum stats_kind kind;
	enum stats_form form;
	size_t offset; /* in struct stats; for layers in struct layer_stats */
	const char *help;
};

/* Rows that belong together; an empty row ends them. */
struct stats_group {
	const char *json; /* the object that holds them; NULL: the outermost */
	const struct stats_row *rows;
};
extern const struct stats_group stats_groups[]; /* ends with an empty one */
extern const struct stats_row stats_layer_rows[];

/* The number of the row in that struct. */
double stats_number(const struct stats_row *row, const void *base);

uint64_t stats_calls(const struct layer_calls *calls);

/* The present texts of the files; NULL: out of memory. */
struct value *stats_json_text(struct fs *fs, bool troubles); /* with the texts of what is wrong */
struct value *stats_metrics_text(struct fs *fs);

/* Prints JSON for people, with a newline, and frees json (NULL is fine). NULL: out of memory. */
struct value *stats_text_of(cJSON *json);

#endif
