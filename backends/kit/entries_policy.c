/* The policies LRU and LFU, and the one that keeps all entries. See entries_policy.h. */
#include "kit/entries_policy.h"

#include "kit/entries.h"

static void lru_add(struct entries *s, struct entry *e)
{
	e->newer = NULL;
	e->older = s->newest;
	*(s->newest ? &s->newest->newer : &s->oldest) = e;
	s->newest = e;
}

static void lru_remove(struct entries *s, struct entry *e)
{
	*(e->newer ? &e->newer->older : &s->newest) = e->older;
	*(e->older ? &e->older->newer : &s->oldest) = e->newer;
	e->newer = e->older = NULL;
}

static void lru_replace(struct entries *s, struct entry *old, struct entry *e)
{
	e->newer = old->newer;
	e->older = old->older;
	*(e->newer ? &e->newer->older : &s->newest) = e;
	*(e->older ? &e->older->newer : &s->oldest) = e;
	old->newer = old->older = NULL;
}

static void lru_hit(struct entries *s, struct entry *e)
{
	if (s->newest == e)
		return;
	lru_remove(s, e);
	lru_add(s, e);
}

static struct entry *lru_victim(const struct entries *s, const struct entry *except)
{
	return s->oldest && s->oldest == except ? s->oldest->newer : s->oldest;
}

const struct entries_policy entries_lru = {
	.add = lru_add,
	.remove = lru_remove,
	.replace = lru_replace,
	.hit = lru_hit,
	.refresh = lru_hit,
	.victim = lru_victim,
};

/* Its weight grows with its use; above what was evicted last. */
static void lfu_use(struct entries *s, struct entry *e)
{
	e->uses++;
	e->used_at = ++s->clock;
	e->weight = s->inflation + e->uses;
}

static void lfu_add(struct entries *s, struct entry *e)
{
	e->uses = 0;
	lfu_use(s, e);
	entry_heap_add(&s->weights, e);
}

static void lfu_remove(struct entries *s, struct entry *e)
{
	entry_heap_remove(&s->weights, e);
}

static void lfu_replace(struct entries *s, struct entry *old, struct entry *e)
{
	e->uses = old->uses;
	e->weight = old->weight;
	e->used_at = old->used_at;
	entry_heap_replace(&s->weights, old, e);
}

static void lfu_hit(struct entries *s, struct entry *e)
{
	lfu_use(s, e);
	entry_heap_settle(&s->weights, e);
}

/* Among those that were used as often it goes last. */
static void lfu_refresh(struct entries *s, struct entry *e)
{
	e->used_at = ++s->clock;
	entry_heap_settle(&s->weights, e);
}

static struct entry *lfu_victim(const struct entries *s, const struct entry *except)
{
	struct entry *first = entry_heap_first(&s->weights);

	return first && first == except ? entry_heap_second(&s->weights) : first;
}

const struct entries_policy entries_lfu = {
	.add = lfu_add,
	.remove = lfu_remove,
	.replace = lfu_replace,
	.hit = lfu_hit,
	.refresh = lfu_refresh,
	.victim = lfu_victim,
	.weighs = true,
};

static void keep_nothing(struct entries *s, struct entry *e)
{
	(void)s;
	(void)e;
}

static void keep_replace(struct entries *s, struct entry *old, struct entry *e)
{
	(void)s;
	(void)old;
	(void)e;
}

static struct entry *keep_victim(const struct entries *s, const struct entry *except)
{
	(void)s;
	(void)except;
	return NULL;
}

const struct entries_policy entries_keep = {
	.add = keep_nothing,
	.remove = keep_nothing,
	.replace = keep_replace,
	.hit = keep_nothing,
	.refresh = keep_nothing,
	.victim = keep_victim,
};
