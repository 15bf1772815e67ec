#ifndef CACHEFS_INODE_H
#define CACHEFS_INODE_H

/*
 * The inode table. The cache holds published values; inodes present them to the kernel.
 *
 * A *name* is one component in one directory, as long as the daemon knows something about it; what
 * it adds to the directory's key, its *part*, differs from its text if that is an escape. A
 * file inode is a *version* (immutable, presents one published value), *private* to its writers, or
 * stale:
 *
 *   version --inode_take_over, nobody uses it--> private --inode_settle, content is current-->
 * version |                                            |
 *      '--- inode_retire: superseded, expired, -----'---- settled, content is not current --->
 * stale evicted, invalidated
 *
 * A version or private inode that is unlinked has no name any more; its open handles go on.
 *
 * One lock (RANK_INODES) guards the table and every field but the content of private inodes, which
 * has a lock of its own. Functions ending in _locked want the table's lock held. Values and
 * metadata that a locked function lets go of are collected in the table's graveyard and freed by
 * inodes_unlock(), outside the lock. The node id the kernel knows is the inode's address.
 */

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>
#include <sys/types.h>

#include "stack/layered.h"
#include "base/lock.h"
#include "inodes/working_copy.h"

struct view;

enum inode_kind { INODE_DIR, INODE_FILE, INODE_VIRTUAL };
enum inode_state { INODE_VERSION, INODE_PRIVATE, INODE_STALE };

/* What has become of the wish about a file's end that was given last. */
enum given_how {
	GIVEN_NOTHING, /* there is none since the last publish */
	GIVEN,         /* a set takes it; an entry that the file stands for has it already */
	GIVEN_WAITS,   /* it is over: the entry gets it with the next publish or the last close */
};

/* What a private inode's writers have made and not yet published. Guarded by `lock`. */
struct content {
	struct lock lock; /* RANK_CONTENT */
	struct working_copy copy;
	bool dirty;     /* changed since the last publish */
	bool fresh;     /* a set that was never published, so publishes even unwritten */
	bool in_flight; /* taken by a publish that has not ended: still pending for lookups */
	bool withheld;  /* its last writer was killed or failed; until somebody writes on */
	int failure;    /* -errno of the publish that failed; until somebody writes on; or 0 */
	bool live;      /* copy is in use */
};

struct inode {
	/* fixed at birth: */
	enum inode_kind kind;
	const struct view *view; /* what shows it (the verbs' and inspect's; not looked into here) */
	int virtual_file;        /* for INODE_VIRTUAL: which of its view's */

	/* guarded by the table's lock: */
	enum inode_state state; /* of files; only inode.c writes it */
	struct name *name;      /* a reference; NULL: the root, or unlinked */
	struct name *former;    /* a reference: its name before it was unlinked; for tickets */
	uint64_t lookups;       /* the kernel's references */
	unsigned pins;    /* ours: requests under way, handles, tickets, names of a directory */
	uint64_t ino;     /* identity, st_ino */
	struct meta meta; /* of the version, or of the private content as it stands */

	/* files: */
	unsigned readers;    /* open handles for reading (a reader of a private inode counts) */
	unsigned writers;    /* open handles for writing */
	unsigned tickets;    /* opens that have been promised this inode */
	struct value *value; /* of a version, while it has readers or tickets */
	bool stored;         /* the kernel's page cache was filled once */
	bool scratch;        /* private: a scratch file (scratch.h), its name's holder */
	bool has_copy;       /* a scratch file: the layers have it too, as it was then */
	bool rests;          /* a scratch file: in the table's list `resting`; */
	int64_t rests_ms;    /* since then (time_mono_ms) */
	TAILQ_ENTRY(inode) in_scratch;
	struct saved *saved; /* what was synced of it; or NULL; while `saving` that thread's */
	bool saving;
	uint64_t saved_moves; /* the table's `moves` then */
	uint64_t counted;    /* in that round, by unowned.c */
	pid_t owner;         /* thread that opened it private; 0: more than one did */
	bool size_told; /* while private, its size was told to another thread: never a version */
	bool birth_told; /* by statx(2), for good: it is not taken over by a set, which has another
			  */
	uid_t scratch_uid; /* scratch: who is charged for it */
	uint32_t privileges_cleared; /* private: bits of the mode, by a write; the next publish
					stores that */
	bool published; /* private: meta and the last frozen content are (or were) published */
	struct end given;         /* the wish (end.h) on the file; none: no own end is wanted */
	enum given_how given_how; /* GIVEN_NOTHING: a set takes the directory's */
	bool made; /* a version that mknod(2) made, and its maker has not opened yet */
	struct inode *next_of_name;    /* in its list of private or of stale inodes */
	struct inode *next, *previous; /* all inodes of the table */
	struct content content;

	/* directories: */
	struct name *names;        /* below it */
	bool removed;              /* by rmdir: nothing can be made in it */
	bool moving;               /* a rename of it is under way */
	bool own_value;            /* its key had a value, when somebody looked: see key_escape.h */
	struct end default_end;    /* the wish (end.h) for sets below; none: the parent's */
	int dir_rmdir;             /* enum rmdir_policy, or -1: the parent's */
	struct timespec dir_mtime; /* of the last change of a child; 0: the marker's counts */
	bool unsaved;              /* in the table's list of that name, which has a pin */
	struct inode *next_unsaved;
};

struct name {
	struct inode *dir; /* a pin */
	struct name *next_hash;
	struct name *next, *previous; /* in dir->names */
	unsigned refs;
	uint64_t changed_at;    /* the table's clock at its last change (set, remove, rename) */
	struct inode *version;  /* presents the current value; no reference */
	struct inode *holder;   /* private inode whose content is the current one, or only pending:
				   joinable */
	struct inode *privates; /* all private inodes of this name */
	struct inode *stale;    /* and all stale ones: the kernel may still hold the file by one */
	struct inode *subdir;   /* directory inode, or what a layer shows; no reference */
	bool unlinked;          /* by the kernel, and nothing was published since */
	unsigned publishing;    /* closes whose publish opens must wait for */
	int64_t file_until_ms;  /* until then an entry is taken for no directory (time_mono_ms) */
	bool is_own;            /* it stands for its directory's own value: no part */
	struct key part;        /* the text, or bytes behind it */
	size_t size;
	char text[]; /* terminated: the name as the kernel knows it */
};

struct ticket;

TAILQ_HEAD(scratch_files, inode);

enum { MADE_KEPT = 64 };

enum { SCRATCH_UIDS = 4096 };

struct inodes {
	struct lock lock;
	pthread_cond_t changed; /* something that a waiter may wait for has happened */
	struct inode root;
	const struct view *dir_view, *file_view; /* of the cache's own directories and files */
	struct name **buckets;
	size_t bucket_count, name_count;
	uint64_t clock; /* counts changes of names */
	struct ticket *tickets;
	unsigned moving; /* directory renames under way */
	/* Scratch files: those that could become entries, longest at rest first; the others. */
	struct scratch_files resting, restless;
	uint64_t count_rounds; /* of unowned.c */
	uint64_t scratch_count;
	uint32_t scratch_by_uid[SCRATCH_UIDS]; /* by who made them; uids that end alike share */
	unsigned scratch_storing;   /* of them, on their way into the layers */
	pthread_cond_t rest_begins; /* of the first one, or the thread that waits shall end */
	uint64_t moves; /* directory renames so far */
	bool stopping;
	/* What mknod(2) made last, pinned: what its maker gives it must outlast the kernel's memory
	 * of it, until the maker opens it. */
	struct inode *made[MADE_KEPT];
	unsigned made_next;
	struct graveyard *graveyard;
	struct inode *all;     /* but the root */
	struct end root_end;   /* the root's default_end when its marker has none: a wish (end.h) */
	struct inode *unsaved; /* directories whose dir_mtime is to be written to their marker */
	uint64_t inode_count;
	struct working_copies copies;
};

int inodes_init(struct inodes *t, uint64_t heap_max, const struct view *dir_view,
		const struct view *file_view);
void inodes_fini(struct inodes *t);
void inodes_lock(struct inodes *t);
void inodes_unlock(struct inodes *t); /* frees what the locked part let go of */

/* Waits for inodes_changed_locked(), at most until deadline; false: it has come, or the mount
 * stops. */
bool inodes_wait_locked(struct inodes *t, const struct deadline *deadline);
void inodes_changed_locked(struct inodes *t);

uint64_t inode_id(const struct inodes *t, const struct inode *inode);
struct inode *inode_at(struct inodes *t, uint64_t id); /* of an id that the kernel holds */

/* Names. */
struct name *name_get_locked(struct inodes *t, struct inode *dir,
			     struct key text); /* a reference; NULL: no memory */
struct name *name_find_locked(struct inodes *t, struct inode *dir,
			      struct key text);                      /* no reference; or NULL */
struct name *name_find_key_locked(struct inodes *t, struct key key); /* by its whole key */

/* As name_get_locked(), of a text that shows this part: for those that do not tell it themselves.
 */
struct name *name_get_part_locked(struct inodes *t, struct inode *dir, struct key text,
				  struct key part);
void name_put_locked(struct inodes *t, struct name *name);
void name_touch_locked(struct inodes *t,
		       struct name *name); /* it has changed: changed_at, waiters */

/* The key of a name, or of a directory; below `.cachefs/layers` the path from there.
 * -ENAMETOOLONG. */
int name_key_locked(const struct inodes *t, const struct name *name, struct key_buffer *key);
int inode_key_locked(const struct inodes *t, const struct inode *inode,
		     struct key_buffer *key); /* -ENOENT: no name */

/*
 * For a change that has been admitted by a key, which may be an old one: the inode, the name or a
 * directory above was renamed while it waited. 0; -EAGAIN: so it was, begin again with the key of
 * now; -ENOENT: it has none, a directory above was removed.
 */
int name_check_key_locked(const struct inodes *t, const struct name *name, struct key key);
int inode_check_key_locked(const struct inodes *t, const struct inode *inode, struct key key);

/* Whether the keys in dir begin there: the root, or the top of what one layer shows. */
bool inode_is_top_locked(const struct inodes *t, const struct inode *dir);

/* Whether a directory on the way to the root (dir included) is being renamed. */
bool inode_is_moving_locked(const struct inodes *t, const struct inode *dir);

/* Waits until that is over, for 30 s at most. False: nothing to wait for. */
bool inode_wait_for_move_locked(struct inodes *t, const struct inode *dir);

/*
 * For a read by a key that found nothing, or a part. It is admitted by nobody, and may have come
 * between a directory's old place and its new one. True: that may be so (what is under way has been
 * waited for); read again by the key of now.
 */
bool name_is_elsewhere_locked(struct inodes *t, const struct name *name, struct key key);
bool inode_is_elsewhere(struct inodes *t, struct inode *inode, struct key key);

/* A private inode that shows an unpublished key or change: holder first; NULL: nothing pending. */
struct inode *name_pending_locked(const struct name *name);

/* Whether it is a lock's name: who holds such a file, or has made it, counts on it. */
bool name_is_lock(const struct name *name);

/* The own end that a set below dir gets, as a wish (end.h). */
struct end inode_default_end_locked(const struct inode *dir);

/* Whether a private inode was written to since what it published last was taken. */
bool inode_has_news_locked(const struct inode *inode);

/* Inodes: made with no lookup and no pin; freed when the last of both is gone. NULL: no memory. */
struct inode *inode_new_dir_locked(struct inodes *t, struct name *name);
struct inode *inode_new_version_locked(struct inodes *t, struct name *name,
				       const struct meta *meta);
struct inode *inode_new_private_locked(struct inodes *t, struct name *name, const struct meta *meta,
				       struct value *base, pid_t owner);
/* name: below `layers`; or NULL. */
struct inode *inode_new_virtual_locked(struct inodes *t, const struct view *view, int virtual_file,
				       struct name *name);
void inode_pin_locked(struct inode *inode);
void inode_note_made_locked(struct inodes *t, struct inode *version); /* by mknod(2) */
void inode_unpin_locked(struct inodes *t, struct inode *inode);
void inode_forget_locked(struct inodes *t, struct inode *inode, uint64_t lookups);

/* The inode of what is published at name, which `meta` describes: the version there, or a new one.
 */
struct inode *name_version_locked(struct inodes *t, struct name *name, const struct meta *meta);

/* Transitions. */
void inode_retire_locked(struct inodes *t, struct inode *inode); /* version -> stale */
void inode_take_over_locked(struct inodes *t, struct inode *inode, struct value *base, pid_t owner);
/*
 * Private -> scratch file. A fresh one gets the end that a set here would get now; from now on
 * meta.own is the end of the file, and `given` an end, no wish.
 */
void inode_make_scratch_locked(struct inodes *t, struct inode *inode);
/* Another private inode has become its name's holder: what it has is not pending any more, until
 * somebody writes on; it is stale when it is closed. */
void inode_supersede_locked(struct inodes *t, struct inode *inode);
void inode_end_scratch_locked(struct inodes *t, struct inode *inode); /* the caller has a pin */
/* A scratch file was opened, closed, stored or changed: whether it rests, from now on. */
void inode_rest_locked(struct inodes *t, struct inode *inode);
/* Whether a scratch file holds what no layer has under its name. */
bool inode_is_unstored_locked(const struct inode *inode);
void inode_note_unstored_locked(struct inode *inode);
bool inode_scratch_is_over_locked(const struct inode *inode);
/* When a scratch file ends; none: not while it is one. */
struct end inode_scratch_end_locked(const struct inode *inode);
void inode_settle_locked(struct inodes *t,
			 struct inode *inode); /* last writer or ticket may be gone */
void inode_detach_locked(struct inodes *t, struct inode *inode); /* unlinked: no name any more */
bool inode_is_idle_locked(const struct inode *version);          /* no reader, writer or ticket */
void inode_pin_value_locked(struct inodes *t, struct inode *inode, struct value *value);
void inode_drop_value_locked(struct inodes *t,
			     struct inode *inode); /* if nobody needs it any more */

/* Takes the content's lock, handing over the request loop first if that would wait. Call with no
 * lock held. */
void inode_content_lock(struct inode *inode);
void inode_content_unlock(struct inode *inode);

/* A new identity: random, never 0. */
uint64_t inode_draw_ino(void);

/* The identity of what has none of its own, a foreign entry or a prefix without marker: a hash of
 * its key, never 0 or the root's. */
uint64_t inode_ino_of_key(struct key key, bool is_dir);

/*
 * A directory that changed, and that nobody holds any more, is freed only when its marker says so.
 * keep(): puts it into the list, if its dir_mtime is not saved; nobody else does but the freeing of
 * inodes. take(): the next, whose pin passes to the caller; NULL: none.
 */
bool inode_keep_unsaved_locked(struct inodes *t, struct inode *inode);
struct inode *inodes_take_unsaved_locked(struct inodes *t);

/* Calls visit for every name below dir, deepest directories included, dir's own children first. */
void inode_walk_locked(struct inode *dir, void (*visit)(struct inodes *t, struct name *name),
		       struct inodes *t);

/* Something for inodes_unlock() to let go of: a synced file is removed, unless it is kept. */
void inode_bury_saved_locked(struct inodes *t, struct inode *inode);
void inodes_bury_value_locked(struct inodes *t, struct value *value);
void inodes_bury_meta_locked(struct inodes *t, struct meta *meta);

#endif
