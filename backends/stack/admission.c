/* See admission.h. A list of claims is enough: it has one claim for each change under way, some
 * tens. */
#include "stack/admission.h"

#include <assert.h>
#include <errno.h>

#include "base/time_source.h"
#include "base/waiting.h"

enum { ADMISSION_DEADLINE_MS = 60 * 1000 };

static bool span_covers(struct admission_span span, struct key key)
{
	return key_equal(span.key, key) ||
	       (span.prefix && (key_begins(key, span.key) || key_dir_begins(key, span.key)));
}

static bool spans_overlap(struct admission_span a, struct admission_span b)
{
	return span_covers(a, b.key) || span_covers(b, a.key);
}

static bool claims_overlap(const struct admission_claim *a, const struct admission_claim *b)
{
	for (int i = 0; i < a->span_count; i++)
		for (int j = 0; j < b->span_count; j++)
			if (spans_overlap(a->spans[i], b->spans[j]))
				return true;
	return false;
}

static bool is_blocked_locked(const struct admission *a, const struct admission_claim *claim)
{
	assert(lock_is_held(&a->lock));
	(void)a;
	for (const struct admission_claim *c = claim->previous; c; c = c->previous)
		if (claims_overlap(c, claim))
			return true;
	return false;
}

/* No two claims that are in overlap: what the whole of the stack's order rests on. */
static void check_alone_locked(const struct admission *a, const struct admission_claim *claim)
{
	for (const struct admission_claim *c = a->first; c; c = c->next)
		assert(c == claim || c->state != CLAIM_IN || !claims_overlap(c, claim));
	(void)claim;
}

static void set_state_locked(struct admission *a, struct admission_claim *claim,
			     enum claim_state state)
{
	assert(lock_is_held(&a->lock));
	assert(state != claim->state && !(state == CLAIM_WAITS && claim->state == CLAIM_IN));
	if (state == CLAIM_IN)
		check_alone_locked(a, claim);
	claim->state = state;
}

static void append_locked(struct admission *a, struct admission_claim *claim)
{
	assert(claim->state == CLAIM_OUT);
	claim->next = NULL;
	claim->previous = a->last;
	if (a->last)
		a->last->next = claim;
	else
		a->first = claim;
	a->last = claim;
}

static void unlink_locked(struct admission *a, struct admission_claim *claim)
{
	assert(claim->previous ? claim->previous->next == claim : a->first == claim);
	assert(claim->next ? claim->next->previous == claim : a->last == claim);
	if (claim->previous)
		claim->previous->next = claim->next;
	else
		a->first = claim->next;
	if (claim->next)
		claim->next->previous = claim->previous;
	else
		a->last = claim->previous;
	for (struct admission_claim *c = claim->next; c; c = c->next)
		if (c->state == CLAIM_WAITS && claims_overlap(claim, c))
			pthread_cond_signal(&c->changed);
}

void admission_init(struct admission *a, const struct time_source *time)
{
	a->time = time;
	lock_init(&a->lock, RANK_ADMISSION);
	a->first = a->last = NULL;
}

void admission_fini(struct admission *a)
{
	assert(!a->first);
	lock_fini(&a->lock);
}

/* False: it would have to wait. */
static bool enter_locked(struct admission *a, struct admission_claim *claim)
{
	assert(claim->span_count == 1 || claim->span_count == 2);
	append_locked(a, claim);
	if (is_blocked_locked(a, claim))
		return false;
	set_state_locked(a, claim, CLAIM_IN);
	return true;
}

/* Until it is its turn; false: the deadline came first. */
static bool await_turn_locked(struct admission *a, struct admission_claim *claim,
			      const struct deadline *deadline)
{
	while (is_blocked_locked(a, claim))
		if (!condition_wait_until(&claim->changed, &a->lock, deadline))
			return !is_blocked_locked(a, claim);
	return true;
}

int admission_enter(struct admission *a, struct admission_claim *claim)
{
	assert(lock_none_held());
	lock_take(&a->lock);
	bool entered = enter_locked(a, claim);
	if (!entered) {
		condition_init(&claim->changed);
		set_state_locked(a, claim, CLAIM_WAITS);
	}
	lock_release(&a->lock);
	if (entered)
		return 0;

	waiting_begin();
	struct deadline deadline = deadline_in(a->time, waiting_at_most(ADMISSION_DEADLINE_MS));
	lock_take(&a->lock);
	entered = await_turn_locked(a, claim, &deadline);
	set_state_locked(a, claim, entered ? CLAIM_IN : CLAIM_OUT);
	if (!entered)
		unlink_locked(a, claim);
	lock_release(&a->lock);
	pthread_cond_destroy(&claim->changed);
	return entered ? 0 : -ETIMEDOUT;
}

bool admission_try(struct admission *a, struct admission_claim *claim)
{
	lock_take(&a->lock);
	bool entered = enter_locked(a, claim);
	if (!entered)
		unlink_locked(a, claim);
	lock_release(&a->lock);
	return entered;
}

void admission_leave(struct admission *a, struct admission_claim *claim)
{
	lock_take(&a->lock);
	assert(claim->state == CLAIM_IN);
	set_state_locked(a, claim, CLAIM_OUT);
	unlink_locked(a, claim);
	lock_release(&a->lock);
}
