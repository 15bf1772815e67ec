#ifndef CACHEFS_INODE_H
#define CACHEFS_INODE_H

/*
 * The room inodes/: inodes present the cache's values to the kernel. This room knows keys, metadata
 * and values, and never asks a layer. (The caller of name_read.h asks the layers.)
 *
 * The inode table. The cache holds published values; inodes present these values to the kernel.
 *
 * A *name* is one component in one directory. It exists as long as the daemon knows something about
 * it. The *part* of a name is the bytes that the name adds to the directory's key; the part differs
 * from the name's own text if that text is an escape. A file inode is a *version* (immutable,
 * presents one published value), *private* to its writers, or stale. The functions that change the
 * state are in inode_state.h:
 *
 *   version --inode_take_over: no handle or ticket uses it-----> private
 *   private --inode_settle: its content is the published one--> version
 *   private --inode_settle: its content is not current--------> stale
 *   version --inode_retire: superseded, expired, evicted,
 *                           invalidated-----------------------> stale
 *
 * A *scratch file* (scratch.h) is a private inode. No close publishes it, and it stays after its
 * last close: private --inode_make_scratch--> scratch --inode_end_scratch--> private.
 *
 * A version or private inode that is unlinked has no name any more; its open handles still work.
 *
 * One lock (RANK_INODES) guards the table and every field, except the content of private inodes,
 * which has its own lock. Functions whose names end in _locked require the table's lock. A locked
 * function puts the values and metadata that it drops into the table's graveyard; inodes_unlock()
 * frees them outside the lock. The node id that the kernel knows is the inode's address.
 */

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>
#include <sys/types.h>

#include "base/end.h"
#include "base/key.h"
#include "base/lock.h"
#include "base/meta.h"
#include "inodes/working_copy.h"

struct inodes;
struct name;
struct saved;
struct view;

enum inode_kind { INODE_DIR, INODE_FILE, INODE_VIRTUAL };
enum inode_state {
	INODE_NONE, /* no file, or the inode is being made */
	INODE_VERSION,
	INODE_PRIVATE,
	INODE_SCRATCH, /* private, and a scratch file (scratch.h) */
	INODE_STALE,
};

/* The state of the wish about a file's end that was given last. */
enum given_how {
	GIVEN_NOTHING, /* no wish was given since the last publish */
	GIVEN,         /* the next set takes the wish, or the entry of the file has it already */
	GIVEN_WAITS,   /* the end has passed: the entry gets it at the next publish or last close */
};

/* The unpublished content of a private inode's writers. Guarded by `lock`. */
struct content {
	struct lock lock; /* RANK_CONTENT */
	struct working_copy copy;
	bool dirty;     /* changed since the last publish */
	bool fresh;     /* never published: a close publishes this set even if it is empty */
	bool in_flight; /* a publish of it has not ended: lookups still find it pending */
	bool withheld;  /* its last writer was killed or failed; until the next write */
	int failure;    /* -errno of the publish that failed, until the next write; or 0 */
	bool live;      /* copy is in use */
};

/* The fields of a scratch file. */
struct scratch_part {
	bool has_copy;    /* the layers have a copy of it, perhaps an older one */
	bool rests;       /* it is in the table's list `resting`; false: in `restless` */
	int64_t rests_ms; /* when it entered that list (time_mono_ms) */
	TAILQ_ENTRY(inode) in_list;
	uid_t uid;            /* who is charged for it */
	struct saved *saved;  /* synced content, or NULL; while `saving`, only for that thread */
	uint64_t saved_moves; /* the table's `moves` when it was synced */
	bool saving;
};

struct inode {
	/* fixed at birth: */
	struct inodes *table;
	enum inode_kind kind;
	const struct view
		*view; /* shows this inode (of verbs/ or inspect/; not looked into in this room) */
	int virtual_file; /* of an INODE_VIRTUAL: which file of its view */

	/* guarded by the table's lock: */
	enum inode_state state; /* of files; only inode_state.c changes it */
	struct name *name;      /* a reference; NULL: the root, or unlinked */
	struct name *former;    /* a reference: the name before it was unlinked, for tickets */
	uint64_t lookups;       /* the kernel's references */
	unsigned pins;          /* the daemon's: requests, handles, tickets, names of a directory */
	uint64_t ino;           /* identity, st_ino */
	struct meta meta;       /* of the version, or of the private content as it stands */

	/* files: */
	unsigned readers;    /* open handles for reading (a reader of a private inode counts) */
	unsigned writers;    /* open handles for writing */
	unsigned tickets;    /* opens to which a ticket has promised this inode */
	struct value *value; /* of a version, while it has readers or tickets */
	struct scratch_part scratch;
	bool stored;      /* the kernel's page cache was filled once */
	uint64_t counted; /* the round of unowned.c that counted it last */
	pid_t owner;      /* thread that opened it private; 0: several threads did */
	bool size_told;   /* while private, its size was told to another thread: never a version */
	bool birth_told;  /* statx(2) showed its birth time: no set takes it over, as a set has
			     another one */
	uint32_t privileges_cleared; /* private: mode bits that a write cleared; the next publish
					stores the change */
	bool published;   /* private: meta and the last frozen content are, or were, published */
	struct end given; /* the wish (end.h) about this file; none: no own end is wanted */
	enum given_how given_how; /* GIVEN_NOTHING: a set takes the end of the directory */
	bool made; /* a version that mknod(2) made and its maker has not opened yet */
	struct inode *next_of_name;    /* in its name's list of private or stale inodes */
	struct inode *next, *previous; /* all inodes of the table */
	struct content content;

	/* directories: */
	struct name *names;        /* below it */
	bool removed;              /* by rmdir: nothing can be made in it */
	bool moving;               /* a rename of it is under way */
	bool own_value;            /* its key had a value at the last look: see key_escape.h */
	struct end default_end;    /* the wish (end.h) for sets below; none: the parent's */
	int dir_rmdir;             /* enum rmdir_policy, or -1: the parent's */
	struct timespec dir_mtime; /* of the last change of a child; 0: the marker's time counts */
	bool unsaved;              /* it is in the table's list `unsaved`, which holds a pin */
	struct inode *next_unsaved;
};

static inline bool inode_is_scratch(const struct inode *inode)
{
	return inode->state == INODE_SCRATCH;
}

/* True if the inode is private or a scratch file: it has content of its writers. */
static inline bool inode_is_private(const struct inode *inode)
{
	return inode->state == INODE_PRIVATE || inode->state == INODE_SCRATCH;
}

/* A new inode has no lookup and no pin. It is freed when it has lost its last lookup and its last
 * pin. inode_state.h makes files. NULL: no memory. */
struct inode *inode_new_dir_locked(struct inodes *t, struct name *name);
/* name: below `layers`, or NULL. */
struct inode *inode_new_virtual_locked(struct inodes *t, const struct view *view, int virtual_file,
				       struct name *name);
struct inode *inode_new_locked(struct inodes *t, enum inode_kind kind,
			       struct name *name); /* only for those two and for inode_state.h */
void inode_pin_locked(struct inode *inode);
void inode_unpin_locked(struct inodes *t, struct inode *inode);
void inode_forget_locked(struct inodes *t, struct inode *inode, uint64_t lookups);

/* Drops a reference to a name. With the last reference, the name's directory loses a pin. */
void name_put_locked(struct inodes *t, struct name *name);

/* From name_publishing_locked() until name_published_locked(), opens of the name wait for a publish
 * that they must see. The name has a reference meanwhile. */
void name_publishing_locked(struct name *name);
void name_published_locked(struct inodes *t, struct name *name);

/* The wish (end.h) about the own end of a set below dir. */
struct end inode_default_end_locked(const struct inode *dir);

/* True if a private inode was written to after its last publish took the content. */
bool inode_has_news_locked(const struct inode *inode);

bool inode_is_idle_locked(const struct inode *version); /* no reader, writer or ticket */
void inode_pin_value_locked(struct inodes *t, struct inode *inode, struct value *value);
void inode_drop_value_locked(struct inodes *t,
			     struct inode *inode); /* if no reader and no ticket needs it */

/* Takes the content's lock. If that would wait, the thread first hands over the request loop. Call
 * with no lock held. */
void inode_content_lock(struct inode *inode);
void inode_content_unlock(struct inode *inode);

/* A new identity: random, never 0. */
uint64_t inode_draw_ino(void);

/* The identity of a file without one (a foreign entry, or a prefix without a marker): a hash of its
 * key, never 0 or the root's. */
uint64_t inode_ino_of_key(struct key key, bool is_dir);

/*
 * A changed directory that nobody holds is freed only after its dir_mtime is in its marker.
 * inode_keep_unsaved_locked() puts the directory into the list if its dir_mtime is not saved;
 * false: it did not. inodes_take_unsaved_locked() takes one out of the list; its pin passes to the
 * caller. NULL: the list is empty.
 */
bool inode_keep_unsaved_locked(struct inodes *t, struct inode *inode);
struct inode *inodes_take_unsaved_locked(struct inodes *t);

/* Calls visit for every name below dir, at any depth. Names in a directory come before the
 * directory's own name. */
void inode_walk_locked(struct inode *dir, void (*visit)(struct inodes *t, struct name *name),
		       struct inodes *t);

#endif
