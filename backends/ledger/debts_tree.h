#ifndef CACHEFS_DEBTS_TREE_H
#define CACHEFS_DEBTS_TREE_H

/*
 * A tree of keys in their order, in which all that begin with a prefix are neighbours: the
 * tombstones of one kind. For debts.c, whose lock is held. A tree that is all zero is empty.
 */

#include <stdbool.h>
#include <stddef.h>

#include "base/key.h"

struct debts_item {
	struct debts_item *next; /* in a list of items taken out */
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

/* Finds the item of this key, or any item that begins with the prefix. NULL: none. */
struct debts_item *debts_tree_find(const struct debts_tree *t, struct key key);
struct debts_item *debts_tree_within(const struct debts_tree *t, struct key prefix);

/* As debts_tree_within(), but never finds the item `but` (NULL: none). */
struct debts_item *debts_tree_within_but(const struct debts_tree *t, struct key prefix,
					 const struct debts_item *but);

/* 1: the tree has the item now, and owns it; 0: the key was there already; -ENOMEM. */
int debts_tree_insert(struct debts_tree *t, struct debts_item *item);

/* Takes the item out, onto a list. */
void debts_tree_take(struct debts_tree *t, struct debts_item *item, struct debts_item **taken);

#endif
