/* See admission.h. A list is enough: it is as long as there are changes under way, some tens. */
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

static bool is_blocked_locked(const struct admission_claim *claim)
{
	for (const struct admission_claim *c = claim->previous; c; c = c->previous)
		if (claims_overlap(c, claim))
			return true;
	return false;
}

static void append_locked(struct admission *a, struct admission_claim *claim)
{
	claim->next = NULL;
	claim->previous = a->last;
	claim->waiting = false;
	if (a->last)
		a->last->next = claim;
	else
		a->first = claim;
	a->last = claim;
}

static void unlink_locked(struct admission *a, struct admission_claim *claim)
{
	if (claim->previous)
		claim->previous->next = claim->next;
	else
		a->first = claim->next;
	if (claim->next)
		claim->next->previous = claim->previous;
	else
		a->last = claim->previous;
	for (struct admission_claim *c = claim->next; c; c = c->next)
		if (c->waiting && claims_overlap(claim, c))
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

int admission_enter(struct admission *a, struct admission_claim *claim)
{
	lock_take(&a->lock);
	append_locked(a, claim);
	if (!is_blocked_locked(claim)) {
		lock_release(&a->lock);
		return 0;
	}
	condition_init(&claim->changed);
	claim->waiting = true;
	lock_release(&a->lock);

	waiting_begin();
	struct deadline deadline = deadline_in(a->time, waiting_at_most(ADMISSION_DEADLINE_MS));
	int rc = 0;
	lock_take(&a->lock);
	while (is_blocked_locked(claim)) {
		if (!condition_wait_until(&claim->changed, &a->lock, &deadline)) {
			rc = is_blocked_locked(claim) ? -ETIMEDOUT : 0;
			break;
		}
	}
	claim->waiting = false;
	if (rc < 0)
		unlink_locked(a, claim);
	lock_release(&a->lock);
	pthread_cond_destroy(&claim->changed);
	return rc;
}

bool admission_try(struct admission *a, struct admission_claim *claim)
{
	lock_take(&a->lock);
	append_locked(a, claim);
	bool free = !is_blocked_locked(claim);
	if (!free)
		unlink_locked(a, claim);
	lock_release(&a->lock);
	return free;
}

void admission_leave(struct admission *a, struct admission_claim *claim)
{
	lock_take(&a->lock);
	unlink_locked(a, claim);
	lock_release(&a->lock);
}
