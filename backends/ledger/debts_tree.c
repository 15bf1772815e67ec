/* See debts_tree.h. */
#include "ledger/debts_tree.h"

#include <errno.h>
#include <search.h>
#include <stdlib.h>
#include <string.h>

struct debts_item *debts_item_new(struct key key)
{
	struct debts_item *item = malloc(sizeof(*item) + key.size);

	if (!item)
		return NULL;
	memcpy(item->bytes, key.bytes, key.size);
	item->key = key_make(item->bytes, key.size);
	item->next = NULL;
	return item;
}

void debts_items_free(struct debts_item *list)
{
	while (list) {
		struct debts_item *next = list->next;
		free(list);
		list = next;
	}
}

void debts_tree_fini(struct debts_tree *t)
{
	tdestroy(t->root, free);
}

/* What is looked for: this key, or any that begins with it, on that side of another. */
struct probe {
	struct key key;
	bool prefix;
	const struct debts_item *but; /* NULL: none */
	int side;                     /* of it: -1 or 1 */
};

static int compare_items(const void *a, const void *b)
{
	const struct debts_item *x = a, *y = b;

	return key_compare(x->key, y->key);
}

static int compare_probe(const void *a, const void *b)
{
	const struct probe *probe = a;
	const struct debts_item *item = b;

	if (!probe->prefix || !key_begins(item->key, probe->key))
		return key_compare(probe->key, item->key);
	if (!probe->but)
		return 0;
	int side = key_compare(item->key, probe->but->key);
	return side != 0 && (side < 0) == (probe->side < 0) ? 0 : probe->side;
}

static struct debts_item *look(const struct debts_tree *t, const struct probe *probe)
{
	void *node = tfind(probe, &t->root, compare_probe);

	return node ? *(struct debts_item **)node : NULL;
}

struct debts_item *debts_tree_find(const struct debts_tree *t, struct key key)
{
	struct probe probe = { .key = key };

	return look(t, &probe);
}

struct debts_item *debts_tree_within(const struct debts_tree *t, struct key prefix)
{
	return debts_tree_within_but(t, prefix, NULL);
}

struct debts_item *debts_tree_within_but(const struct debts_tree *t, struct key prefix,
					 const struct debts_item *but)
{
	struct probe probe = { .key = prefix, .prefix = true, .but = but, .side = -1 };
	struct debts_item *item = look(t, &probe);

	probe.side = 1;
	return item || !but ? item : look(t, &probe);
}

int debts_tree_insert(struct debts_tree *t, struct debts_item *item)
{
	void *node = tsearch(item, &t->root, compare_items);

	if (!node)
		return -ENOMEM;
	if (*(struct debts_item **)node != item)
		return 0;
	t->count++;
	return 1;
}

void debts_tree_take(struct debts_tree *t, struct debts_item *item, struct debts_item **taken)
{
	tdelete(item, &t->root, compare_items);
	t->count--;
	item->next = *taken;
	*taken = item;
}
