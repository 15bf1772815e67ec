#ifndef CACHEFS_JOURNAL_CHANGE_H
#define CACHEFS_JOURNAL_CHANGE_H

/* The changes of rows: operations of backend_journal (cache.h), state is the struct journal. */

#include "ledger/journal.h"

int journal_set(void *state, struct key key, struct value *value, const struct meta *meta);
int journal_foresee(void *state, struct key key, uint64_t size);
int journal_touch(void *state, struct key key, const struct meta *meta, unsigned fields);
int journal_remove(void *state, struct key key);
int journal_remove_prefix(void *state, struct key prefix);
int journal_rename(void *state, struct key from, struct key to);
int journal_rename_prefix(void *state, struct key from, struct key to);
int journal_check_rename_prefix(void *state, struct key from, struct key to);

#endif
