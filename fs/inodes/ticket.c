/* See ticket.h. A list is enough: there are only as many tickets as threads that are inside an
 * open(2). */
#include "inodes/ticket.h"

#include <assert.h>
#include <stdlib.h>

enum { TICKET_MAX_AGE_MS = 2000, SHARED_TICKET_MAX_AGE_MS = 20 };

/* One that is left over from an open that ended as a miss would lead a stat to an empty inode. */
enum { MISSED_WRITE_MAX_AGE_MS = 500 };

static bool is_too_old(const struct ticket *ticket, int64_t now_ms)
{
	if (ticket->missed_ms != 0 && ticket->kind != TICKET_READ &&
	    now_ms - ticket->missed_ms > MISSED_WRITE_MAX_AGE_MS)
		return true;
	return now_ms - ticket->born_ms >
	       (ticket->tid == 0 ? SHARED_TICKET_MAX_AGE_MS : TICKET_MAX_AGE_MS);
}

void ticket_withdraw_locked(struct inodes *t, struct ticket *ticket)
{
	struct inode *inode = ticket->inode;

	assert(lock_is_held(&t->lock));
	ticket->inode = NULL;
	ticket->shares = false;
	if (!inode)
		return;
	assert(inode->tickets > 0);
	inode->tickets--;
	inode_settle_locked(t, inode);
	inode_unpin_locked(t, inode);
}

void ticket_end_locked(struct inodes *t, struct ticket *ticket)
{
	struct ticket **link = &t->tickets;

	assert(lock_is_held(&t->lock));
	while (*link != ticket)
		link = &(*link)->next;
	*link = ticket->next;
	ticket_withdraw_locked(t, ticket);
	inode_unpin_locked(t, ticket->stale);
	if (ticket->name)
		name_put_locked(t, ticket->name);
	inodes_bury_value_locked(t, ticket->value);
	inodes_bury_meta_locked(t, &ticket->meta);
	free(ticket);
}

static void end_old(struct inodes *t, int64_t now_ms)
{
	for (struct ticket *ticket = t->tickets, *next; ticket; ticket = next) {
		next = ticket->next;
		if (is_too_old(ticket, now_ms))
			ticket_end_locked(t, ticket);
	}
}

static struct ticket *find(struct inodes *t, pid_t tid, const struct name *name)
{
	struct ticket *ticket = t->tickets;

	while (ticket && (ticket->tid != tid || (tid == 0 && ticket->name != name)))
		ticket = ticket->next;
	return ticket;
}

void ticket_issue_locked(struct inodes *t, pid_t tid, enum ticket_kind kind, struct inode *stale,
			 struct value *value, struct meta *meta, uint64_t got_at, int64_t now_ms)
{
	assert(lock_is_held(&t->lock));
	end_old(t, now_ms);
	struct name *name = stale->name ? stale->name : stale->former;
	struct ticket *old = find(t, tid, name);
	if (old)
		ticket_end_locked(t, old);
	struct ticket *ticket = calloc(1, sizeof(*ticket));
	if (!ticket) { /* then the second try is as good as the first */
		inodes_bury_value_locked(t, value);
		if (meta)
			inodes_bury_meta_locked(t, meta);
		return;
	}
	ticket->tid = tid;
	ticket->kind = kind;
	ticket->born_ms = now_ms;
	ticket->name = name;
	if (name)
		name_ref_locked(name);
	ticket->stale = stale;
	inode_pin_locked(stale);
	ticket->value = value;
	if (meta)
		meta_move(&ticket->meta, meta);
	ticket->got_at = got_at;
	ticket->next = t->tickets;
	t->tickets = ticket;
}

struct ticket *ticket_for_lookup_locked(struct inodes *t, pid_t tid, const struct name *name,
					int64_t now_ms)
{
	assert(lock_is_held(&t->lock));
	if (!t->tickets)
		return NULL;
	end_old(t, now_ms);
	struct ticket *ticket = find(t, tid, name);
	if (!ticket || ticket->name != name)
		return NULL;
	ticket->looked_up = true;
	return ticket;
}

struct ticket *ticket_for_inode_locked(struct inodes *t, pid_t tid, const struct inode *inode,
				       int64_t now_ms)
{
	assert(lock_is_held(&t->lock));
	if (!t->tickets)
		return NULL;
	end_old(t, now_ms);
	struct ticket *ticket = find(t, tid, inode->name ? inode->name : inode->former);
	if (!ticket)
		return NULL;
	if (ticket->inode == inode || (ticket->stale == inode && !ticket->looked_up))
		return ticket;
	return NULL;
}

/* As if it had been refused under that name. */
static void move_to(struct inodes *t, struct ticket *ticket, struct name *name)
{
	ticket_withdraw_locked(t, ticket);
	inodes_bury_value_locked(t, ticket->value);
	inodes_bury_meta_locked(t, &ticket->meta);
	ticket->value = NULL;
	if (ticket->name)
		name_put_locked(t, ticket->name);
	ticket->name = name;
	name_ref_locked(name);
	ticket->looked_up = true;
}

struct ticket *ticket_follow_locked(struct inodes *t, pid_t tid, struct name *name, bool found,
				    int64_t now_ms)
{
	assert(lock_is_held(&t->lock));
	if (!t->tickets || tid == 0)
		return NULL;
	end_old(t, now_ms);
	struct ticket *ticket = find(t, tid, name);
	if (!ticket || ticket->looked_up || ticket->name == name)
		return NULL;
	move_to(t, ticket, name);
	if (!found) /* by the first of two LOOKUPs, or the call is over */
		ticket_missed_locked(ticket, now_ms);
	return ticket;
}

bool ticket_retry_is_spent_locked(struct inodes *t, pid_t tid, const struct name *name)
{
	struct ticket *ticket = t->tickets && tid != 0 ? find(t, tid, name) : NULL;

	assert(lock_is_held(&t->lock));
	if (!ticket || ticket->kind != TICKET_ATTR || !ticket->looked_up || ticket->name != name)
		return false;
	ticket_end_locked(t, ticket);
	return true;
}

void ticket_missed_locked(struct ticket *ticket, int64_t now_ms)
{
	ticket->missed_ms = now_ms;
}

void ticket_done_locked(struct inodes *t, pid_t tid, const struct name *name)
{
	struct ticket *ticket = t->tickets ? find(t, tid, name) : NULL;

	assert(lock_is_held(&t->lock));
	if (ticket)
		ticket_end_locked(t, ticket);
}

void ticket_promise_locked(struct ticket *ticket, struct inode *inode)
{
	assert(lock_is_held(&inode->table->lock));
	assert(!ticket->inode);
	ticket->inode = inode;
	inode_pin_locked(inode);
	inode->tickets++;
	inode_check(inode);
}

void tickets_fini(struct inodes *t)
{
	while (t->tickets) {
		struct ticket *ticket = t->tickets;
		t->tickets = ticket->next;
		value_unref(ticket->value);
		meta_fini(&ticket->meta);
		free(ticket);
	}
}
