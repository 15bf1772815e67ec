#ifndef CACHEFS_TICKET_H
#define CACHEFS_TICKET_H

/*
 * Tickets remember an ESTALE. The kernel answers ESTALE by looking the name up again and trying
 * once more, but only once: a second ESTALE would reach the caller. So the thread that gets ESTALE
 * is promised an inode. The thread's next LOOKUPs of the name all lead to this inode, and the
 * request that follows succeeds. It succeeds even if the inode is superseded meanwhile, because the
 * inode was current during this call.
 *
 * A ticket counts as an opener of its inode. It ends with the request that it is for, with the
 * thread's next ESTALE, or by age. Callers in another pid namespace all have thread id 0: they
 * share one ticket per name for some milliseconds. The inode table's lock guards tickets.
 */

#include "inodes/inode_state.h"

enum ticket_kind { TICKET_READ, TICKET_TRUNCATE, TICKET_IN_PLACE, TICKET_ATTR };

struct ticket {
	struct ticket *next;
	pid_t tid;
	enum ticket_kind kind;
	int64_t born_ms;     /* mono */
	struct name *name;   /* a reference; NULL: the inode had none */
	struct inode *stale; /* a pin: the inode that was refused */
	struct inode *inode; /* a pin, and one of its tickets; LOOKUP shall lead to it; NULL: not
				decided */
	struct value *value; /* READ: the value that the refused open got, then current; or NULL */
	struct meta meta;
	uint64_t got_at;   /* the table's clock when the value was got */
	bool looked_up;    /* a LOOKUP came after the ESTALE */
	bool waited;       /* it has waited for a pending key already */
	bool shares;       /* the promised inode is, or was, a scratch file, which all share */
	int64_t missed_ms; /* mono; when a LOOKUP found nothing; 0: never */
};

/* Gives the thread a ticket for an answer of ESTALE; the ticket replaces the thread's old one.
 * Takes over value and meta, which may be NULL. */
void ticket_issue_locked(struct inodes *t, pid_t tid, enum ticket_kind kind, struct inode *stale,
			 struct value *value, struct meta *meta, uint64_t got_at, int64_t now_ms);

/* The ticket of tid that a LOOKUP of name must obey, or NULL. */
struct ticket *ticket_for_lookup_locked(struct inodes *t, pid_t tid, const struct name *name,
					int64_t now_ms);

/*
 * The ticket of tid that a request on inode fulfils, or NULL. The inode is the promised one; or it
 * is the refused one and no LOOKUP came between (/proc/self/fd/N, /dev/stdout).
 */
struct ticket *ticket_for_inode_locked(struct inodes *t, pid_t tid, const struct inode *inode,
				       int64_t now_ms);

/*
 * For a LOOKUP by tid of a name for which the thread has no ticket; found: the LOOKUP found a file.
 * If the thread has a ticket for another name that was not looked up since, the caller's path does
 * not lead to that name any more: a directory or the refused inode was renamed. Then the ticket
 * moves to this name and is returned; otherwise NULL.
 */
struct ticket *ticket_follow_locked(struct inodes *t, pid_t tid, struct name *name, bool found,
				    int64_t now_ms);

/*
 * True if this thread was refused attributes of the name and has looked the name up since. The
 * kernel has then used its only retry before the request that the retry was for. The ticket ends.
 */
bool ticket_retry_is_spent_locked(struct inodes *t, pid_t tid, const struct name *name);

/* Decides to which inode the ticket's LOOKUPs lead. */
void ticket_promise_locked(struct ticket *ticket, struct inode *inode);

/* Takes the promise back, because the promised inode was unlinked before it was opened. The next
 * LOOKUP decides again. */
void ticket_withdraw_locked(struct inodes *t, struct ticket *ticket);

/*
 * Notes that a LOOKUP found nothing. The same call may do one or two more LOOKUPs, and the name may
 * come back in between, so the ticket stays. But the call may also be over. So from now on every
 * LOOKUP decides again and its answer is not cached; the ticket then never leads a later open to an
 * older value.
 */
void ticket_missed_locked(struct ticket *ticket, int64_t now_ms);

/*
 * The thread has opened its file: its ticket ends. (The kernel may have opened another inode than
 * the promised one, because another thread had just looked that inode up. A promise that outlives
 * its open would lead the next open to an old value.)
 */
void ticket_done_locked(struct inodes *t, pid_t tid, const struct name *name);

/* Ends the ticket, and settles the inode that it held back. */
void ticket_end_locked(struct inodes *t, struct ticket *ticket);

void tickets_fini(struct inodes *t);

#endif
