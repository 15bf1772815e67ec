#ifndef CACHEFS_CONFIG_H
#define CACHEFS_CONFIG_H

/* The configuration: JSON text in, settings and layer specifications out; every mistake a problem
 * with its place. */

#include <stdio.h>

#include <cjson/cJSON.h>

#include "stack/layered.h"

enum rmdir_policy { RMDIR_INVALIDATE_PREFIX, RMDIR_EMPTY_ONLY };
enum killed_writer { KILLED_WRITER_DISCARD, KILLED_WRITER_PUBLISH };

/* The daemon's own settings: the object "cachefs". */
struct fs_conf {
	int rmdir;                  /* enum rmdir_policy; default invalidate_prefix */
	int on_killed_writer;       /* enum killed_writer; default discard */
	int64_t pending_wait_ms;    /* 50, 0..10000: how long a get waits for a key that is only
				       pending */
	int64_t attr_timeout_ms;    /* option attr_timeout, seconds, 1 */
	int64_t entry_timeout_ms;   /* option entry_timeout, seconds, 1 */
	int64_t publish_timeout_ms; /* option publish_timeout, seconds, 30: how long an open waits
				       for a publish */
	int64_t drain_timeout_ms;   /* option drain_timeout, seconds, 10: at shutdown */
	char *state_dir;            /* default: state_path.h */
	uint64_t journal_max_bytes; /* option journal_max_mb, 1024: undrained sets of write_back */
	int64_t journal_wait_ms;    /* option journal_wait, seconds, 10: of a set for room in it */
	uint64_t pending_max_bytes; /* unpublished content, then ENOSPC; 0: half of the disk */
	uint64_t heap_max_bytes;    /* option working_copy_heap_kb, 1024: larger working copies are
				       files */
	char **scratch_names;       /* glob patterns, ends with NULL; scratch.h */
	mode_t foreign_mode;        /* of entries whose mode nobody knows; "0600" */
	int64_t scratch_publish_ms; /* option scratch_publish_s, 60: scratch_rest.h */
	uint64_t threads_max;       /* option max_threads, 128, 4..4096 */
	char *log_file;             /* NULL: stderr, in the background syslog */
	int log_level;              /* enum log_level: error warning info debug; default info */
	bool xattr;                 /* true */
};

extern const struct option_spec fs_options[];

/* What stands at the top of a configuration beside its layers, as in the block of the Python
 * package's core. */
struct config_top {
	bool enabled;   /* false: the cache is a noop */
	int64_t ttl_ms; /* option ttl_s: the root directory's default TTL; -1: none */
};

extern const struct option_spec config_top_members[];

struct config {
	struct cache_conf cache;
	struct fs_conf fs;
	struct config_top top;
	char *source; /* the file as given, or NULL for the built-in configuration */
};

/*
 * All shapes of a configuration. text need not be terminated; file names it in problems and
 * base_dir anchors relative paths. Without a word about layers they are config_default()'s. What
 * the options name and must exist is looked for, but nothing is made. 0, or -EINVAL with every
 * problem added, in the form "file:line: $.path"; config is then empty.
 */
int config_parse(const char *text, size_t size, const char *file, const char *base_dir,
		 struct config *config, struct problems *problems);

/* Reads and parses a file of up to 1 MiB. */
int config_load(const char *path, struct config *config, struct problems *problems);

/* Without a file: memory (LRU, 256 MiB) over SQLite at $XDG_CACHE_HOME/cachefs/default.sqlite, 10
 * GiB. */
int config_default(struct config *config, struct problems *problems);

void config_fini(struct config *config);

/* The effective configuration, every default filled in, secrets masked; in the layers[] shape. It
 * is a configuration itself, but for the masks. NULL: out of memory. */
cJSON *config_to_json(const struct config *config);

/* A configuration that shows the most useful options. */
extern const char config_example[];

/* The reference of all options, from their tables: Markdown onto a stream. */
void config_print_reference(FILE *out);

#endif
