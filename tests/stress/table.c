/* The shared table and the rules, see table.h. */

#include "table.h"

const char *const group_names[GROUP_COUNT] = {
	[GROUP_WHOLE] = "whole",   [GROUP_TRUNCATE] = "truncate", [GROUP_RENAME] = "rename",
	[GROUP_UNLINK] = "unlink", [GROUP_PLACE] = "place",       [GROUP_MMAP] = "mmap",
	[GROUP_APPEND] = "append",
};

static void raise_to(_Atomic uint64_t *to, uint64_t value)
{
	uint64_t old = atomic_load(to);

	while (old < value && !atomic_compare_exchange_weak(to, &old, value))
		;
}

static struct slot *slot_of(struct key_state *k, uint64_t ticket)
{
	return &k->slots[ticket % RING];
}

uint64_t set_ticket(struct key_state *k)
{
	uint64_t ticket = atomic_fetch_add(&k->next_ticket, 1) + 1;
	struct slot *s = slot_of(k, ticket);

	atomic_store(&s->ticket, 0);
	atomic_store(&s->ack, 0);
	atomic_store(&s->begin, 0);
	atomic_store(&s->ticket, ticket);
	return ticket;
}

void set_begin(struct key_state *k, uint64_t ticket)
{
	atomic_store(&slot_of(k, ticket)->begin, now_ns());
}

void set_ack(struct key_state *k, uint64_t ticket)
{
	struct slot *s = slot_of(k, ticket);
	uint64_t begin = atomic_load(&s->begin);

	atomic_store(&s->ack, now_ns());
	raise_to(&k->floor, begin);
	raise_to(&k->set_floor, begin);
}

uint64_t phase_begin(struct phase *p)
{
	/* in this order: who finds it counted in begun finds it in under_way, or ended */
	atomic_fetch_add(&p->under_way, 1);
	atomic_fetch_add(&p->begun, 1);
	return now_ns();
}

void phase_end(struct phase *p, bool failed)
{
	if (!failed)
		raise_to(&p->newest_ack, now_ns());
	atomic_fetch_sub(&p->under_way, 1);
}

void unlink_ack(struct key_state *k, uint64_t begin)
{
	raise_to(&k->floor, begin);
}

static void phase_look(struct phase *p, struct phase_view *view)
{
	view->begun = atomic_load(&p->begun);
	view->under_way = atomic_load(&p->under_way);
}

void key_look(struct key_state *k, struct key_view *view)
{
	phase_look(&k->absent, &view->absent);
	phase_look(&k->empty, &view->empty);
	view->floor = atomic_load(&k->floor);
	view->set_floor = atomic_load(&k->set_floor);
}

static bool phase_is_fair(struct phase *p, const struct phase_view *view, uint64_t floor)
{
	return view->under_way > 0 || atomic_load(&p->begun) != view->begun ||
	       atomic_load(&p->newest_ack) >= floor;
}

bool absent_is_fair(struct key_state *k, const struct key_view *view)
{
	return phase_is_fair(&k->absent, &view->absent, view->set_floor);
}

bool empty_is_fair(struct key_state *k, const struct key_view *view)
{
	return phase_is_fair(&k->empty, &view->empty, view->floor);
}

bool ticket_is_fair(struct key_state *k, const struct key_view *view, uint64_t ticket)
{
	struct slot *s = slot_of(k, ticket);
	uint64_t begin = atomic_load(&s->begin);
	uint64_t ack = atomic_load(&s->ack);

	if (atomic_load(&s->ticket) != ticket)
		return false; /* older than all the ring remembers, or never written */
	if (ack != 0 && ack < view->floor)
		return false;
	raise_to(&k->floor, begin);
	raise_to(&k->set_floor, begin);
	return true;
}
