#ifndef CACHEFS_DEBTS_TREE_H
#define CACHEFS_DEBTS_TREE_H

/*
 * Keys in their order, so that all that begin with a prefix are next to each other: the tombstones
 * of one kind, for debts.c, whose lock is held. A tree that is all zero is empty.
 */

#include <stdbool.h>
#include <stddef.h>

#include "base/key.h"

struct debts_item {
	struct debts_item *next; /* on a list of those that were taken out */
	struct key key;
	char bytes[];
};

struct debts_item *debts_item_new(struct key key); /* NULL: out of memory */
void debts_items_free(struct debts_item *list);

struct debts_tree {
	void *root; /* of tsearch() */
	size_t count;
};

void debts_tree_fini(struct debts_tree *t);

/* The item of this key; any that begins with the prefix. NULL: none. */
struct debts_item *debts_tree_find(const struct debts_tree *t, struct key key);
struct debts_item *debts_tree_within(const struct debts_tree *t, struct key prefix);

/* The same but for one item (NULL: none), which stays. */
struct debts_item *debts_tree_within_but(const struct debts_tree *t, struct key prefix,
					 const struct debts_item *but);

/* 1: it is there now, and the tree's; 0: its key was; -ENOMEM. */
int debts_tree_insert(struct debts_tree *t, struct debts_item *item);

/* Onto a list. */
void debts_tree_take(struct debts_tree *t, struct debts_item *item, struct debts_item **taken);

#endif
