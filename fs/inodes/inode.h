#ifndef CACHEFS_INODE_H
#define CACHEFS_INODE_H

/*
 * The room inodes/: what presents the cache's values to the kernel. It knows keys, metadata and
 * values, and never asks a layer. (name_read.h leaves that to its caller.)
 *
 * The inode table. The cache holds published values; inodes present them to the kernel.
 *
 * A *name* is one component in one directory, as long as the daemon knows something about it; what
 * it adds to the directory's key, its *part*, differs from its text if that is an escape. A
 * file inode is a *version* (immutable, presents one published value), *private* to its writers, or
 * stale (inode_state.h has the functions that are the arrows):
 *
 *   version --inode_take_over: nobody uses it----------------> private
 *   private --inode_settle: its content is the published one--> version
 *   private --inode_settle: its content is not current--------> stale
 *   version --inode_retire: superseded, expired, evicted,
 *                           invalidated-----------------------> stale
 *
 * A *scratch file* (scratch.h) is a private inode that no close publishes and that stays after its
 * last close: private --inode_make_scratch--> scratch --inode_end_scratch--> private.
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
	INODE_NONE, /* it has none: no file; or it is being made */
	INODE_VERSION,
	INODE_PRIVATE,
	INODE_SCRATCH, /* private, and a scratch file (scratch.h) */
	INODE_STALE,
};

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

/* What a scratch file has. */
struct scratch_part {
	bool has_copy;    /* the layers have it too, as it was then */
	bool rests;       /* in the table's list `resting`, or else in `restless`; */
	int64_t rests_ms; /* since then (time_mono_ms) */
	TAILQ_ENTRY(inode) in_list;
	uid_t uid;            /* who is charged for it */
	struct saved *saved;  /* what was synced of it; or NULL; while `saving` that thread's */
	uint64_t saved_moves; /* the table's `moves` then */
	bool saving;
};

struct inode {
	/* fixed at birth: */
	struct inodes *table;
	enum inode_kind kind;
	const struct view
		*view;    /* what shows it (the verbs' and inspect's; not looked into here) */
	int virtual_file; /* for INODE_VIRTUAL: which of its view's */

	/* guarded by the table's lock: */
	enum inode_state state; /* of files; only inode_state.c writes it */
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
	struct scratch_part scratch;
	bool stored;      /* the kernel's page cache was filled once */
	uint64_t counted; /* in that round, by unowned.c */
	pid_t owner;      /* thread that opened it private; 0: more than one did */
	bool size_told;   /* while private, its size was told to another thread: never a version */
	bool birth_told;  /* by statx(2), for good: it is not taken over by a set, which has another
			   */
	uint32_t privileges_cleared; /* private: bits of the mode, by a write; the next publish
					stores that */
	bool published;   /* private: meta and the last frozen content are (or were) published */
	struct end given; /* the wish (end.h) on the file; none: no own end is wanted */
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

static inline bool inode_is_scratch(const struct inode *inode)
{
	return inode->state == INODE_SCRATCH;
}

/* Whether writers have a content of their own in it. */
static inline bool inode_is_private(const struct inode *inode)
{
	return inode->state == INODE_PRIVATE || inode->state == INODE_SCRATCH;
}

/* Inodes are made with no lookup and no pin, and freed when the last of both is gone. A file is
 * made by inode_state.h. NULL: no memory. */
struct inode *inode_new_dir_locked(struct inodes *t, struct name *name);
/* name: below `layers`; or NULL. */
struct inode *inode_new_virtual_locked(struct inodes *t, const struct view *view, int virtual_file,
				       struct name *name);
struct inode *inode_new_locked(struct inodes *t, enum inode_kind kind,
			       struct name *name); /* for those two and for inode_state.h */
void inode_pin_locked(struct inode *inode);
void inode_unpin_locked(struct inodes *t, struct inode *inode);
void inode_forget_locked(struct inodes *t, struct inode *inode, uint64_t lookups);

/* Gives a reference to a name back; with the last one its directory loses a pin. */
void name_put_locked(struct inodes *t, struct name *name);

/* Opens of the name wait from now on, for a publish that is to be seen by them; until then. The
 * name has a reference meanwhile. */
void name_publishing_locked(struct name *name);
void name_published_locked(struct inodes *t, struct name *name);

/* The own end that a set below dir gets, as a wish (end.h). */
struct end inode_default_end_locked(const struct inode *dir);

/* Whether a private inode was written to since what it published last was taken. */
bool inode_has_news_locked(const struct inode *inode);

bool inode_is_idle_locked(const struct inode *version); /* no reader, writer or ticket */
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

#endif
