#ifndef CACHEFS_CACHE_H
#define CACHEFS_CACHE_H

/*
 * THE interface between the cache and its storage: a *backend* is code (one room and a line in the
 * registry), a *layer* one configured instance of it. Whoever writes one reads this, tests it with
 * tests/unit/contract.h, and sees a small one in tests/unit/backend_dir.c.
 *
 * Calls. No operation is called before open() has returned 0, none after close(), and those between
 * come from any thread at any moment. For one key the cache makes one change at a time (set, touch,
 * remove, rename; for a directory's marker dir_set and dir_remove; the prefix forms for all keys of
 * their range); reads come meanwhile and see the state before or after a change, never one between.
 * A layer takes no lock that its caller could hold (RANK_LAYER and above are its own), and holds
 * none when it calls env or waiting_begin().
 *
 * Ownership. Keys are borrowed for the call, and so are values: a layer that keeps one takes its
 * own reference. What an output parameter holds on entry means nothing (a meta need not be empty);
 * it is set exactly when 0 is returned, and the caller ends it then (meta_fini(), value_unref()).
 * The meta that is passed in is copied (meta_copy()).
 *
 * Time. No operation shows an entry that has expired (meta.copy, by env->time), nor a directory
 * that has only such below it; a change of one finds nothing. When it leaves the store is the
 * layer's affair. What a layer waits for, it waits for with a deadline. An operation that blocks
 * for longer than a point read (network, commit, a lock of another process, bytes by the megabyte)
 * calls waiting_begin() before it does.
 *
 * Answers: 0 or a negative errno.
 *   all operations  -EHOSTDOWN  the store cannot answer now
 *                   -EIO, -EACCES, -EPERM  damage; what must not be read or written
 *                   -EMFILE, -ENFILE, -ENOMEM  what the daemon itself is short of: no miss
 *   stat get peek revalidate touch remove remove_prefix remove_unreachable rename dir_stat
 *   dir_remove      -ENOENT  there is none: a miss
 *   stat get        -ENODATA  of a backend that hides_slower alone: a miss of slower layers too
 *   set foresee touch rename  -EFBIG  a value, with its key, that this layer never takes
 *   set foresee touch rename rename_prefix dir_set  -ENOSPC, -EDQUOT, -EROFS  not now
 *   rename_prefix check_rename_prefix  -ENAMETOOLONG
 *   revalidate      -ESTALE
 * Any other is taken for -EIO. What fails has changed nothing, but where it says so. A value whose
 * bytes are not those of meta.checksum (of version 0: of meta.size) is damage: get() says so in the
 * log and answers -EIO or -ENOENT; never such a value.
 */

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/children.h"
#include "base/key.h"
#include "base/meta.h"
#include "base/option.h"
#include "base/problem.h"
#include "base/time_source.h"
#include "base/value.h"

/* What a layer gets from the cache it belongs to. Outlives the layer. */
struct backend_env {
	const char *layer_name;         /* for the log */
	const struct time_source *time; /* of every instant, deadline and pause of the layer */
	/* Whether a value that is open (value_is_held()) is charged to its reader alone once its
	 * entry has left the layer; otherwise the layer's max_bytes counts it until it is closed.
	 */
	bool copy_on_get;
	/*
	 * The layer dropped an entry of its own accord (evicted, expired). Called with no lock
	 * held, by any thread from open() on (it need not have returned) until close() returns;
	 * does not call back into the layer. Never NULL.
	 */
	void (*gone)(void *self, struct key key);
	/*
	 * Another program changed or removed this entry: copies of it elsewhere are out of date.
	 * KEY_ROOT: nobody knows which entries. As gone(); may be NULL.
	 */
	void (*changed)(void *self, struct key key);
	void *self;
};

/* Amounts, for limits, stats and df. What a layer does not know is 0. */
struct layer_usage {
	uint64_t entries;
	uint64_t bytes;       /* as the limit counts them */
	uint64_t max_entries; /* 0: no limit */
	uint64_t max_bytes;
	uint64_t evictions;
	uint64_t expiries;
	bool down;         /* it answers nothing now */
	char trouble[160]; /* why, or what else is wrong; "": nothing */
	const char *path;  /* a file whose file system bounds the layer, or NULL */
};

/*
 * A place that a layer needs for itself: no other of the stack may be given it, or one in it. Two
 * are the same if they lie at one path (whatever it is called) or both at none, on one server, and
 * the names of one begin with the prefix of the other.
 */
struct store_place {
	const char *option;  /* the option that names it */
	char path[PATH_MAX]; /* absolute; what is there need not exist. "": no path */
	char server[300];    /* "": none */
	const char *prefix;  /* of all names in it; the options' own */
};
enum { STORE_PLACES_MAX = 2 };

struct backend {
	const char *type;
	const struct option_spec *options; /* fill a struct of conf_size bytes */
	size_t conf_size;
	bool durable; /* survives the death of the daemon */
	bool remote;  /* another machine's: it may be out of reach and come back with old entries */
	bool forgets; /* keeps nothing of what is set */
	bool hides_slower;      /* the journal: -ENODATA is a miss of slower layers as well */
	int64_t default_ttl_ms; /* what the common option default_ttl_s is by default; 0: null */
	int64_t revalidate_ms;  /* what the common option revalidate_ms is by default */

	/*
	 * Looks for what the options name and the user must provide (a directory that is not to be
	 * made, a file that is a directory); makes nothing and waits for nothing. -EINVAL with the
	 * problem set, its place the name of the option. May be NULL.
	 */
	int (*check)(const void *conf, struct problem *problem);

	/* Its places, and how many. NULL: it has none. */
	size_t (*places)(const void *conf, struct store_place places[STORE_PLACES_MAX]);

	/*
	 * Makes the layer; conf outlives it. A store that is missing is created; one that is
	 * damaged or locked is no reason to fail: operations answer -EHOSTDOWN until it is well
	 * again. -EINVAL with the problem set is for what the user must mend (a directory that
	 * cannot be made, a path that is a directory).
	 */
	int (*open)(const void *conf, const struct backend_env *env, void **state,
		    struct problem *problem);
	void (*close)(void *state); /* finishes what is queued, and ends the layer's threads */

	/* The mount is ending: an operation that waits for somebody else (a server, another
	 * program's trigger) ends within a few seconds, whatever it is waiting for. Never waits.
	 * NULL: none waits longer. */
	void (*ending)(void *state);

	/* The entry's metadata only: no recency, no hit, no bytes loaded. A marker is no entry. */
	int (*stat)(void *state, struct key key, struct meta *meta);

	/*
	 * The value with its metadata, and a use of the entry: recency, frequency, one more of
	 * meta.hits, which may be counted before or after this answer, and be lost with the daemon.
	 * Never waits for a commit. The value stays readable whatever becomes of the entry.
	 */
	int (*get)(void *state, struct key key, struct value **value, struct meta *meta);

	/*
	 * As get(), but a look: no hit, no recency; for showing people what the layer holds. NULL:
	 * this backend's get() has no such traces.
	 */
	int (*peek)(void *state, struct key key, struct value **value, struct meta *meta);

	/*
	 * For a store that other programs write. A faster layer holds a copy of what was read here
	 * with this meta: 0 if that is still what is stored, value and metadata; -ESTALE if it is
	 * another value or other metadata; -ENOENT. No hit; what it costs is paid once per
	 * revalidate_ms and key. NULL: nobody else writes here.
	 */
	int (*revalidate)(void *state, struct key key, const struct meta *meta);

	/*
	 * Whether the store has dropped nothing of its own accord (evicted, lost with a restart)
	 * since the instant (CLOCK_MONOTONIC). An entry that was there then, is not there now and
	 * has not expired was removed by another program, and its copies are to go; otherwise a
	 * durable layer keeps its copy. Asked after revalidate() said -ENOENT; may wait. NULL: it
	 * never does.
	 */
	bool (*kept_all)(void *state, int64_t since_ms);

	/*
	 * For a store that can tell what other programs have changed in it: learns what is new and
	 * tells env->changed() of it before it returns. Cheap when nothing is, for it is called
	 * before each answer of a faster layer that is not durable. True: such a copy needs no
	 * revalidate() then; false: it is not sure that it knows of everything. NULL: never.
	 */
	bool (*catch_up)(void *state);

	/*
	 * Stores or replaces, whole or not at all; when it returns 0 the entry survives the death
	 * of the daemon (durable backends). The metadata is stored as it is given: the caller has
	 * filled all of it, size and checksum (the value's), hits and created_ms too; ends that the
	 * layer itself gives are in meta->copy already. An entry that has expired by then is stored
	 * like any other. What fails leaves the old entry; the cache removes it if another layer
	 * took the new one.
	 */
	int (*set)(void *state, struct key key, struct value *value, const struct meta *meta);

	/*
	 * Whether it is known now that set() would refuse every value of this size: -EHOSTDOWN,
	 * -EFBIG or -ENOSPC; 0: nothing is known against it. Asks nobody and waits for nothing, but
	 * with a key (else of no size): then for as long as a set of it would wait for room. NULL:
	 * nothing is ever known.
	 */
	int (*foresee)(void *state, struct key key, uint64_t size);

	/* Writes the named fields (enum meta_fields) of an entry's metadata, as meta_update() does;
	 * the others of *meta mean nothing. A marker is no entry: it is replaced by dir_set(). */
	int (*touch)(void *state, struct key key, const struct meta *meta, unsigned fields);

	int (*remove)(void *state, struct key key);

	/* All entries whose keys begin with the prefix (key.h), and the markers of directories that
	 * do. -ENOENT when there was none. */
	int (*remove_prefix)(void *state, struct key prefix);

	/*
	 * Removes what other programs stored under keys that no call here can name: longer than
	 * KEY_MAX, empty, of another type than we use. -ENOENT when there was none. NULL: there
	 * are no such keys.
	 */
	int (*remove_unreachable)(void *state);

	/* Moves an entry with all its metadata, hits and ends included, over whatever is at `to`,
	 * in one step; nobody sees both or none. Onto itself: nothing changes. -ENOENT: there is no
	 * `from`, and `to` stays. */
	int (*rename)(void *state, struct key from, struct key to);

	/*
	 * Moves every entry and marker below `from`, and its own marker, in the place of what
	 * should lie there; other keys below `to` stay. The entry whose key is `from` is none of
	 * these. `from` and `to` are two directories of which none lies below the other. 0 when
	 * there was none. -ENAMETOOLONG changes nothing. Where it is not one step it can be cut off
	 * anywhere between two keys, and run again: it moves what is left.
	 */
	int (*rename_prefix)(void *state, struct key from, struct key to);

	/* Whether that would make keys that are too long: 0 or -ENAMETOOLONG. Changes nothing.
	 * NULL: there are no keys. */
	int (*check_rename_prefix)(void *state, struct key from, struct key to);

	/*
	 * The children of dir after the one named `after` (with after_is_dir), in listing order,
	 * each once, up to CHILDREN_MAX; sets batch->end at the end, else it gives one at least.
	 * The batch arrives cleared. The cost is that of the children returned, not of the keys
	 * below them. A child that is a directory has its marker's metadata, or none. A directory
	 * that is not there has no children. On an error the batch holds nothing.
	 *
	 * A child is what key_child() says of a key below dir. Keys that no path can spell are
	 * listed like all others, by their own bytes: the entry "d/" is the child "" of d (the
	 * first of all), the key "d//k" lies in its child directory "" (whose key is "d/"), and an
	 * entry "d/a" beside keys below "d/a/" is two children, the entry a and the directory a.
	 * `after` an empty name that is no directory starts (so no part of a listing but the last
	 * ends with it); an empty name that is one goes on behind the keys below "d//".
	 */
	int (*list)(void *state, struct key dir, struct key after, bool after_is_dir,
		    struct children *batch);

	/*
	 * Directories; the root is one. dir_stat: 0 when there is a marker (its metadata), or a
	 * live key or another directory's marker below (empty metadata, mode 0), else -ENOENT.
	 * dir_set: creates or replaces the marker, whose parents need none; it neither expires nor
	 * is evicted nor counts as an entry. dir_remove: the marker alone; -ENOENT when there was
	 * none.
	 */
	int (*dir_stat)(void *state, struct key dir, struct meta *meta);
	int (*dir_set)(void *state, struct key dir, const struct meta *meta);
	int (*dir_remove)(void *state, struct key dir);

	/* Everything acknowledged so far survives power loss when it returns 0. A layer that is not
	 * durable has nothing to do: 0. */
	int (*sync)(void *state);

	/* A faster layer served this key: counts for recency and hits. Never waits, never fails.
	 * May be NULL. */
	void (*note_hit)(void *state, struct key key);

	/*
	 * An unnamed file (O_TMPFILE, read and write) where a value that lies in it can be stored
	 * by set() without copying its bytes. Returns the fd, the caller's, or -errno. A value may
	 * begin anywhere in it, more may follow, and several may lie in one: set() looks, and
	 * copies what it cannot take. NULL: values are copied anyway.
	 */
	int (*temp_file)(void *state);

	/*
	 * The file system of temp_file() is full: evicts until it has so many bytes, for a new
	 * value of the key, which stays. 0 or -errno (-ENOSPC: no more can go). NULL: it has
	 * nothing there to evict.
	 */
	int (*free_space)(void *state, struct key key, uint64_t bytes);

	/* Sets all of *usage. Never waits for a store: what it last knew. */
	void (*usage)(void *state, struct layer_usage *usage);
};

#endif
