#ifndef CACHEFS_CACHE_H
#define CACHEFS_CACHE_H

/*
 * THE interface between the cache and its storage. A *backend* is code: one room and a line in the
 * registry. A *layer* is one configured instance of a backend. The author of a backend reads this
 * file and tests the backend with tests/unit/contract.h; tests/unit/backend_dir.c is a small
 * example.
 *
 * Calls. The cache calls no operation before open() has returned 0 and none after close(). Between
 * them, any thread may call any operation at any moment. For one key the cache makes one change at
 * a time (set, touch, remove, rename; for a directory's marker dir_set and dir_remove; the prefix
 * forms for all keys of their range). Reads run during a change; a read sees the state before or
 * after the change, never a state between. A layer takes no lock that its caller could hold
 * (RANK_LAYER and above belong to the layer). A layer holds no lock when it calls env or
 * waiting_begin().
 *
 * Ownership. Keys and values are borrowed for the call; a layer that keeps a value takes its own
 * reference. The content of an output parameter on entry means nothing (a meta need not be empty).
 * An operation sets its output parameters exactly when it returns 0; the caller then releases them
 * (meta_fini(), value_unref()). A layer copies the meta that it is given (meta_copy()).
 *
 * Time. No operation shows an entry that has expired (meta.copy, by env->time), nor a directory
 * that holds only expired entries; a change of an expired entry finds nothing. The layer decides
 * when an expired entry leaves the store. Every wait of a layer has a deadline. An operation that
 * may block for longer than a point read (network, commit, a lock of another process, bytes by the
 * megabyte) calls waiting_begin() first.
 *
 * Answers: 0 or a negative errno.
 *   all operations  -EHOSTDOWN  the store cannot answer now
 *                   -EIO, -EACCES, -EPERM  damage; or data that must not be read or written
 *                   -EMFILE, -ENFILE, -ENOMEM  the daemon itself lacks something: no miss
 *   stat get peek revalidate touch remove remove_prefix remove_unreachable rename dir_stat
 *   dir_remove      -ENOENT  there is no such entry or marker: a miss
 *   stat get        -ENODATA  only of a backend that hides_slower: a miss of slower layers too
 *   set foresee touch rename  -EFBIG  this layer never takes a value (with its key) of this size
 *   set foresee touch rename rename_prefix dir_set  -ENOSPC, -EDQUOT, -EROFS  not now
 *   rename_prefix check_rename_prefix  -ENAMETOOLONG
 *   revalidate      -ESTALE
 * The cache treats any other errno as -EIO. An operation that fails has changed nothing, except
 * where its comment says otherwise. A value is damaged if its bytes do not match meta.checksum (of
 * version 0: meta.size). get() logs the damage and returns -EIO or -ENOENT, never the damaged
 * value.
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

/* The services that the cache gives to its layer. Outlives the layer. */
struct backend_env {
	const char *layer_name;         /* for the log */
	const struct time_source *time; /* of every instant, deadline and pause of the layer */
	/*
	 * True: a value that is open (value_is_held()) no longer counts against the layer once its
	 * entry has left the layer; the reader alone pays. False: the layer's max_bytes counts the
	 * value until it is closed.
	 */
	bool copy_on_get;
	/*
	 * The layer dropped an entry by itself (evicted, expired). The layer calls this function
	 * with no lock held, from any thread, from the start of open() (open() need not have
	 * returned) until close() returns. The function does not call back into the layer. Never
	 * NULL.
	 */
	void (*gone)(void *self, struct key key);
	/* Another program changed or removed this entry, so copies of the entry in other layers are
	 * out of date. KEY_ROOT: any entry may have changed. Called like gone(); may be NULL. */
	void (*changed)(void *self, struct key key);
	void *self;
};

/* Amounts, for limits, stats and df. An amount that the layer does not know is 0. */
struct layer_usage {
	uint64_t entries;
	uint64_t bytes;       /* as the limit counts them */
	uint64_t max_entries; /* 0: no limit */
	uint64_t max_bytes;
	uint64_t evictions;
	uint64_t expiries;
	bool down;         /* the layer answers nothing now */
	char trouble[160]; /* why the layer is down, or another trouble; "": none */
	const char *path;  /* a file whose file system bounds the layer, or NULL */
};

/*
 * A place that one layer uses alone: no other layer of the stack may use the same place or a place
 * inside. Two places are the same if both have the same path (under any name) or both have no path,
 * both have the same server, and the names of one place begin with the prefix of the other.
 */
struct store_place {
	const char *option;  /* the option that names it */
	char path[PATH_MAX]; /* absolute; the path need not exist. "": no path */
	char server[300];    /* "": none */
	const char *prefix;  /* begins all names in the place; the options own it */
};
enum { STORE_PLACES_MAX = 2 };

struct backend {
	const char *type;
	const struct option_spec *options; /* fill a struct of conf_size bytes */
	size_t conf_size;
	bool durable; /* survives the death of the daemon */
	bool remote;  /* on another machine: may be unreachable, and come back with old entries */
	bool forgets; /* keeps no value that is set */
	bool hides_slower;      /* the journal: -ENODATA is a miss of slower layers as well */
	int64_t default_ttl_ms; /* default of the common option default_ttl_s; 0: null */
	int64_t revalidate_ms;  /* default of the common option revalidate_ms */

	/*
	 * Checks the things that the options name and the user must provide (a directory that the
	 * layer must not make, a file that is a directory). Makes nothing and waits for nothing.
	 * -EINVAL: the problem is set, and its place is the name of the option. May be NULL.
	 */
	int (*check)(const void *conf, struct problem *problem);

	/* Writes the layer's places and returns their number. NULL: the layer has none. */
	size_t (*places)(const void *conf, struct store_place places[STORE_PLACES_MAX]);

	/*
	 * Makes the layer; conf outlives the layer. open() creates a store that is missing. open()
	 * does not fail for a store that is damaged or locked: operations answer -EHOSTDOWN until
	 * the store works again. -EINVAL with the problem set: the user must correct something (a
	 * directory that cannot be made, a path that is a directory).
	 */
	int (*open)(const void *conf, const struct backend_env *env, void **state,
		    struct problem *problem);
	void (*close)(void *state); /* finishes queued changes, and ends the layer's threads */

	/*
	 * The mount is ending. An operation that waits for another party (a server, another
	 * program's trigger) ends within a few seconds, whatever the operation waits for. ending()
	 * itself never waits. NULL: no operation waits longer than that.
	 */
	void (*ending)(void *state);

	/* Gives the entry's metadata. Changes no recency, counts no hit, loads no bytes. A marker
	 * is no entry. */
	int (*stat)(void *state, struct key key, struct meta *meta);

	/*
	 * Gives the value with its metadata, and counts as a use of the entry: recency, frequency,
	 * and one more of meta.hits. The layer may count the hit before or after this answer; the
	 * death of the daemon may lose the hit. A layer that counts no hits answers meta.hits as
	 * set() stored it. Never waits for a commit. The value stays readable after the entry has
	 * changed or was removed.
	 */
	int (*get)(void *state, struct key key, struct value **value, struct meta *meta);

	/* As get(), but counts no hit and changes no recency. Serves to show people the content of
	 * the layer. NULL: get() of this backend has no such effects. */
	int (*peek)(void *state, struct key key, struct value **value, struct meta *meta);

	/*
	 * For a store that other programs write. A faster layer holds a copy that was read from
	 * this layer with this meta. 0: the store still has the same value and the same metadata.
	 * -ESTALE: the store has another value or other metadata. -ENOENT: the store has no entry.
	 * Counts no hit. The cache calls revalidate() once per revalidate_ms and key. NULL: no
	 * other program writes the store.
	 */
	int (*revalidate)(void *state, struct key key, const struct meta *meta);

	/*
	 * True if the store has dropped no entry by itself (evicted, lost with a restart) since the
	 * instant (CLOCK_MONOTONIC). If true, an entry that was in the store at that instant, is
	 * absent now and has not expired was removed by another program, and the cache removes the
	 * copies of the entry. If false, a durable layer keeps its copy. Called after revalidate()
	 * returned -ENOENT; may wait. NULL: always true, because the layer calls env->gone() for
	 * every entry that it drops.
	 */
	bool (*kept_all)(void *state, int64_t since_ms);

	/*
	 * For a store that can report the changes of other programs. Reads the new changes and
	 * reports them by env->changed() before it returns. The call must be cheap when there are
	 * no changes, because the cache makes it before each answer of a faster layer that is not
	 * durable. True: a copy in such a layer needs no revalidate(). False: the layer may not
	 * know every change. NULL: always false.
	 */
	bool (*catch_up)(void *state);

	/*
	 * Stores or replaces an entry, completely or not at all. After set() of a durable backend
	 * has returned 0, the entry survives the death of the daemon. The layer stores the metadata
	 * as given: the caller has filled every field, including size and checksum (of this value),
	 * hits and created_ms. An end that the layer itself gives is already in meta->copy. The
	 * layer stores an entry that has already expired like any other. A set() that fails leaves
	 * the old entry; the cache removes the old entry if another layer took the new one.
	 */
	int (*set)(void *state, struct key key, struct value *value, const struct meta *meta);

	/*
	 * Returns -EHOSTDOWN, -EFBIG or -ENOSPC if the layer knows now that set() would refuse
	 * every value of this size, else 0. Asks no other process. Waits only if a key is given
	 * (otherwise the key has no bytes): then as long as a set of that key would wait for room.
	 * NULL: the layer never knows.
	 */
	int (*foresee)(void *state, struct key key, uint64_t size);

	/*
	 * Writes the named fields (enum meta_fields) of an entry's metadata, as meta_update() does;
	 * the other fields of *meta mean nothing. A marker is no entry: dir_set() replaces markers.
	 */
	int (*touch)(void *state, struct key key, const struct meta *meta, unsigned fields);

	int (*remove)(void *state, struct key key);

	/*
	 * Removes all entries whose keys begin with the prefix (key.h), and the markers of
	 * directories that begin with the prefix. -ENOENT: there were no such entries or markers.
	 */
	int (*remove_prefix)(void *state, struct key prefix);

	/*
	 * Removes the entries of other programs whose keys no call here can name: keys longer than
	 * KEY_MAX, empty keys, keys of another type than the layer uses. -ENOENT: there were no
	 * such keys. NULL: the store cannot contain such keys.
	 */
	int (*remove_unreachable)(void *state);

	/*
	 * Moves an entry with all its metadata, hits and ends included, and replaces the entry at
	 * `to`. The move is one step: no reader sees both entries or none. If `from` equals `to`,
	 * nothing changes. -ENOENT: there is no entry at `from`; the entry at `to` stays.
	 */
	int (*rename)(void *state, struct key from, struct key to);

	/*
	 * Moves every entry and marker below `from`, and the marker of `from`. A moved entry or
	 * marker replaces the one that has its new key; other keys below `to` stay. The entry whose
	 * key is `from` does not move. `from` and `to` are two directories of which none lies below
	 * the other. Returns 0 if there was nothing to move. -ENAMETOOLONG: nothing has changed. If
	 * the move is not one step, it may stop between any two keys; a second call moves the rest.
	 */
	int (*rename_prefix)(void *state, struct key from, struct key to);

	/* Returns -ENAMETOOLONG if rename_prefix() would make keys that are too long, else 0.
	 * Changes nothing. NULL: the layer has no keys. */
	int (*check_rename_prefix)(void *state, struct key from, struct key to);

	/*
	 * Lists the children of dir after the child named `after` (with after_is_dir), in listing
	 * order, each child once, at most CHILDREN_MAX. Sets batch->end at the end of the listing;
	 * otherwise the batch gets at least one child. The caller passes a cleared batch. The cost
	 * depends on the children returned, not on the keys below them. A child that is a directory
	 * has its marker's metadata, or none. A directory that does not exist has no children. On
	 * an error the batch holds nothing.
	 *
	 * key_child() defines the child for a key below dir. The listing contains keys that no path
	 * can spell like all other keys, by their own bytes. The entry "d/" is the child "" of d
	 * (the first of all). The key "d//k" lies in the child directory "" of d (whose key is
	 * "d/"). An entry "d/a" beside keys below "d/a/" makes two children, the entry a and the
	 * directory a. If `after` is an empty name that is no directory, the listing starts (so
	 * only the last part of a listing ends with that child). If `after` is an empty name that
	 * is a directory, the listing goes on behind the keys below "d//".
	 */
	int (*list)(void *state, struct key dir, struct key after, bool after_is_dir,
		    struct children *batch);

	/*
	 * Directories; the root is one. dir_stat: 0 if there is a marker (gives its metadata), or a
	 * live key or another directory's marker below (gives empty metadata, mode 0), else
	 * -ENOENT. dir_set: creates or replaces the marker; the parents of the directory need no
	 * marker. A marker never expires, is never evicted and does not count as an entry.
	 * dir_remove: removes the marker alone; -ENOENT if there was no marker.
	 */
	int (*dir_stat)(void *state, struct key dir, struct meta *meta);
	int (*dir_set)(void *state, struct key dir, const struct meta *meta);
	int (*dir_remove)(void *state, struct key dir);

	/* When sync() returns 0, every change acknowledged before survives power loss. A layer that
	 * is not durable returns 0 at once. */
	int (*sync)(void *state);

	/* A faster layer served this key: counts for recency and hits of this layer. Never waits,
	 * never fails. May be NULL. */
	void (*note_hit)(void *state, struct key key);

	/*
	 * Makes an unnamed file (O_TMPFILE, read and write). set() can store a value that lies in
	 * such a file without a copy of its bytes. Returns the fd, which belongs to the caller, or
	 * -errno. A value may begin anywhere in the file, more bytes may follow, and one file may
	 * contain several values: set() checks, and copies a value that the layer cannot take over.
	 * NULL: set() always copies.
	 */
	int (*temp_file)(void *state);

	/*
	 * The file system of temp_file() is full. Evicts entries until so many bytes are free, for
	 * a new value of the key; the entry of the key stays. 0 or -errno (-ENOSPC: the layer can
	 * evict no more). NULL: the layer has nothing to evict on that file system.
	 */
	int (*free_space)(void *state, struct key key, uint64_t bytes);

	/* Sets all of *usage from the last known amounts. Never waits for a store. */
	void (*usage)(void *state, struct layer_usage *usage);
};

#endif
