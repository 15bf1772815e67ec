#ifndef CACHEFS_TICKET_H
#define CACHEFS_TICKET_H

/*
 * Tickets: the memory of an ESTALE. The kernel answers ESTALE by looking the name up again and
 * trying once more, only once; a second ESTALE would reach the caller. So the thread that was told
 * ESTALE is promised an inode: its next LOOKUPs of the name all lead there, and the request that
 * follows succeeds even if that inode is superseded meanwhile, because it was current during this
 * call.
 *
 * A ticket counts as an opener of its inode. It dies with the request it was for, with the thread's
 * next ESTALE, or of age. Callers in another pid namespace all have thread id 0: they share a
 * ticket per name for some milliseconds. Guarded by the inode table's lock.
 */

#include "inodes/inode_state.h"

enum ticket_kind { TICKET_READ, TICKET_TRUNCATE, TICKET_IN_PLACE, TICKET_ATTR };

struct ticket {
	struct ticket *next;
	pid_t tid;
	enum ticket_kind kind;
	int64_t born_ms;     /* mono */
	struct name *name;   /* a reference; NULL: the inode had none */
	struct inode *stale; /* a pin: which was refused */
	struct inode *inode; /* a pin, and one of its tickets; what LOOKUP shall lead to; NULL: not
				decided */
	struct value *value; /* READ: what the refused open got, current then; or NULL */
	struct meta meta;
	uint64_t got_at;   /* the table's clock when it was got */
	bool looked_up;    /* a LOOKUP came since */
	bool waited;       /* for a pending key, already */
	bool shares;       /* the promised inode is (or was then) a scratch file, which all share */
	int64_t missed_ms; /* mono; when a LOOKUP found nothing; 0: none did */
};

/* ESTALE for this thread: replaces its ticket. value and meta are moved in (may be NULL). */
void ticket_issue_locked(struct inodes *t, pid_t tid, enum ticket_kind kind, struct inode *stale,
			 struct value *value, struct meta *meta, uint64_t got_at, int64_t now_ms);

/* The ticket that a LOOKUP of name by tid has to honour, or NULL. */
struct ticket *ticket_for_lookup_locked(struct inodes *t, pid_t tid, const struct name *name,
					int64_t now_ms);

/*
 * The ticket that a request on inode by tid fulfils, or NULL: promised to it, or, without a LOOKUP
 * between
 * (/proc/self/fd/N, /dev/stdout), refused on that very inode.
 */
struct ticket *ticket_for_inode_locked(struct inodes *t, pid_t tid, const struct inode *inode,
				       int64_t now_ms);

/*
 * For a LOOKUP by tid that found a file at name, or nothing (found), and has no ticket for it. A
 * ticket whose own name was not looked up since: that name is not on the caller's path any more,
 * because a directory or the refused inode was renamed. It follows to this name, and is returned.
 */
struct ticket *ticket_follow_locked(struct inodes *t, pid_t tid, struct name *name, bool found,
				    int64_t now_ms);

/*
 * Whether this thread was refused attributes of the name and looked it up since: the kernel's only
 * retry is spent before the request that it was meant for. The ticket ends.
 */
bool ticket_retry_is_spent_locked(struct inodes *t, pid_t tid, const struct name *name);

/* Decides where the ticket's LOOKUPs lead. */
void ticket_promise_locked(struct ticket *ticket, struct inode *inode);

/* The promised inode was unlinked before it was opened: the next LOOKUP decides anew. */
void ticket_withdraw_locked(struct inodes *t, struct ticket *ticket);

/*
 * A LOOKUP found nothing. There may be one or two more in this call, and the name may come back in
 * between, so the ticket stays. But the call may as well be over: from now on every LOOKUP decides
 * anew and its answer is not cached, so that the ticket never leads a later open to an older value.
 */
void ticket_missed_locked(struct ticket *ticket, int64_t now_ms);

/*
 * The thread has its file: whatever ticket it holds for the name is void. (The kernel may have led
 * it to another inode than the promised one, that another thread had just looked up; a promise that
 * outlived its open would lead the next one to an old value.)
 */
void ticket_done_locked(struct inodes *t, pid_t tid, const struct name *name);

/* Ends it; the inode it held back is settled. */
void ticket_end_locked(struct inodes *t, struct ticket *ticket);

void tickets_fini(struct inodes *t);

#endif
